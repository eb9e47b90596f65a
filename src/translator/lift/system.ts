/** Control and debug registers, descriptor-table registers, system calls, time stamps, exits. Privileges: helpers and row rules. */
import {
  H_CHECK_CPL0,
  H_CHECK_CPL0_UD,
  H_CLAC,
  H_CLTS,
  H_INVLPG,
  H_INVPCID,
  H_LGDT,
  H_LIDT,
  H_LMSW,
  H_MONITOR,
  H_MOV_FROM_CR,
  H_MOV_FROM_DR,
  H_MOV_TO_CR,
  H_MOV_TO_DR,
  H_MWAIT_CHECK,
  H_RDPID,
  H_RDRAND,
  H_RDTSC,
  H_RDTSCP,
  H_SGDT,
  H_SIDT,
  H_SMSW,
  H_STAC,
  H_SWAPGS,
  H_SYSCALL,
  H_SYSENTER,
  H_SYSEXIT,
  H_SYSRET,
} from '../../machine/helpers/system.ts';
import { EXIT_A, EXIT_CPUID, EXIT_CR8, EXIT_HLT, EXIT_HYPERCALL, EXIT_OTHER, MODE_PROTECTED, MODE_VM86, RAX, ZERO } from '../../machine/layout.ts';
import { OP_ANDI, OP_HSYS, OP_NEXT } from '../../machine/ops.ts';
import type { Insn } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { Address, linearSlot, segmentAddress, storeAt } from './memory-operand.ts';
import { read, write, zeroExtend } from './operands.ts';

const UD = 6;

/** Size of control and debug registers: 8 in 64-bit code, else 4. */
const registerSize = (b: Builder): number => (b.code64 ? 8 : 4);

const next = (b: Builder, i: Insn): number => b.instructionPos + i.len;

const endAnew = (b: Builder): void => b.end(OP_NEXT, 0, 0, 0, 0, 0, 0);

const real = (b: Builder): boolean => (b.mode & MODE_PROTECTED) === 0 || (b.mode & MODE_VM86) !== 0;

// ---- exits -----------------------------------------------------------------------------------------------------------

export const cpuid = (b: Builder, i: Insn): void => b.exit(EXIT_CPUID, i.len);

export function hlt(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_CHECK_CPL0);
  b.exit(EXIT_HLT, i.len);
}

const hypercall =
  (kind: number) =>
  (b: Builder, i: Insn): void => {
    b.movi(EXIT_A, kind);
    b.exit(EXIT_HYPERCALL, i.len);
  };

export const vmcall: (b: Builder, i: Insn) => void = hypercall(0);
export const vmmcall: (b: Builder, i: Insn) => void = hypercall(1);

/** WBINVD, INVD: no caches to write back. */
export const wbinvd = (b: Builder): void => b.helper(OP_HSYS, H_CHECK_CPL0);
export const invd: (b: Builder) => void = wbinvd;

/** PAUSE: a hint that determinism does not take. */
export const pause = (_b: Builder): void => {};

const raxEa = new Address();
/** As CPUID says it. */
const CACHE_LINE = 64;

/** Slot with the linear address of what rAX points at. */
function raxAddress(b: Builder, i: Insn, write: boolean): number {
  const offset = b.temp();
  zeroExtend(b, offset, RAX, i.addrsize);
  segmentAddress(b, offset, i.segPrefix < 0 || (b.code64 && i.segPrefix < 4) ? 3 : i.segPrefix, 1, write, raxEa);
  if (!raxEa.indexed) return raxEa.a;
  const slot = b.temp();
  b.lea(slot, raxEa.a, raxEa.b, 0, 0);
  return slot;
}

export function monitor(b: Builder, i: Insn): void {
  const slot = raxAddress(b, i, false);
  b.helper(OP_HSYS, H_CHECK_CPL0_UD);
  b.helper(OP_HSYS, H_MONITOR, 0, slot);
}

/** MONITORX: for any privilege level; what it arms is never waited for. */
export function monitorx(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_MONITOR, 0, raxAddress(b, i, false));
}

/** MWAITX: may end at once, and does; ECX bit 1 is its timer. */
export const mwaitx = (b: Builder): void => b.helper(OP_HSYS, H_MWAIT_CHECK, 0, 0, 0, 2);

/** CLZERO: the cache line around rAX becomes zero. */
export function clzero(b: Builder, i: Insn): void {
  const line = b.temp();
  b.imm(OP_ANDI, line, raxAddress(b, i, true), -CACHE_LINE);
  raxEa.set(line);
  for (let at = 0; at < CACHE_LINE; at += 8) {
    storeAt(b, ZERO, raxEa, 8);
    raxEa.lo += 8;
  }
}

/** SERIALIZE: nothing is ever out of order here. */
export const serialize = (_b: Builder): void => {};

export function mwait(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_CHECK_CPL0_UD);
  b.helper(OP_HSYS, H_MWAIT_CHECK);
  b.movi(EXIT_A, i.rowIndex);
  b.exit(EXIT_OTHER, i.len);
}

// ---- descriptor-table registers -----------------------------------------------------------------------------------------

const storeTable =
  (helper: number) =>
  (b: Builder, i: Insn): void => {
    const size = registerSize(b);
    b.helper(OP_HSYS, helper, 0, linearSlot(b, i, 2 + size, true), 0, size);
  };

export const sgdt: (b: Builder, i: Insn) => void = storeTable(H_SGDT);
export const sidt: (b: Builder, i: Insn) => void = storeTable(H_SIDT);

const loadTable =
  (helper: number) =>
  (b: Builder, i: Insn): void =>
    b.helper(OP_HSYS, helper, 0, linearSlot(b, i, 2 + registerSize(b), false), 0, b.code64 ? 8 : i.opsize);

export const lgdt: (b: Builder, i: Insn) => void = loadTable(H_LGDT);
export const lidt: (b: Builder, i: Insn) => void = loadTable(H_LIDT);

// ---- control and debug registers ------------------------------------------------------------------------------------------

export function smsw(b: Builder, i: Insn): void {
  const t = b.temp();
  b.helper(OP_HSYS, H_SMSW, t);
  write(b, i, i.o0, t);
}

export function lmsw(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_LMSW, 0, read(b, i, i.o0), 0, 0, next(b, i));
  endAnew(b);
}

export function clts(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_CLTS, 0, 0, 0, 0, next(b, i));
  endAnew(b);
}

export function movFromCr(b: Builder, i: Insn): void {
  const t = b.temp();
  b.helper(OP_HSYS, H_MOV_FROM_CR, t, i.o1.reg);
  zeroExtend(b, i.o0.reg, t, registerSize(b));
}

/** CR8 leaves run(): the hypervisor's local APIC must see the new priority. */
export function movToCr(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_MOV_TO_CR, i.o0.reg, i.o1.reg, 0, registerSize(b), next(b, i));
  if (i.o0.reg === 8) b.exit(EXIT_CR8, i.len);
  else endAnew(b);
}

export function movFromDr(b: Builder, i: Insn): void {
  const t = b.temp();
  b.helper(OP_HSYS, H_MOV_FROM_DR, t, i.o1.reg);
  zeroExtend(b, i.o0.reg, t, registerSize(b));
}

export function movToDr(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_MOV_TO_DR, i.o0.reg, i.o1.reg, 0, registerSize(b), next(b, i));
  endAnew(b);
}

export function invlpg(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_INVLPG, 0, linearSlot(b, i, 0, false));
}

export function invpcid(b: Builder, i: Insn): void {
  if ((b.mode & MODE_VM86) !== 0) return b.raise(13, true, 0);
  const type = b.temp();
  zeroExtend(b, type, i.o0.reg, registerSize(b));
  b.helper(OP_HSYS, H_INVPCID, 0, type, linearSlot(b, i, 16, false));
}

export const clac = (b: Builder): void => b.helper(OP_HSYS, H_CLAC);
export const stac = (b: Builder): void => b.helper(OP_HSYS, H_STAC);

// ---- system calls -----------------------------------------------------------------------------------------------------------

export function syscall(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_SYSCALL, 0, 0, 0, 0, next(b, i));
  endAnew(b);
}

export function sysret(b: Builder, i: Insn): void {
  if (real(b)) return b.raise(UD);
  b.helper(OP_HSYS, H_SYSRET, 0, 0, 0, i.opsize);
  endAnew(b);
}

export function sysenter(b: Builder): void {
  b.helper(OP_HSYS, H_SYSENTER);
  endAnew(b);
}

export function sysexit(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_SYSEXIT, 0, 0, 0, i.opsize);
  endAnew(b);
}

// ---- time and bases -----------------------------------------------------------------------------------------------------------

export const swapgs = (b: Builder): void => b.helper(OP_HSYS, H_SWAPGS);
export const rdtsc = (b: Builder): void => b.helper(OP_HSYS, H_RDTSC);
export const rdtscp = (b: Builder): void => b.helper(OP_HSYS, H_RDTSCP);

export function rdpid(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_RDPID, i.o0.reg);
}

export function rdrand(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_RDRAND, i.o0.reg, 0, 0, i.o0.size);
}

export const rdseed: (b: Builder, i: Insn) => void = rdrand;
