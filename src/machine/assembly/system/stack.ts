/**
 * Reads and writes of a stack that need not be the current one: far transfers check everything on the new stack before
 * they switch to it. Stack widths: 8 bytes means 64-bit code (no limits, canonical addresses), else 4 (SS.B) or 2.
 */
import { SEG_ATTR, SEG_BASE, SEG_LIMIT } from '../../layout';
import { raise } from '../exceptions/raise';
import { readSized, writeSized } from '../memory/access';
import { ATTR_BIG, ATTR_LONG } from './descriptor';
import { get, get32, is64, isCanonical, isLong, set, SS, SSF } from './slots';

/** Width of the current stack pointer in bytes. */
export function stackWidth(ctx: usize): i32 {
  return is64(ctx) ? 8 : widthOf(get32(ctx, SEG_ATTR + SS));
}

/** Width of the current stack pointer once code with attributes `code` runs. */
export function stackWidthFor(ctx: usize, code: u32): i32 {
  return (code & ATTR_LONG) != 0 && isLong(ctx) ? 8 : widthOf(get32(ctx, SEG_ATTR + SS));
}

/** Stack pointer width that attributes of a stack segment give outside 64-bit code. */
export function widthOf(attr: u32): i32 {
  return (attr & ATTR_BIG) != 0 ? 4 : 2;
}

export function wrapStack(sp: u64, width: i32): u64 {
  return width == 8 ? sp : width == 4 ? sp & 0xffffffff : sp & 0xffff;
}

/** Replaces the part of RSP that a stack of this width has. */
export function setStackPointer(ctx: usize, sp: u64, width: i32): void {
  if (width == 2) store<u16>(ctx + (4 << 3), <u16>sp);
  else set(ctx, 4, width == 4 ? sp & 0xffffffff : sp);
}

/** True if `size` bytes at `offset` lie within a data segment with these limits (expand-down honoured). */
export function withinLimit(offset: u64, size: u32, limit: u32, attr: u32): bool {
  const last = offset + <u64>size - 1;
  if ((attr & 0xc) == 4) {
    const top: u64 = (attr & ATTR_BIG) != 0 ? 0xffffffff : 0xffff;
    return offset > <u64>limit && last <= top;
  }
  return last <= <u64>limit;
}

/** Linear address of `size` bytes at stack offset `sp` of a described stack, #SS(`error`) if they are outside. */
export function stackAddress(ctx: usize, sp: u64, size: u32, width: i32, base: u64, limit: u32, attr: u32, error: u32): u64 {
  if (width == 8) {
    if (!isCanonical(sp) || !isCanonical(sp + <u64>size - 1)) raise(ctx, SSF, true, error);
    return sp;
  }
  if (!withinLimit(sp, size, limit, attr)) raise(ctx, SSF, true, error);
  return (base + sp) & 0xffffffff;
}

/** Linear address of `size` bytes at stack offset `sp` of the current stack, #SS(0) if they are outside. */
export function currentStackAddress(ctx: usize, sp: u64, size: u32): u64 {
  return stackAddressOf(ctx, sp, size, stackWidth(ctx));
}

/** The same with the stack seen as one of `width`. */
function stackAddressOf(ctx: usize, sp: u64, size: u32, width: i32): u64 {
  return stackAddress(ctx, sp, size, width, get(ctx, SEG_BASE + SS), get32(ctx, SEG_LIMIT + SS), get32(ctx, SEG_ATTR + SS), 0);
}

/** Reads `size` (2, 4, 8) bytes at stack offset `sp` (wrapped to the stack's width) of the current stack. */
export function readStack(ctx: usize, sp: u64, size: i32): u64 {
  const va = currentStackAddress(ctx, wrapStack(sp, stackWidth(ctx)), size);
  return readSized(ctx, va, size);
}

/** Writes `size` bytes at stack offset `sp` (wrapped) of the current stack. */
export function writeStack(ctx: usize, sp: u64, size: i32, value: u64): void {
  writeStackOf(ctx, sp, size, value, stackWidth(ctx));
}

/** The same with the stack seen as one of `width`. */
export function writeStackOf(ctx: usize, sp: u64, size: i32, value: u64, width: i32): void {
  writeSized(ctx, stackAddressOf(ctx, wrapStack(sp, width), size, width), size, value);
}
