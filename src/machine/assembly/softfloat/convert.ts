/** Conversions between formats and to and from integers, rounding to an integer, and comparison. */
import {
  CLASS_FINITE,
  CLASS_INF,
  CLASS_QNAN,
  CLASS_SNAN,
  CLASS_ZERO,
  Env,
  FE_DENORMAL,
  FE_INEXACT,
  FE_INVALID,
  Slot,
} from './environment';
import { propagate } from './arithmetic';
import { finish, increments, packInfinity, packZero } from './round';

/** A in another format; a signaling NaN becomes quiet and raises invalid, a denormal raises the denormal flag if `denormal` is 1. */
export function convert(ctx: usize, format: u32, denormal: u32): u64 {
  const a = Slot.a(ctx);
  if (a.cls >= CLASS_QNAN) {
    Slot.b(ctx).cls = CLASS_ZERO;
    return propagate(ctx, format);
  }
  if (a.cls == CLASS_ZERO) return packZero(ctx, format, a.sign);
  if (a.cls == CLASS_INF) return packInfinity(ctx, format, a.sign);
  if (a.denormal & denormal) Env.raise(ctx, FE_DENORMAL);
  return finish(ctx, format, a.sign, a.exp, a.sig, 0);
}

/** A signed integer as `format`. */
export function fromInteger(ctx: usize, format: u32, value: i64): u64 {
  if (value == 0) return packZero(ctx, format, 0);
  const sign = u32(value < 0);
  const magnitude = sign ? 0 - u64(value) : u64(value);
  const n = clz<u64>(magnitude);
  return finish(ctx, format, sign, 63 - i32(n), magnitude << n, 0);
}

/** The smallest integer of `bits` bits: x86's result of invalid conversions. */
function integerIndefinite(ctx: usize, bits: u32): i64 {
  Env.raise(ctx, FE_INVALID);
  Env.setRoundedUp(ctx, 0);
  return i64(<u64>-1 << (bits - 1));
}

/** A as a signed integer of `bits` (16, 32, 64) bits, rounded by `rounding`; raises inexact, or invalid if it has no such value. */
export function toInteger(ctx: usize, bits: u32, rounding: u32): i64 {
  const a = Slot.a(ctx);
  Env.setRoundedUp(ctx, 0);
  if (a.cls == CLASS_ZERO) return 0;
  if (a.cls != CLASS_FINITE || a.exp > 63) return integerIndefinite(ctx, bits);
  let magnitude: u64 = 0;
  let guard = false;
  let sticky = true;
  if (a.exp == 63) {
    magnitude = a.sig;
    sticky = false;
  } else if (a.exp >= 0) {
    magnitude = a.sig >> (63 - a.exp);
    const rest = a.sig << (a.exp + 1);
    guard = rest >> 63 != 0;
    sticky = rest << 1 != 0;
  } else if (a.exp == -1) {
    guard = true;
    sticky = a.sig << 1 != 0;
  }
  const limit = u64(1) << (bits - 1);
  if (increments(rounding, a.sign, (magnitude & 1) != 0, guard, sticky)) {
    Env.setRoundedUp(ctx, 1);
    magnitude++;
    if (magnitude == 0) return integerIndefinite(ctx, bits);
  }
  if (magnitude > limit || (magnitude == limit && !a.sign)) return integerIndefinite(ctx, bits);
  if (guard || sticky) Env.raise(ctx, FE_INEXACT);
  return a.sign ? i64(0 - magnitude) : i64(magnitude);
}

/** A rounded to an integer in its own format; raises inexact, and the denormal flag if `denormal` is 1. */
export function roundToInteger(ctx: usize, format: u32, rounding: u32, denormal: u32): u64 {
  const a = Slot.a(ctx);
  Env.setRoundedUp(ctx, 0);
  if (a.cls != CLASS_FINITE) return convert(ctx, format, denormal);
  if (a.denormal & denormal) Env.raise(ctx, FE_DENORMAL);
  if (a.exp >= 63) return finish(ctx, format, a.sign, a.exp, a.sig, 0);
  let whole: u64 = 0;
  let one: u64 = 0;
  let guard = false;
  let sticky = true;
  if (a.exp >= 0) {
    one = u64(1) << (63 - a.exp);
    whole = a.sig & ~(one - 1);
    guard = (a.sig & (one >> 1)) != 0;
    sticky = (a.sig & ((one >> 1) - 1)) != 0;
  } else if (a.exp == -1) {
    guard = true;
    sticky = a.sig << 1 != 0;
  }
  if (guard || sticky) Env.raise(ctx, FE_INEXACT);
  const up = increments(rounding, a.sign, (whole & one) != 0, guard, sticky);
  let exp = a.exp;
  if (up) {
    if (exp < 0) {
      whole = 0x8000000000000000;
      exp = 0;
    } else {
      whole += one;
      if (whole == 0) {
        whole = 0x8000000000000000;
        exp++;
      }
    }
  }
  const result = whole == 0 ? packZero(ctx, format, a.sign) : finish(ctx, format, a.sign, exp, whole, 0);
  Env.setRoundedUp(ctx, u32(up));
  return result;
}

/** A compared with B. */
export const LESS: i32 = -1;
export const EQUAL: i32 = 0;
export const GREATER: i32 = 1;
export const UNORDERED: i32 = 2;

/** Compares A with B; a signaling NaN raises invalid, with `signaling` = 1 a quiet one does too. */
export function compare(ctx: usize, signaling: u32): i32 {
  const a = Slot.a(ctx);
  const b = Slot.b(ctx);
  if (a.cls >= CLASS_QNAN || b.cls >= CLASS_QNAN) {
    if (signaling || a.cls >= CLASS_SNAN || b.cls >= CLASS_SNAN) Env.raise(ctx, FE_INVALID);
    return UNORDERED;
  }
  if (a.denormal | b.denormal) Env.raise(ctx, FE_DENORMAL);
  if (a.cls == CLASS_ZERO && b.cls == CLASS_ZERO) return EQUAL;
  if (a.cls == CLASS_ZERO) return b.sign ? GREATER : LESS;
  if (b.cls == CLASS_ZERO || a.sign != b.sign) return a.sign ? LESS : GREATER;
  let order = EQUAL;
  if (a.cls == CLASS_INF || b.cls == CLASS_INF) order = a.cls == b.cls ? EQUAL : a.cls == CLASS_INF ? GREATER : LESS;
  else if (a.exp != b.exp) order = a.exp > b.exp ? GREATER : LESS;
  else if (a.sig != b.sig) order = a.sig > b.sig ? GREATER : LESS;
  return a.sign ? -order : order;
}

/** Eighteen BCD digits of A, low 16 digits returned, the top byte's two digits and the sign (bit 15) in Env.low. */
export function toBcd(ctx: usize, rounding: u32): u64 {
  const value = toInteger(ctx, 64, rounding);
  const limit: i64 = 999999999999999999;
  if (Env.flags(ctx) & FE_INVALID || value > limit || value < -limit) {
    Env.setFlags(ctx, FE_INVALID);
    Env.setRoundedUp(ctx, 0);
    Env.setLow(ctx, 0xffff);
    return 0xc000000000000000;
  }
  let rest = value < 0 ? u64(-value) : u64(value);
  let low: u64 = 0;
  for (let i = 0; i < 64; i += 4) {
    low |= (rest % 10) << i;
    rest /= 10;
  }
  const top = rest % 10 | ((rest / 10) << 4);
  Env.setLow(ctx, top | (u64(Slot.a(ctx).sign) << 15));
  return low;
}

/** The integer of a packed-decimal image: low 16 digits, then the top two digits. Digits over 9 count as they are. */
export function fromBcd(low: u64, top: u64): u64 {
  let value = ((top >> 4) & 15) * 10 + (top & 15);
  for (let i: i32 = 60; i >= 0; i -= 4) value = value * 10 + ((low >> i) & 15);
  return value;
}
