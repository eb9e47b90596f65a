/**
 * Binary floating point with 128-bit significands, truncating: what the transcendental functions are computed in.
 * Numbers stand in numbered places of a context's scratch, because a function returns one value only. No NaNs, no infinities.
 */
import { finish, packZero } from './round';
import { WIDE } from './environment';
import { mulHigh } from './wide';

/** Value = (-1)^sign * (hi:lo / 2^127) * 2^exp, bit 63 of hi set; zero: hi = lo = 0. */
@unmanaged
export class LongFloat {
  hi: u64;
  lo: u64;
  exp: i32;
  sign: u32;

  /** Place n of the context. */
  @inline static at(ctx: usize, n: i32): LongFloat {
    return changetype<LongFloat>(ctx + WIDE + n * 32);
  }
}

export function set(x: LongFloat, sign: u32, exp: i32, hi: u64, lo: u64): void {
  x.sign = sign;
  x.exp = exp;
  x.hi = hi;
  x.lo = lo;
}

export function copy(to: LongFloat, from: LongFloat): void {
  set(to, from.sign, from.exp, from.hi, from.lo);
}

/** A small nonzero whole number. */
export function setWhole(x: LongFloat, value: i32): void {
  const size = u64(abs<i32>(value));
  const n = clz<u64>(size);
  set(x, u32(value < 0), 63 - i32(n), size << n, 0);
}

export function isZero(x: LongFloat): bool {
  return (x.hi | x.lo) == 0;
}

function normalize(x: LongFloat): void {
  if (x.hi == 0) {
    if (x.lo == 0) return;
    x.hi = x.lo;
    x.lo = 0;
    x.exp -= 64;
  }
  const n = clz<u64>(x.hi);
  if (n == 0) return;
  x.hi = (x.hi << n) | (x.lo >> (64 - n));
  x.lo <<= n;
  x.exp -= i32(n);
}

/** d = a * b. */
export function multiply(d: LongFloat, a: LongFloat, b: LongFloat): void {
  const high = mulHigh(a.hi, b.hi);
  let low = a.hi * b.hi;
  let carry: u64 = 0;
  const first = mulHigh(a.hi, b.lo);
  low += first;
  carry += u64(low < first);
  const second = mulHigh(a.lo, b.hi);
  low += second;
  carry += u64(low < second);
  set(d, a.sign ^ b.sign, a.exp + b.exp + 1, high + carry, low);
  normalize(d);
}

/** d = a + b. */
export function plus(d: LongFloat, a: LongFloat, b: LongFloat): void {
  if (isZero(b)) return copy(d, a);
  if (isZero(a)) return copy(d, b);
  let x = a;
  let y = b;
  if (a.exp < b.exp || (a.exp == b.exp && (a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo)))) {
    x = b;
    y = a;
  }
  const by = u64(x.exp - y.exp);
  let hi: u64 = 0;
  let lo: u64 = 0;
  if (by == 0) {
    hi = y.hi;
    lo = y.lo;
  } else if (by < 64) {
    hi = y.hi >> by;
    lo = (y.lo >> by) | (y.hi << (64 - by));
  } else if (by < 128) {
    lo = y.hi >> (by - 64);
  }
  const sign = x.sign;
  const exp = x.exp;
  if (x.sign == y.sign) {
    const low = x.lo + lo;
    const carry = u64(low < lo);
    const high = x.hi + hi;
    const overflow = high < hi || (carry != 0 && high == ~(<u64>0));
    const sum = high + carry;
    if (overflow) set(d, sign, exp + 1, (sum >> 1) | 0x8000000000000000, (low >> 1) | (sum << 63));
    else set(d, sign, exp, sum, low);
    return;
  }
  set(d, sign, exp, x.hi - hi - u64(x.lo < lo), x.lo - lo);
  normalize(d);
}

/** d = a / n for a small whole number. */
export function divideBy(d: LongFloat, a: LongFloat, n: u32): void {
  const by = u64(n);
  const high = a.hi / by;
  let rest = a.hi - high * by;
  const upper = ((rest << 32) | (a.lo >> 32)) / by;
  rest = ((rest << 32) | (a.lo >> 32)) - upper * by;
  const middle = ((rest << 32) | (a.lo & 0xffffffff)) / by;
  rest = ((rest << 32) | (a.lo & 0xffffffff)) - middle * by;
  // the quotient loses leading bits: keep as many behind it
  const lower = (rest << 32) / by;
  const n1 = clz<u64>(high);
  const low = (upper << 32) | middle;
  if (high == 0 || n1 == 0) {
    set(d, a.sign, a.exp, high, low);
    normalize(d);
    return;
  }
  set(d, a.sign, a.exp - i32(n1), (high << n1) | (low >> (64 - n1)), (low << n1) | ((lower << 32) >> (64 - n1)));
}

/** d = 1 / b, by Newton's method from the hardware's quotient; spoils places 14 and 15. */
function invert(ctx: usize, d: LongFloat, b: LongFloat): void {
  const two = LongFloat.at(ctx, 14);
  const t = LongFloat.at(ctx, 15);
  const estimate = reinterpret<u64>(<f64>1 / (f64(b.hi) / 9223372036854775808.0));
  // 1 / [1, 2] is in [0.5, 1]
  const exp = i32(estimate >> 52) - 1023;
  set(d, b.sign, exp - b.exp, ((estimate << 11) | 0x8000000000000000), 0);
  for (let i = 0; i < 2; i++) {
    multiply(t, d, b);
    t.sign ^= 1;
    setWhole(two, 2);
    plus(t, two, t);
    multiply(d, d, t);
  }
}

/** d = a / b; d is neither. Spoils places 14 and 15. */
export function divide(ctx: usize, d: LongFloat, a: LongFloat, b: LongFloat): void {
  invert(ctx, d, b);
  multiply(d, d, a);
}

/** Rounds to an 80-bit number; the value is never exact. Sign and exponent returned, significand in Env.sig. */
export function finishLong(ctx: usize, format: u32, x: LongFloat): u64 {
  if (isZero(x)) return packZero(ctx, format, x.sign);
  return finish(ctx, format, x.sign, x.exp, x.hi, x.lo | 1);
}
