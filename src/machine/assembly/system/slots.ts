/** Short ways to the slots of a vCPU context and to the questions the system helpers ask of them. */
import {
  CPL, CPU_FLAGS, CPU_INTEL, CR0, CR4, EFER, EFLAGS_SYS, MODE, MODE_CODE64, MODE_SIZE_MASK, RIP, SEG_ATTR, SEG_BASE, SEG_LIMIT, SEG_SEL,
} from '../../layout';

/** 64-bit value of a slot. */
export function get(ctx: usize, slot: i32): u64 {
  return load<u64>(ctx + (<usize>slot << 3));
}

export function set(ctx: usize, slot: i32, value: u64): void {
  store<u64>(ctx + (<usize>slot << 3), value);
}

/** Low half of a slot. */
export function get32(ctx: usize, slot: i32): u32 {
  return load<u32>(ctx + (<usize>slot << 3));
}

/** Writes the low `size` bytes of register slot `slot` as an instruction does: 4 clears the upper half, 2 keeps it. */
export function setRegister(ctx: usize, slot: i32, size: i32, value: u64): void {
  if (size == 8) set(ctx, slot, value);
  else if (size == 4) set(ctx, slot, value & 0xffffffff);
  else store<u16>(ctx + (<usize>slot << 3), <u16>value);
}

export function cpl(ctx: usize): u32 {
  return get32(ctx, CPL);
}

export function isProtected(ctx: usize): bool {
  return (get32(ctx, CR0) & 1) != 0;
}

export function isVm86(ctx: usize): bool {
  return (get32(ctx, EFLAGS_SYS) & 0x20000) != 0;
}

/** Real-address or virtual-8086 mode: selectors are paragraph numbers. */
export function isRealLike(ctx: usize): bool {
  return !isProtected(ctx) || isVm86(ctx);
}

/** EFER.LMA: 64-bit or compatibility mode. */
export function isLong(ctx: usize): bool {
  return (get32(ctx, EFER) & 0x400) != 0;
}

/** Running 64-bit code. */
export function is64(ctx: usize): bool {
  return (get32(ctx, MODE) & MODE_SIZE_MASK) == MODE_CODE64;
}

export function isIntel(ctx: usize): bool {
  return (get32(ctx, CPU_FLAGS) & CPU_INTEL) != 0;
}

export function cr4Has(ctx: usize, bit: u32): bool {
  return (get32(ctx, CR4) & bit) != 0;
}

export function iopl(ctx: usize): u32 {
  return (get32(ctx, EFLAGS_SYS) >> 12) & 3;
}

/** 48-bit canonical form. */
export function isCanonical(va: u64): bool {
  return <u64>((<i64>va << 16) >> 16) == va;
}

/** Cuts an instruction pointer to `size` bytes. */
export function truncate(value: u64, size: i32): u64 {
  return size == 8 ? value : size == 4 ? value & 0xffffffff : value & 0xffff;
}

/** RIP of the instruction after the running one; `next` is its offset in the block. Wraps as the code size says. */
export function nextRip(ctx: usize, next: i32): u64 {
  const rip = get(ctx, RIP) + <u64>next;
  const size = get32(ctx, MODE) & MODE_SIZE_MASK;
  return size == MODE_CODE64 ? rip : size == 1 ? rip & 0xffffffff : rip & 0xffff;
}

/** Writes all four parts of a segment register's cache. Order of registers: ES CS SS DS FS GS. */
export function setSegment(ctx: usize, seg: i32, selector: u32, base: u64, limit: u32, attr: u32): void {
  set(ctx, SEG_SEL + seg, selector);
  set(ctx, SEG_BASE + seg, base);
  set(ctx, SEG_LIMIT + seg, limit);
  set(ctx, SEG_ATTR + seg, attr);
}

export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;

/** Exception vectors. */
export const DB = 1;
export const BP = 3;
export const OF = 4;
export const BR = 5;
export const UD = 6;
export const NM = 7;
export const TS = 10;
export const NP = 11;
export const SSF = 12;
export const GP = 13;
