/**
 * Lazy arithmetic flags: OSZAPC from CC_OP, CC_A, CC_B (see CC_* in layout.ts).
 *
 * Operands are shifted to the top of 64 bits first, so that one formula serves all sizes; the low bits that parity and
 * adjust need are taken from the unshifted values.
 */
import {
  CC_A, CC_ADC1, CC_ADD, CC_B, CC_DEC, CC_EFLAGS, CC_INC, CC_LOGIC, CC_MUL, CC_OP, CC_SBB1, CC_SHL, CC_SHR, CC_SUB, EFLAGS_SYS,
} from "../layout";
import { Ctx } from "./state";

export const CF: u32 = 0x1;
export const PF: u32 = 0x4;
export const AF: u32 = 0x10;
export const ZF: u32 = 0x40;
export const SF: u32 = 0x80;
export const OF: u32 = 0x800;
export const OSZAPC: u32 = 0x8d5;

/** PF when the low byte of `value` has an even number of ones. */
@unmanaged
class Bits {
  @inline static parity(value: u64): u32 {
    return (~popcnt<u32>(<u32>value & 0xff) & 1) << 2;
  }
  /** SZP of a result shifted to the top; `low` is the same unshifted. */
  @inline static szp(top: u64, low: u64): u32 {
    return <u32>(top >> 63) << 7 | (top == 0 ? ZF : 0) | Bits.parity(low);
  }
}

/** OSZAPC of an operation given explicitly. */
export function flagsOf(op: u32, a: u64, b: u64): u32 {
  const kind = op & ~3;
  if (kind == CC_EFLAGS) return <u32>a & OSZAPC;
  const shift: u64 = 64 - (<u64>8 << (op & 3));
  const at = a << shift;
  const bt = b << shift;
  let r: u64;
  let top: u64;
  switch (kind) {
    case CC_ADD:
      r = a + b;
      top = r << shift;
      return Bits.szp(top, r) | (top < at ? CF : 0) | (<u32>(a ^ b ^ r) & AF) | ovf(at, bt, top, true);
    case CC_ADC1:
      r = a + b + 1;
      top = r << shift;
      return Bits.szp(top, r) | (top <= at ? CF : 0) | (<u32>(a ^ b ^ r) & AF) | ovf(at, bt, top, true);
    case CC_SUB:
      r = a - b;
      top = r << shift;
      return Bits.szp(top, r) | (at < bt ? CF : 0) | (<u32>(a ^ b ^ r) & AF) | ovf(at, bt, top, false);
    case CC_SBB1:
      r = a - b - 1;
      top = r << shift;
      return Bits.szp(top, r) | (at <= bt ? CF : 0) | (<u32>(a ^ b ^ r) & AF) | ovf(at, bt, top, false);
    case CC_LOGIC:
      return Bits.szp(at, a);
    case CC_INC:
      return Bits.szp(at, a) | (<u32>b & 1) | (at == 0x8000000000000000 ? OF : 0) | ((a & 15) == 0 ? AF : 0);
    case CC_DEC:
      return Bits.szp(at, a) | (<u32>b & 1) | (at == <u64>0x7fffffffffffffff >> shift << shift ? OF : 0) | ((a & 15) == 15 ? AF : 0);
    case CC_SHL:
      return Bits.szp(bt, b) | <u32>(at >> 63) | <u32>((at ^ bt) >> 63) << 11;
    case CC_SHR:
      return Bits.szp(bt, b) | (<u32>a & 1) | <u32>((at ^ bt) >> 63) << 11;
    case CC_MUL:
      return Bits.szp(at, a) | (b != 0 ? CF | OF : 0);
    default:
      return 0;
  }
}

/** OF of an addition or subtraction of top-aligned values. */
function ovf(a: u64, b: u64, r: u64, add: bool): u32 {
  return <u32>(((add ? ~(a ^ b) : a ^ b) & (a ^ r)) >> 63) << 11;
}

/** OSZAPC as EFLAGS bits; CC_* unchanged. */
export function getFlags(ctx: usize): u32 {
  return flagsOf(Ctx.get32(ctx, CC_OP), Ctx.get(ctx, CC_A), Ctx.get(ctx, CC_B));
}

export function setFlags(ctx: usize, flags: u32): void {
  Ctx.set(ctx, CC_OP, CC_EFLAGS);
  Ctx.set(ctx, CC_A, <u64>(flags & OSZAPC));
}

/** x86 condition `cc` (0..15) of given flags. */
export function condOf(flags: u32, cc: u32): u32 {
  let value: u32;
  switch (cc >> 1) {
    case 0: value = flags >> 11; break;
    case 1: value = flags; break;
    case 2: value = flags >> 6; break;
    case 3: value = flags | flags >> 6; break;
    case 4: value = flags >> 7; break;
    case 5: value = flags >> 2; break;
    case 6: value = flags >> 7 ^ flags >> 11; break;
    default: value = flags >> 6 | (flags >> 7 ^ flags >> 11); break;
  }
  return (value ^ cc) & 1;
}

/** Condition `cc` of the n-bit compare a - b (n = 8 << size), 0 or 1. */
export function condSub(a: u64, b: u64, cc: u32, size: u32): u32 {
  const shift: u64 = 64 - (<u64>8 << size);
  const x = a << shift;
  const y = b << shift;
  switch (cc) {
    case 2: return <u32>(x < y);
    case 3: return <u32>(x >= y);
    case 4: return <u32>(x == y);
    case 5: return <u32>(x != y);
    case 6: return <u32>(x <= y);
    case 7: return <u32>(x > y);
    case 8: return <u32>((x - y) >> 63);
    case 9: return <u32>((x - y) >> 63) ^ 1;
    case 12: return <u32>(<i64>x < <i64>y);
    case 13: return <u32>(<i64>x >= <i64>y);
    case 14: return <u32>(<i64>x <= <i64>y);
    case 15: return <u32>(<i64>x > <i64>y);
    default: return condOf(flagsOf(CC_SUB + size, a, b), cc);
  }
}

/** Condition `cc` from CC_*, 0 or 1. */
export function cond(ctx: usize, cc: u32): u32 {
  const op = Ctx.get32(ctx, CC_OP);
  const kind = op & ~3;
  const a = Ctx.get(ctx, CC_A);
  if (kind == CC_SUB) return condSub(a, Ctx.get(ctx, CC_B), cc, op & 3);
  if (kind == CC_LOGIC && (cc == 4 || cc == 5 || cc == 8 || cc == 9)) {
    const top = a << (64 - (<u64>8 << (op & 3)));
    if (cc <= 5) return <u32>(top == 0) ^ (cc & 1);
    return <u32>(top >> 63) ^ (cc & 1);
  }
  return condOf(flagsOf(op, a, Ctx.get(ctx, CC_B)), cc);
}

/** CF from CC_*, 0 or 1. */
export function carry(ctx: usize): u32 {
  const op = Ctx.get32(ctx, CC_OP);
  const kind = op & ~3;
  const a = Ctx.get(ctx, CC_A);
  if (kind == CC_EFLAGS) return <u32>a & 1;
  if (kind == CC_INC || kind == CC_DEC) return Ctx.get32(ctx, CC_B) & 1;
  if (kind == CC_LOGIC) return 0;
  return flagsOf(op, a, Ctx.get(ctx, CC_B)) & 1;
}

/** All of RFLAGS, bit 1 set. */
export function getRflags(ctx: usize): u64 {
  return (Ctx.get(ctx, EFLAGS_SYS) & ~(<u64>OSZAPC)) | <u64>getFlags(ctx) | 2;
}

/** Sets RFLAGS without any check; updateMode() is the caller's. */
export function setRflags(ctx: usize, flags: u64): void {
  setFlags(ctx, <u32>flags);
  Ctx.set(ctx, EFLAGS_SYS, flags & 0x3f7700);
}
