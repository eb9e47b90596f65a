import {
  BUDGET,
  CPL,
  CR4,
  EFLAGS_SYS,
  EXIT_A,
  EXIT_B,
  EXIT_BREAKPOINT,
  EXIT_C,
  EXIT_CPUID,
  EXIT_CR8,
  EXIT_HLT,
  EXIT_HYPERCALL,
  EXIT_IO,
  EXIT_IO_STRING,
  EXIT_MMIO,
  EXIT_MSR,
  EXIT_OTHER,
  EXIT_TRIPLE,
  EXIT_UNIMPLEMENTED,
  EXIT_XSETBV,
  MISC_FEATURES,
  MMIO_COUNT,
  MMIO_KEY,
  MMIO_LOG_ENTRIES,
  RAX,
  RCX,
  RDX,
  RETIRED_BASE,
  RIP,
  XCR0,
} from '../machine/layout.ts';
import { xcr0Mask } from '../spec/x86/cpu-models.ts';
import { HVM_PARAM_TRIPLE_FAULT_REASON } from '../spec/xen/hvm/params.ts';
import { SHUTDOWN_crash, SHUTDOWN_MAX, SHUTDOWN_poweroff, SHUTDOWN_reboot } from '../spec/xen/sched.ts';
import { RUNSTATE_blocked } from '../spec/xen/vcpu.ts';
import { domainModel } from './arch/x86/cpu-policy.ts';
import { guestCpuid } from './arch/x86/cpuid.ts';
import { hasPendingInterrupt } from './arch/x86/interrupts.ts';
import { APIC_DEFAULT_BASE, readMmio, writeMmio, writeTaskPriority } from './arch/x86/lapic.ts';
import { CPUID_FAULTING, readMsr, writeMsr } from './arch/x86/msr.ts';
import { nmiDue } from './arch/x86/nmi.ts';
import { printk } from './console-ring.ts';
import { STOP_BREAKPOINT, stopForDebugger } from './debug/stop.ts';
import { domain as domainStruct, VCPUF_blocked, VCPUF_down } from './domain.ts';
import { enterHypercall } from './entry.ts';
import { ANSWERED, completeInstruction, type ExitContext } from './exit-context.ts';
import { writeGuestConsole } from './guest-console.ts';
import type { Hypervisor, Vcpu } from './hypervisor.ts';
import { crashDomain, shutDown } from './lifecycle/shutdown.ts';
import { setRunstate } from './time/runstate.ts';
import type { Trace } from './trace.ts';

const GP = 13;
const UD = 6;
const IF = 1 << 9;
const IS_WRITE = 0x100;

/** RAX or EAX with an input value of `size` bytes (32-bit results clear the upper half). */
function setAccumulator(v: Vcpu, value: number, size: number): void {
  const c = v.context;
  if (size === 4) c.setLow(RAX, value);
  else {
    const mask = size === 1 ? 0xffn : 0xffffn;
    c.set(RAX, (c.get(RAX) & ~mask) | (BigInt(value >>> 0) & mask));
  }
}

/** Ports of a PVH domain: the debug console, and nothing else (reads give all ones). */
function portRead(trace: Trace, port: number, size: number): number {
  if (port !== 0xe9) trace.unclaimedPort(port);
  return size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff;
}

/** False: the write is to be made again, after domain 0's programs had a turn. */
function portWrite(hv: Hypervisor, v: Vcpu, trace: Trace, port: number, size: number, value: number): boolean {
  if (port === 0xe9) return size !== 1 || writeGuestConsole(hv, v.domain, Uint8Array.of(value & 0xff));
  trace.unclaimedPort(port);
  return true;
}

function io({ hv, trace }: ExitContext, v: Vcpu): void {
  const c = v.context;
  const port = c.low(EXIT_A);
  const kind = c.low(EXIT_B);
  const size = kind & 0xff;
  if ((kind & IS_WRITE) !== 0) {
    if (!portWrite(hv, v, trace, port, size, c.low(RAX))) return;
  } else setAccumulator(v, portRead(trace, port, size), size);
  completeInstruction(v);
}

function ioString({ hv, trace }: ExitContext, v: Vcpu): void {
  const c = v.context;
  const port = c.low(EXIT_A);
  const kind = c.low(EXIT_B);
  if ((kind & IS_WRITE) !== 0) {
    if (!portWrite(hv, v, trace, port, kind & 0xff, c.low(EXIT_C))) return;
  } else c.setLow(EXIT_C, portRead(trace, port, kind & 0xff));
  c.setLow(EXIT_B, kind | ANSWERED);
}

function cpuid({ hv }: ExitContext, v: Vcpu): void {
  const c = v.context;
  if ((c.get(MISC_FEATURES) & CPUID_FAULTING) !== 0n && c.low(CPL) !== 0) {
    hv.cpu.exception(c.address, GP, 0);
    return;
  }
  const answer = guestCpuid(hv, v, c.low(RAX), c.low(RCX));
  c.setLow(RAX, answer.eax);
  c.setLow(3, answer.ebx);
  c.setLow(RCX, answer.ecx);
  c.setLow(RDX, answer.edx);
  completeInstruction(v);
}

function msr({ hv, model, trace }: ExitContext, v: Vcpu): void {
  const c = v.context;
  const index = c.low(RCX);
  if (c.low(EXIT_A) === 0) {
    const value = readMsr(hv, v, model, index);
    if (value === undefined) {
      trace.unknownMsr(index);
      hv.cpu.exception(c.address, GP, 0);
      return;
    }
    c.setLow(RAX, Number(value & 0xffffffffn));
    c.setLow(RDX, Number((value >> 32n) & 0xffffffffn));
  } else if (!writeMsr(hv, v, model, index, (BigInt(c.low(RDX)) << 32n) | BigInt(c.low(RAX)))) {
    trace.unknownMsr(index);
    hv.cpu.exception(c.address, GP, 0);
    return;
  }
  completeInstruction(v);
}

function mmio({ hv, trace }: ExitContext, v: Vcpu): void {
  const c = v.context;
  const gpa = c.number(EXIT_A);
  const kind = c.low(EXIT_B);
  const inApic = gpa >= APIC_DEFAULT_BASE && gpa < APIC_DEFAULT_BASE + 4096 && (v.s.apic_base & 0xc00n) === 0x800n;
  if ((kind & 0x200) !== 0) {
    crashDomain(hv, v.domain, `instruction fetch from guest-physical address 0x${gpa.toString(16)}, where there is no RAM`);
    return;
  }
  if (c.low(MMIO_COUNT) >= MMIO_LOG_ENTRIES && c.get(MMIO_KEY) === c.get(RETIRED_BASE) - c.get(BUDGET)) {
    // the log of its answers is full, so it would be started again for ever
    crashDomain(hv, v.domain, `an instruction makes more than ${MMIO_LOG_ENTRIES} accesses to guest-physical addresses where there is no RAM`);
    return;
  }
  if (!inApic) trace.unclaimedMemory(gpa);
  if ((kind & IS_WRITE) !== 0) {
    if (inApic) writeMmio(hv, v, gpa & 0xfff, c.low(EXIT_C));
  } else {
    // No more bytes than were asked for: the core takes the answer as it is.
    const value = inApic ? BigInt(readMmio(hv, v, gpa & 0xfff) >>> 0) : 0xffffffffffffffffn;
    c.set(EXIT_C, BigInt.asUintN((kind & 0xff) * 8, value));
  }
  c.setLow(EXIT_B, kind | ANSWERED);
}

function halt({ hv }: ExitContext, v: Vcpu): void {
  if ((v.context.low(EFLAGS_SYS) & IF) === 0) {
    if (nmiDue(v)) return;
    // Nothing can wake it but an NMI: as Xen, the vCPU goes down; the last one takes the domain with it.
    v.s.flags |= VCPUF_down;
    for (const other of hv.vcpus(v.domain)) if ((other.s.flags & VCPUF_down) === 0) return;
    shutDown(hv, v.domain, SHUTDOWN_poweroff);
    return;
  }
  if (hasPendingInterrupt(hv, v)) return;
  v.s.flags |= VCPUF_blocked;
  setRunstate(hv, v, RUNSTATE_blocked);
}

function tripleFault({ hv }: ExitContext, v: Vcpu): void {
  const at = v.domain.address + domainStruct.offsets.hvm_params + HVM_PARAM_TRIPLE_FAULT_REASON * 8;
  const given = hv.memories.stateView.getUint32(at, true);
  const reason = given === 0 || given > SHUTDOWN_MAX ? SHUTDOWN_reboot : given;
  printk(hv, `(XEN) d${v.domain.id}v${v.id} Triple fault - invoking HVM shutdown action ${reason}`);
  if (reason === SHUTDOWN_crash) crashDomain(hv, v.domain, 'triple fault');
  else shutDown(hv, v.domain, reason);
}

/** XSETBV. @see Intel SDM vol. 2, XSETBV; x87 must stay enabled, AVX needs SSE */
function xsetbv({ hv }: ExitContext, v: Vcpu): void {
  const c = v.context;
  const value = (BigInt(c.low(RDX)) << 32n) | BigInt(c.low(RAX));
  const valid = BigInt(xcr0Mask(domainModel(hv, v.domain)));
  if (c.low(CPL) !== 0 || c.low(RCX) !== 0 || (value & 1n) === 0n || (value & ~valid) !== 0n || (value & 6n) === 4n || (c.low(CR4) & (1 << 18)) === 0) {
    hv.cpu.exception(c.address, GP, 0);
    return;
  }
  c.set(XCR0, value);
  hv.cpu.stateChanged(c.address);
  completeInstruction(v);
}

/** Handle an exit that needs the hypervisor. Exits that only end a slice (budget, window) are the run loop's. */
export function handleExit(x: ExitContext, v: Vcpu, reason: number): void {
  const { hv } = x;
  switch (reason) {
    case EXIT_HYPERCALL:
      // EXIT_A: VMCALL 0, VMMCALL 1. A processor knows its own vendor's only.
      if ((v.context.low(EXIT_A) === 0) === (x.model.vendor === 'GenuineIntel')) enterHypercall(x, v);
      else hv.cpu.exception(v.context.address, UD);
      return;
    case EXIT_IO:
      io(x, v);
      return;
    case EXIT_IO_STRING:
      ioString(x, v);
      return;
    case EXIT_CPUID:
      cpuid(x, v);
      return;
    case EXIT_MSR:
      msr(x, v);
      return;
    case EXIT_MMIO:
      mmio(x, v);
      return;
    case EXIT_HLT:
      halt(x, v);
      return;
    case EXIT_TRIPLE:
      tripleFault(x, v);
      return;
    case EXIT_XSETBV:
      xsetbv(x, v);
      return;
    case EXIT_CR8:
      writeTaskPriority(v, v.context.low(EXIT_A) << 4);
      completeInstruction(v);
      return;
    case EXIT_UNIMPLEMENTED:
      crashDomain(hv, v.domain, `instruction not implemented: ${x.rowName(v.context.low(EXIT_A))} at rip 0x${v.context.get(RIP).toString(16)}`);
      return;
    case EXIT_BREAKPOINT:
      stopForDebugger(hv, v, STOP_BREAKPOINT);
      return;
    case EXIT_OTHER:
      hv.cpu.exception(v.context.address, UD);
      return;
    default:
  }
}
