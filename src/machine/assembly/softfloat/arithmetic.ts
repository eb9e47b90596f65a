/** Add, subtract, multiply, divide and square root of unpacked operands, for every format. */
import { CLASS_BAD, CLASS_INF, CLASS_QNAN, CLASS_SNAN, CLASS_ZERO, Env, F80, FE_DENORMAL, FE_INVALID, FE_ZERO, ROUND_DOWN, Slot } from './environment';
import { finish, finishAny, invalid, packInfinity, packNaN, packZero } from './round';
import { div128, mulHigh, shiftRightJam } from './wide';

/**
 * Result of an operation with a NaN (or unsupported) operand. SSE: the first operand if it is a NaN, else the second.
 * x87: a quiet one before a signaling one, else the larger significand, else the positive one. @see Intel SDM 1 4.8.3.5
 */
export function propagate(ctx: usize, format: u32): u64 {
  const a = Slot.a(ctx);
  const b = Slot.b(ctx);
  if (a.cls == CLASS_BAD || b.cls == CLASS_BAD) return invalid(ctx, format);
  if (a.cls == CLASS_SNAN || b.cls == CLASS_SNAN) Env.raise(ctx, FE_INVALID);
  let second: bool;
  if (a.cls < CLASS_QNAN) second = true;
  else if (b.cls < CLASS_QNAN || format < F80) second = false;
  else if (a.cls != b.cls) second = a.cls == CLASS_SNAN;
  else if (a.sig != b.sig) second = b.sig > a.sig;
  else second = a.sign > b.sign;
  return packNaN(ctx, format, second ? b : a);
}

@unmanaged
class Either {
  @inline static nan(a: Slot, b: Slot): bool {
    return a.cls >= CLASS_QNAN || b.cls >= CLASS_QNAN;
  }
  @inline static denormal(ctx: usize, a: Slot, b: Slot): void {
    if (a.denormal | b.denormal) Env.raise(ctx, FE_DENORMAL);
  }
}

/** A + B, or A - B with `negate` = 1. */
export function add(ctx: usize, format: u32, negate: u32): u64 {
  const a = Slot.a(ctx);
  const b = Slot.b(ctx);
  if (Either.nan(a, b)) return propagate(ctx, format);
  const signA = a.sign;
  const signB = b.sign ^ negate;
  if (a.cls == CLASS_INF) {
    if (b.cls == CLASS_INF && signA != signB) return invalid(ctx, format);
    Either.denormal(ctx, a, b);
    return packInfinity(ctx, format, signA);
  }
  Either.denormal(ctx, a, b);
  if (b.cls == CLASS_INF) return packInfinity(ctx, format, signB);
  if (a.cls == CLASS_ZERO) {
    if (b.cls == CLASS_ZERO) return packZero(ctx, format, signA == signB ? signA : u32(Env.rounding(ctx) == ROUND_DOWN));
    return finish(ctx, format, signB, b.exp, b.sig, 0);
  }
  if (b.cls == CLASS_ZERO) return finish(ctx, format, signA, a.exp, a.sig, 0);
  return sum(ctx, format, signA, a.exp, a.sig, 0, signB, b.exp, b.sig, 0);
}

/** Sum of two nonzero finite numbers with 128-bit normalised significands. */
export function sum(ctx: usize, format: u32, signA: u32, expA: i32, hiA: u64, loA: u64, signB: u32, expB: i32, hiB: u64, loB: u64): u64 {
  if (expA < expB || (expA == expB && (hiA < hiB || (hiA == hiB && loA < loB)))) {
    const sign = signA;
    const exp = expA;
    const hi = hiA;
    const lo = loA;
    signA = signB;
    expA = expB;
    hiA = hiB;
    loA = loB;
    signB = sign;
    expB = exp;
    hiB = hi;
    loB = lo;
  }
  hiB = shiftRightJam(ctx, hiB, loB, expA - expB);
  loB = Env.low(ctx);
  if (signA == signB) {
    const lo = loA + loB;
    const carry = u64(lo < loA);
    let hi = hiA + hiB;
    const overflow = hi < hiA || (carry && hi == ~(<u64>0));
    hi += carry;
    if (!overflow) return finish(ctx, format, signA, expA, hi, lo);
    hi = shiftRightJam(ctx, hi, lo, 1);
    return finish(ctx, format, signA, expA + 1, hi | 0x8000000000000000, Env.low(ctx));
  }
  const hi = hiA - hiB - u64(loA < loB);
  const lo = loA - loB;
  if ((hi | lo) == 0) return packZero(ctx, format, u32(Env.rounding(ctx) == ROUND_DOWN));
  return finishAny(ctx, format, signA, expA, hi, lo);
}

/** A * B. */
export function mul(ctx: usize, format: u32): u64 {
  const a = Slot.a(ctx);
  const b = Slot.b(ctx);
  if (Either.nan(a, b)) return propagate(ctx, format);
  const sign = a.sign ^ b.sign;
  if (a.cls == CLASS_INF || b.cls == CLASS_INF) {
    if (a.cls == CLASS_ZERO || b.cls == CLASS_ZERO) return invalid(ctx, format);
    Either.denormal(ctx, a, b);
    return packInfinity(ctx, format, sign);
  }
  Either.denormal(ctx, a, b);
  if (a.cls == CLASS_ZERO || b.cls == CLASS_ZERO) return packZero(ctx, format, sign);
  const hi = mulHigh(a.sig, b.sig);
  const lo = a.sig * b.sig;
  if (hi >> 63) return finish(ctx, format, sign, a.exp + b.exp + 1, hi, lo);
  return finish(ctx, format, sign, a.exp + b.exp, (hi << 1) | (lo >> 63), lo << 1);
}

/** A / B. */
export function div(ctx: usize, format: u32): u64 {
  const a = Slot.a(ctx);
  const b = Slot.b(ctx);
  if (Either.nan(a, b)) return propagate(ctx, format);
  const sign = a.sign ^ b.sign;
  if (a.cls == CLASS_INF) {
    if (b.cls == CLASS_INF) return invalid(ctx, format);
    Either.denormal(ctx, a, b);
    return packInfinity(ctx, format, sign);
  }
  if (b.cls == CLASS_ZERO) {
    if (a.cls == CLASS_ZERO) return invalid(ctx, format);
    Env.raise(ctx, FE_ZERO);
    return packInfinity(ctx, format, sign);
  }
  Either.denormal(ctx, a, b);
  if (a.cls == CLASS_ZERO || b.cls == CLASS_INF) return packZero(ctx, format, sign);
  let exp = a.exp - b.exp;
  let hi: u64;
  if (a.sig < b.sig) {
    exp--;
    hi = div128(ctx, a.sig, 0, b.sig);
  } else {
    hi = div128(ctx, a.sig >> 1, a.sig << 63, b.sig);
  }
  const rest = Env.low(ctx);
  let lo: u64 = 0;
  if (rest != 0) {
    lo = div128(ctx, rest, 0, b.sig);
    if (Env.low(ctx) != 0) lo |= 1;
  }
  return finish(ctx, format, sign, exp, hi, lo);
}

/** Square root of A. */
export function sqrtOf(ctx: usize, format: u32): u64 {
  const a = Slot.a(ctx);
  if (a.cls >= CLASS_QNAN) {
    Slot.b(ctx).cls = CLASS_ZERO;
    return propagate(ctx, format);
  }
  if (a.cls == CLASS_ZERO) return packZero(ctx, format, a.sign);
  if (a.sign) return invalid(ctx, format);
  if (a.cls == CLASS_INF) return packInfinity(ctx, format, 0);
  if (a.denormal) Env.raise(ctx, FE_DENORMAL);
  // radicand N = hi:lo, so that the root has exactly 64 bits
  let hi = a.sig >> 1;
  let lo = a.sig << 63;
  if (a.exp & 1) {
    hi = a.sig;
    lo = 0;
  }
  const root = rootOf(ctx, hi, lo);
  const restHigh = Env.sig(ctx);
  const rest = Env.low(ctx);
  // the next bit of the root is 1 if rest > root; what follows is never exact then
  const guard = restHigh != 0 || rest > root;
  return finish(ctx, format, 0, a.exp >> 1, root, (u64(guard) << 63) | u64((rest | restHigh) != 0));
}

/** floor(sqrt(hi:lo)) for hi >= 2^62; the remainder's high part (0 or 1) goes to Env.sig, the rest to Env.low. */
function rootOf(ctx: usize, hi: u64, lo: u64): u64 {
  const estimate = sqrt<f64>(f64(hi) * 18446744073709551616.0);
  let root: u64 = estimate >= 18446744073709551616.0 ? ~(<u64>0) : u64(estimate);
  // one Newton step on the exact remainder leaves an error of at most a few units
  let square = root * root;
  let restHigh = hi - mulHigh(root, root) - u64(lo < square);
  let rest = lo - square;
  const difference = f64(i64(restHigh)) * 18446744073709551616.0 + f64(rest);
  root += u64(i64(difference / (2.0 * f64(root))));
  square = root * root;
  restHigh = hi - mulHigh(root, root) - u64(lo < square);
  rest = lo - square;
  while (i64(restHigh) < 0) {
    root--;
    // rest += 2 * root + 1
    const add = (root << 1) | 1;
    const sum = rest + add;
    restHigh += (root >> 63) + u64(sum < rest);
    rest = sum;
  }
  while (restHigh > root >> 63 || (restHigh == root >> 63 && rest > root << 1)) {
    const take = (root << 1) | 1;
    restHigh -= (root >> 63) + u64(rest < take);
    rest -= take;
    root++;
  }
  Env.setSig(ctx, restHigh);
  Env.setLow(ctx, rest);
  return root;
}
