import { CR8 } from '../../../machine/layout.ts';
import { vcpu_info } from '../../../spec/xen/xen.ts';
import { NEVER, VCPU_WORD, VCPUF_blocked, VCPUF_down, VCPUF_wait_sipi } from '../../domain.ts';
import type { Hypervisor, Vcpu } from '../../hypervisor.ts';
import { raiseNmi } from './nmi.ts';
import { startAtSipi } from './sipi.ts';

/**
 * The virtual local APIC: registers as in the Intel SDM vol. 3A chapter 11, kept in the heap, one u32 per 16 bytes of
 * the register page. xAPIC (memory-mapped) and x2APIC (MSRs 0x800 and up) are two ways to the same registers.
 */

export const APIC_DEFAULT_BASE = 0xfee00000;
/** IA32_APIC_BASE: boot processor, x2APIC on, globally on. */
const BASE_BSP = 0x100n;
const BASE_X2APIC = 0x400n;
const BASE_ENABLE = 0x800n;

/** The last two in IA32_APIC_BASE's low half. */
const X2APIC = 0x400;
const ENABLE = 0x800;

/** Register page offsets / 16. */
const ID = 0x02;
const VERSION = 0x03;
const TPR = 0x08;
const PPR = 0x0a;
const EOI = 0x0b;
const LDR = 0x0d;
const DFR = 0x0e;
const SVR = 0x0f;
const ISR = 0x10;
const TMR = 0x18;
const IRR = 0x20;
const ESR = 0x28;
const CMCI = 0x2f;
const ICR = 0x30;
const ICR2 = 0x31;
const LVT_TIMER = 0x32;
const LVT_ERROR = 0x37;
const TIMER_INITIAL = 0x38;
const TIMER_CURRENT = 0x39;
const TIMER_DIVIDE = 0x3e;
const SELF_IPI = 0x3f;

/** Our own fields behind the registers: timer start (ns), deadline (ns), pending error bits. */
const TIMER_START = 0x100;
const TIMER_DEADLINE = 0x108;
const ERRORS = 0x110;
const BYTES = 0x120;

const MASKED = 1 << 16;
const SVR_ENABLE = 1 << 8;
/** Bus clock of the virtual APIC: 100 MHz, 10 ns a tick, as Xen's. */
const BUS_NS = 10n;

/** Where the registers are, 0 when there is no APIC. */
const base = (v: Vcpu): number => (v.words[v.at + VCPU_WORD.lapic] as number) >>> 0;
const get = (v: Vcpu, index: number): number => (v.words[base(v) / 4 + index] as number) >>> 0;
const set = (v: Vcpu, index: number, value: number): void => {
  v.words[base(v) / 4 + index] = value;
};
/** APIC id of a vCPU: twice its number, as Xen gives them. */
export const apicId = (v: Vcpu): number => v.id * 2;
const apicBase = (v: Vcpu): number => v.words[v.at + VCPU_WORD.apic_base] as number;
const x2apic = (v: Vcpu): boolean => (apicBase(v) & X2APIC) !== 0;

/** Give a vCPU its APIC in the state after reset. False when the heap is full. */
export function createLapic(hv: Hypervisor, v: Vcpu): boolean {
  const at = hv.heap.allocate(BYTES);
  if (at === 0) return false;
  v.s.lapic = at;
  resetLapic(hv, v);
  return true;
}

export function destroyLapic(hv: Hypervisor, v: Vcpu): void {
  if (v.s.lapic !== 0) hv.heap.free(v.s.lapic, BYTES);
  v.s.lapic = 0;
}

export function resetLapic(hv: Hypervisor, v: Vcpu): void {
  hv.memories.stateBytes.fill(0, v.s.lapic, v.s.lapic + BYTES);
  v.s.apic_base = BigInt(APIC_DEFAULT_BASE) | BASE_ENABLE | (v.id === 0 ? BASE_BSP : 0n);
  set(v, ID, apicId(v) << 24);
  set(v, VERSION, 0x00050014);
  set(v, DFR, 0xffffffff);
  set(v, SVR, 0xff);
  for (let i = CMCI; i <= LVT_ERROR; i++) if (i === CMCI || i >= LVT_TIMER) set(v, i, MASKED);
  hv.memories.stateView.setBigUint64(v.s.lapic + TIMER_DEADLINE, NEVER, true);
}

/** The register page's first KiB, as a guest would read it. */
export function lapicPage(v: Vcpu): Uint8Array {
  const page = new Uint8Array(1024);
  const view = new DataView(page.buffer);
  for (let index = 0; index <= SELF_IPI; index++) view.setUint32(index * 16, get(v, index), true);
  return page;
}

/** What the registers do not tell. `disabled`: bit 0 by its enable bit, bit 1 by the APIC base. */
export function lapicSummary(v: Vcpu): { apic_base_msr: bigint; disabled: number; timer_divisor: number; tdt_msr: bigint } {
  const disabled = ((get(v, SVR) & SVR_ENABLE) === 0 ? 1 : 0) | ((v.s.apic_base & BASE_ENABLE) === 0n ? 2 : 0);
  return { apic_base_msr: v.s.apic_base, disabled, timer_divisor: Number(divisor(v)), tdt_msr: v.s.tsc_deadline };
}

function highest(v: Vcpu, bank: number): number {
  const { words } = v;
  const first = base(v) / 4 + bank;
  for (let i = 7; i >= 0; i--) {
    const word = words[first + i] as number;
    if (word !== 0) return i * 32 + 31 - Math.clz32(word);
  }
  return -1;
}

function change(v: Vcpu, bank: number, vector: number, on: boolean): void {
  const index = bank + (vector >>> 5);
  const bit = 1 << (vector & 31);
  set(v, index, on ? get(v, index) | bit : get(v, index) & ~bit);
}

function processorPriority(v: Vcpu): number {
  const serving = highest(v, ISR);
  const tpr = get(v, TPR) & 0xff;
  const service = serving < 0 ? 0 : serving & 0xf0;
  return (tpr & 0xf0) >= service ? tpr : service;
}

const enabled = (v: Vcpu): boolean => (apicBase(v) & ENABLE) !== 0 && (get(v, SVR) & SVR_ENABLE) !== 0;

/** An edge-triggered interrupt arrives. Dropped while the APIC is off. */
export function acceptInterrupt(hv: Hypervisor, v: Vcpu, vector: number): void {
  if (base(v) === 0 || !enabled(v)) return;
  if (vector < 16) {
    apicError(hv, v, 1 << 6);
    return;
  }
  change(v, IRR, vector, true);
  change(v, TMR, vector, false);
  v.s.flags &= ~VCPUF_blocked;
}

/** Vector that the vCPU should take next, or -1. Does not take it. */
export function pendingInterrupt(v: Vcpu): number {
  if (base(v) === 0) return -1;
  const vector = highest(v, IRR);
  if (vector < 0 || !enabled(v)) return -1;
  return (vector & 0xf0) > (processorPriority(v) & 0xf0) ? vector : -1;
}

/** The vCPU takes `vector`: from requested to in service. */
export function acknowledge(v: Vcpu, vector: number): void {
  change(v, IRR, vector, false);
  change(v, ISR, vector, true);
}

function endOfInterrupt(v: Vcpu): void {
  const vector = highest(v, ISR);
  if (vector >= 0) change(v, ISR, vector, false);
}

function apicError(hv: Hypervisor, v: Vcpu, bit: number): void {
  const at = v.s.lapic + ERRORS;
  hv.memories.stateView.setUint32(at, hv.memories.stateView.getUint32(at, true) | bit, true);
  const lvt = get(v, LVT_ERROR);
  if ((lvt & MASKED) === 0 && (lvt & 0xff) >= 16) acceptInterrupt(hv, v, lvt & 0xff);
}

// ---- timer --------------------------------------------------------------------------------------------------------

const MODE_ONE_SHOT = 0;
const MODE_PERIODIC = 1;
const MODE_TSC_DEADLINE = 2;
const timerMode = (lvt: number): number => (lvt >>> 17) & 3;

function divisor(v: Vcpu): bigint {
  const raw = get(v, TIMER_DIVIDE);
  const code = (raw & 3) | ((raw >>> 1) & 4);
  return code === 7 ? 1n : 2n << BigInt(code);
}

const deadlineAt = (v: Vcpu): number => base(v) + TIMER_DEADLINE;

/** Where the instant of the APIC timer's next expiry stands in `state`, 0 when there is no APIC. */
export const timerDeadlineAt = (v: Vcpu): number => (base(v) === 0 ? 0 : deadlineAt(v));

/** Instant (ns) of the APIC timer's next expiry, NEVER when it is off. */
export function timerDeadline(hv: Hypervisor, v: Vcpu): bigint {
  return v.s.lapic === 0 ? NEVER : hv.memories.stateView.getBigUint64(deadlineAt(v), true);
}

function startTimer(hv: Hypervisor, v: Vcpu): void {
  const initial = BigInt(get(v, TIMER_INITIAL));
  const view = hv.memories.stateView;
  const start = hv.now();
  view.setBigUint64(v.s.lapic + TIMER_START, start, true);
  view.setBigUint64(deadlineAt(v), initial === 0n ? NEVER : start + initial * BUS_NS * divisor(v), true);
}

function currentCount(hv: Hypervisor, v: Vcpu): number {
  const deadline = timerDeadline(hv, v);
  if (deadline === NEVER || timerMode(get(v, LVT_TIMER)) === MODE_TSC_DEADLINE) return 0;
  const left = deadline - hv.now();
  return left <= 0n ? 0 : Number(left / (BUS_NS * divisor(v)));
}

/** IA32_TSC_DEADLINE written: absolute TSC value (the TSC counts nanoseconds), 0 disarms. Ignored in the other modes. */
export function setTscDeadline(hv: Hypervisor, v: Vcpu, tsc: bigint, guestTsc: bigint): void {
  if (timerMode(get(v, LVT_TIMER)) !== MODE_TSC_DEADLINE) return;
  v.s.tsc_deadline = tsc;
  hv.memories.stateView.setBigUint64(deadlineAt(v), tsc === 0n ? NEVER : hv.now() + (tsc > guestTsc ? tsc - guestTsc : 0n), true);
}

export function readTscDeadline(hv: Hypervisor, v: Vcpu): bigint {
  return timerMode(get(v, LVT_TIMER)) === MODE_TSC_DEADLINE && timerDeadline(hv, v) !== NEVER ? v.s.tsc_deadline : 0n;
}

/** The timer's deadline has come. */
export function timerExpired(hv: Hypervisor, v: Vcpu): void {
  const view = hv.memories.stateView;
  const lvt = get(v, LVT_TIMER);
  const deadline = timerDeadline(hv, v);
  if (timerMode(lvt) === MODE_PERIODIC) {
    const period = BigInt(get(v, TIMER_INITIAL)) * BUS_NS * divisor(v);
    const late = hv.now() - deadline;
    view.setBigUint64(deadlineAt(v), period === 0n ? NEVER : deadline + period * (late / period + 1n), true);
  } else {
    view.setBigUint64(deadlineAt(v), NEVER, true);
    v.s.tsc_deadline = 0n;
  }
  if ((lvt & MASKED) === 0) acceptInterrupt(hv, v, lvt & 0xff);
}

// ---- interprocessor interrupts -------------------------------------------------------------------------------------

function matches(target: Vcpu, destination: number, logical: boolean, x2: boolean): boolean {
  if (destination === (x2 ? 0xffffffff : 0xff)) return true;
  if (!logical) return destination === apicId(target);
  if (x2) {
    const ldr = logicalX2(target);
    return ldr >>> 16 === destination >>> 16 && (ldr & destination & 0xffff) !== 0;
  }
  const ldr = get(target, LDR) >>> 24;
  if (get(target, DFR) >>> 28 === 0xf) return (ldr & destination) !== 0;
  return ldr >>> 4 === destination >>> 4 && (ldr & destination & 0xf) !== 0;
}

const logicalX2 = (v: Vcpu): number => (((apicId(v) >>> 4) << 16) | (1 << (apicId(v) & 15))) >>> 0;

function sendIpi(hv: Hypervisor, from: Vcpu, low: number, destination: number): void {
  const vector = low & 0xff;
  const delivery = (low >>> 8) & 7;
  const shorthand = (low >>> 18) & 3;
  const logical = (low & 0x800) !== 0;
  if ((delivery === 0 || delivery === 1) && vector < 16) {
    apicError(hv, from, 1 << 5);
    return;
  }
  for (const target of hv.vcpus(from.domain)) {
    const hit =
      shorthand === 1 ? target === from : shorthand === 2 ? true : shorthand === 3 ? target !== from : matches(target, destination, logical, x2apic(from));
    if (!hit) continue;
    if (delivery === 0) acceptInterrupt(hv, target, vector);
    else if (delivery === 1) {
      acceptInterrupt(hv, target, vector); // lowest priority: the first that matches
      return;
    } else if (delivery === 4) {
      raiseNmi(target);
    } else if (delivery === 5) {
      if (target !== from && (low & 0x4000) !== 0) target.s.flags = (target.s.flags | VCPUF_down | VCPUF_wait_sipi) & ~VCPUF_blocked;
    } else if (delivery === 6 && (target.s.flags & VCPUF_wait_sipi) !== 0) startAtSipi(hv, target, vector);
  }
}

// ---- registers ------------------------------------------------------------------------------------------------------

/** Read register `index` (page offset / 16); undefined when there is none (x2APIC: #GP, xAPIC: reads 0). */
function readRegister(hv: Hypervisor, v: Vcpu, index: number): number | undefined {
  switch (index) {
    case ID:
      return x2apic(v) ? apicId(v) : get(v, ID);
    case PPR:
      return processorPriority(v);
    case LDR:
      return x2apic(v) ? logicalX2(v) : get(v, LDR);
    case TIMER_CURRENT:
      return currentCount(hv, v);
    case VERSION:
    case TPR:
    case DFR:
    case SVR:
    case ESR:
    case CMCI:
    case ICR:
    case ICR2:
    case TIMER_INITIAL:
    case TIMER_DIVIDE:
      return get(v, index);
    default:
      if ((index >= ISR && index < ESR) || (index >= LVT_TIMER && index <= LVT_ERROR)) return get(v, index);
      return undefined;
  }
}

/** Give the event upcall's interrupt again when its flag stands: the vector was not set, or the APIC was off, when it came. */
export function repeatEventUpcall(hv: Hypervisor, v: Vcpu): void {
  if (v.s.info === 0 || v.s.evtchn_upcall_vector === 0) return;
  if (hv.memories.frameBytes[v.s.info + vcpu_info.offsets.evtchn_upcall_pending] !== 0) acceptInterrupt(hv, v, v.s.evtchn_upcall_vector);
}

/** Write register `index`; false when it does not exist or the value is refused (x2APIC: #GP). */
function writeRegister(hv: Hypervisor, v: Vcpu, index: number, value: number): boolean {
  switch (index) {
    case TPR:
      writeTaskPriority(v, value);
      v.context.setLow(CR8, (value >>> 4) & 15);
      return true;
    case EOI:
      endOfInterrupt(v);
      return true;
    case LDR:
      if (x2apic(v)) return false;
      set(v, LDR, value & 0xff000000);
      return true;
    case DFR:
      if (x2apic(v)) return false;
      set(v, DFR, value | 0x0fffffff);
      return true;
    case ID:
      if (x2apic(v)) return false;
      return true; // Xen ignores writes of the id
    case SVR:
      set(v, SVR, value & 0x3ff);
      if ((value & SVR_ENABLE) !== 0) repeatEventUpcall(hv, v);
      else for (let i = LVT_TIMER; i <= LVT_ERROR; i++) set(v, i, get(v, i) | MASKED);
      return true;
    case ESR: {
      const at = v.s.lapic + ERRORS;
      set(v, ESR, hv.memories.stateView.getUint32(at, true));
      hv.memories.stateView.setUint32(at, 0, true);
      return true;
    }
    case ICR:
      set(v, ICR, value & ~0x1000);
      sendIpi(hv, v, value, get(v, ICR2) >>> 24);
      return true;
    case ICR2:
      set(v, ICR2, value);
      return true;
    case TIMER_INITIAL:
      if (timerMode(get(v, LVT_TIMER)) === MODE_TSC_DEADLINE) return true;
      set(v, TIMER_INITIAL, value);
      startTimer(hv, v);
      return true;
    case TIMER_DIVIDE: {
      set(v, TIMER_DIVIDE, value & 0xb);
      if (timerDeadline(hv, v) !== NEVER && timerMode(get(v, LVT_TIMER)) !== MODE_TSC_DEADLINE) startTimer(hv, v);
      return true;
    }
    case CMCI:
      set(v, CMCI, value & 0x107ff);
      return true;
    default:
      if (index < LVT_TIMER || index > LVT_ERROR) return false;
      return writeLvt(hv, v, index, value);
  }
}

function writeLvt(hv: Hypervisor, v: Vcpu, index: number, value: number): boolean {
  const on = (get(v, SVR) & SVR_ENABLE) !== 0;
  const mask = index === LVT_TIMER ? 0x710ff : index === LVT_ERROR ? 0x100ff : 0x1f7ff;
  const before = get(v, index);
  set(v, index, (value & mask) | (on ? 0 : MASKED));
  if (index === LVT_TIMER && (timerMode(before) === MODE_TSC_DEADLINE) !== (timerMode(value) === MODE_TSC_DEADLINE)) {
    hv.memories.stateView.setBigUint64(deadlineAt(v), NEVER, true);
    v.s.tsc_deadline = 0n;
    set(v, TIMER_INITIAL, 0);
  } else if (index === LVT_TIMER && timerMode(before) === MODE_ONE_SHOT && timerMode(value) === MODE_PERIODIC && get(v, TIMER_INITIAL) !== 0) {
    startTimer(hv, v);
  }
  return true;
}

/** x2APIC MSR read (0x800..0x83f); undefined is #GP. */
export function readX2apic(hv: Hypervisor, v: Vcpu, msr: number): bigint | undefined {
  const index = msr - 0x800;
  if (!x2apic(v) || index === DFR || index === ICR2) return undefined;
  const value = readRegister(hv, v, index);
  if (value === undefined) return undefined;
  return index === ICR ? (BigInt(get(v, ICR2)) << 32n) | BigInt(value) : BigInt(value);
}

/** Bits that an x2APIC register takes; others are #GP. @see Intel SDM 3A 11.12.1.2 */
const X2APIC_WRITABLE: ReadonlyMap<number, number> = new Map([
  [TPR, 0xff],
  [EOI, 0],
  [SVR, 0x3ff],
  [ESR, 0],
  [CMCI, 0x117ff],
  [ICR, 0xccfff],
  [LVT_TIMER, 0x710ff],
  [LVT_TIMER + 1, 0x117ff],
  [LVT_TIMER + 2, 0x117ff],
  [LVT_TIMER + 3, 0x1f7ff],
  [LVT_TIMER + 4, 0x1f7ff],
  [LVT_ERROR, 0x110ff],
  [TIMER_INITIAL, 0xffffffff],
  [TIMER_DIVIDE, 0xb],
  [SELF_IPI, 0xff],
]);

/** x2APIC MSR write; false is #GP. */
export function writeX2apic(hv: Hypervisor, v: Vcpu, msr: number, value: bigint): boolean {
  const index = msr - 0x800;
  const writable = X2APIC_WRITABLE.get(index);
  const low = Number(value & 0xffffffffn);
  const high = Number(value >> 32n);
  if (!x2apic(v) || writable === undefined || (low & ~writable) !== 0) return false;
  if (index === ICR) {
    set(v, ICR2, high);
    set(v, ICR, low);
    sendIpi(hv, v, low, high);
    return true;
  }
  if (high !== 0) return false;
  if (index === SELF_IPI) {
    sendIpi(hv, v, 0x40000 | low, 0);
    return true;
  }
  return writeRegister(hv, v, index, low);
}

/** The task priority register, also reached by MOV to CR8 (its upper four bits). */
export function writeTaskPriority(v: Vcpu, value: number): void {
  set(v, TPR, value & 0xff);
}

/** Memory-mapped read of `size` bytes at page offset `offset`. Only aligned 32-bit accesses have a defined meaning. */
export function readMmio(hv: Hypervisor, v: Vcpu, offset: number): number {
  if (x2apic(v) || (offset & 15) > 3) return 0;
  return (readRegister(hv, v, offset >>> 4) ?? 0) >>> ((offset & 3) * 8);
}

export function writeMmio(hv: Hypervisor, v: Vcpu, offset: number, value: number): void {
  if (x2apic(v) || (offset & 15) !== 0) return;
  writeRegister(hv, v, offset >>> 4, value);
}

/**
 * IA32_APIC_BASE write; false is #GP. Illegal transitions: x2APIC to xAPIC, off to x2APIC. The page of registers cannot
 * be moved, as in Xen. Switching the APIC on resets it.
 */
export function writeApicBase(hv: Hypervisor, v: Vcpu, value: bigint): boolean {
  if ((value & ~(0xffffff_fffff000n | BASE_BSP | BASE_ENABLE | BASE_X2APIC)) !== 0n) return false;
  const before = v.s.apic_base;
  const isX2 = (value & BASE_X2APIC) !== 0n;
  const isOn = (value & BASE_ENABLE) !== 0n;
  if (isX2 && !isOn) return false;
  if ((before & BASE_X2APIC) !== 0n && isOn && !isX2) return false;
  if (isX2 && (before & BASE_ENABLE) === 0n) return false;
  if (isOn && !isX2 && value >> 12n !== BigInt(APIC_DEFAULT_BASE >>> 12)) return false;
  if (isOn && (before & BASE_ENABLE) === 0n) resetLapic(hv, v);
  v.s.apic_base = (value & ~BASE_BSP) | (v.id === 0 ? BASE_BSP : 0n);
  return true;
}
