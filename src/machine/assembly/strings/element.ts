/**
 * What all string instructions share: element sizes, address-size arithmetic of rSI, rDI and rCX, segment checks, and the
 * rules for stopping a repeated one. @see Intel SDM 2B REP
 */
import {
  BUDGET, DEBUG_PENDING, EFLAGS_SYS, MODE, MODE_CODE64, MODE_FLAT, MODE_SIZE_MASK, RCX, RIP, SEG_BASE, SLOW_NEXT, STEP_PENDING,
} from '../../layout';
import { segmentLinear } from '../memory/segment';
import { Ctx } from '../state';

/** Address sizes as the helpers' field b has them. */
export const ADDRESS64 = 0;
export const ADDRESS32 = 1;

/** The part of register `slot` that the address size uses. */
export function part(ctx: usize, slot: usize, addressSize: i32): u64 {
  const value = Ctx.get(ctx, slot);
  return addressSize == ADDRESS64 ? value : addressSize == ADDRESS32 ? value & 0xffffffff : value & 0xffff;
}

/** Writes that part: 32-bit ones clear the upper half, 16-bit ones keep the rest. */
export function setPart(ctx: usize, slot: usize, addressSize: i32, value: u64): void {
  if (addressSize == ADDRESS64) Ctx.set(ctx, slot, value);
  else if (addressSize == ADDRESS32) Ctx.set(ctx, slot, value & 0xffffffff);
  else store<u16>(ctx + (slot << 3), <u16>value);
}

/** +size or -size by the direction flag. */
export function stride(ctx: usize, log2: i32): i64 {
  const step: i64 = 1 << log2;
  return (Ctx.get32(ctx, EFLAGS_SYS) & 0x400) != 0 ? -step : step;
}

/** Linear address of `size` bytes at `offset` of a segment; #GP(0) or #SS(0) when they may not be used so. */
export function linear(ctx: usize, segment: i32, offset: u64, size: u64, write: bool): u64 {
  const mode = Ctx.get32(ctx, MODE);
  if ((mode & MODE_SIZE_MASK) == MODE_CODE64) return segment < 4 ? offset : offset + Ctx.get(ctx, SEG_BASE + segment);
  // a flat CS can be read, not written; an access beyond a flat SS is #SS
  if ((mode & MODE_FLAT) != 0 && segment < 4 && segment != 2 && !(write && segment == 1)) return offset;
  return segmentLinear(ctx, <u32>offset, segment, <u32>size | (write ? 0x100 : 0));
}

/** True if no check and no base stand between rSI or rDI and a linear address. */
export function isPlain(ctx: usize, segment: i32): bool {
  return segment < 4 && (Ctx.get32(ctx, MODE) & MODE_FLAT) != 0;
}

/** `count` iterations of a repeated instruction are done: rCX and the budget. */
export function retire(ctx: usize, addressSize: i32, count: u64): void {
  setPart(ctx, RCX, addressSize, part(ctx, RCX, addressSize) - count);
  Ctx.set(ctx, BUDGET, Ctx.get(ctx, BUDGET) - count);
}

/** Iterations that the budget still allows. The block has already paid for one. */
export function allowed(ctx: usize): u64 {
  const left = <i64>Ctx.get(ctx, BUDGET) + 1;
  return left > 0 ? <u64>left : 0;
}

/** A debug trap waits for the end of this iteration. */
export function mustTrap(ctx: usize): bool {
  return (Ctx.get(ctx, STEP_PENDING) | Ctx.get(ctx, DEBUG_PENDING)) != 0;
}

/** RIP = block's RIP + `offset`, wrapped as the code size says. */
export function setRip(ctx: usize, offset: u64): void {
  const rip = Ctx.get(ctx, RIP) + offset;
  const size = Ctx.get32(ctx, MODE) & MODE_SIZE_MASK;
  Ctx.set(ctx, RIP, size == MODE_CODE64 ? rip : size == 1 ? rip & 0xffffffff : rip & 0xffff);
}

/** A repeated instruction with a count of 0: it retires as one that does nothing. True if it was one. */
export function nothingToDo(ctx: usize, addressSize: i32, extra: i64): bool {
  if (part(ctx, RCX, addressSize) != 0) return false;
  setRip(ctx, <u64>((extra >> 8) & 0xff));
  return true;
}

/**
 * Ends a repeated instruction: RIP behind it when it is done, else at it with RF set; the budget gets back what the block paid.
 * `extra` as in helpers/string.ts.
 */
export function finish(ctx: usize, done: bool, extra: i64): void {
  setRip(ctx, <u64>(done ? (extra >> 8) & 0xff : extra & 0xff));
  if (!done) {
    // an event between two iterations finds RF set; the next fetch, by the full lookup, clears it
    Ctx.set(ctx, EFLAGS_SYS, Ctx.get(ctx, EFLAGS_SYS) | 0x10000);
    Ctx.set(ctx, SLOW_NEXT, 1);
  }
  Ctx.set(ctx, BUDGET, Ctx.get(ctx, BUDGET) + 1);
}
