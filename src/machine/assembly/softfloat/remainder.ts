/** FPREM and FPREM1: exact remainders, in steps when the exponents are far apart. */
import { propagate } from './arithmetic';
import { CLASS_FINITE, CLASS_INF, CLASS_QNAN, CLASS_ZERO, Env, F80, FE_DENORMAL, Slot } from './environment';
import { finish, finishAny, invalid, packZero } from './round';
import { div128 } from './wide';

/**
 * A modulo B, the quotient truncated or (`nearest`) rounded to nearest even. Env.quotient = low three bits of the quotient, 0x100
 * when only the exponent was reduced, 0x200 without a quotient (NaN, invalid). @see Intel SDM vol. 2A, FPREM
 */
export function remainder(ctx: usize, nearest: bool): u64 {
  const a = Slot.a(ctx);
  const b = Slot.b(ctx);
  Env.setQuotient(ctx, 0x200);
  if (a.cls >= CLASS_QNAN || b.cls >= CLASS_QNAN) return propagate(ctx, F80);
  if (a.cls == CLASS_INF || b.cls == CLASS_ZERO) return invalid(ctx, F80);
  Env.setQuotient(ctx, 0);
  if (a.denormal | b.denormal) Env.raise(ctx, FE_DENORMAL);
  if (a.cls == CLASS_ZERO) return packZero(ctx, F80, a.sign);
  if (b.cls != CLASS_FINITE) return finish(ctx, F80, a.sign, a.exp, a.sig, 0);
  const distance = a.exp - b.exp;
  if (distance < -1 || (distance < 0 && !nearest)) return finish(ctx, F80, a.sign, a.exp, a.sig, 0);
  if (distance == -1) {
    // |a| is between a quarter of |b| and |b|
    if (a.sig <= b.sig) return finish(ctx, F80, a.sign, a.exp, a.sig, 0);
    Env.setQuotient(ctx, 1);
    const twice = b.sig << 1;
    // 2b - a below 2^64 because a > b
    return finishAny(ctx, F80, a.sign ^ 1, a.exp, twice - a.sig, 0);
  }
  if (distance >= 64) {
    const step = 32 + (distance & 31);
    div128(ctx, a.sig >> (64 - step), a.sig << step, b.sig);
    Env.setQuotient(ctx, 0x100);
    return finishAny(ctx, F80, a.sign, a.exp - step, Env.low(ctx), 0);
  }
  let quotient: u64;
  if (distance == 0) {
    quotient = u64(a.sig >= b.sig);
    Env.setLow(ctx, quotient ? a.sig - b.sig : a.sig);
  } else {
    quotient = div128(ctx, a.sig >> (64 - distance), a.sig << distance, b.sig);
  }
  let rest = Env.low(ctx);
  let sign = a.sign;
  if (nearest) {
    const other = b.sig - rest;
    if (rest > other || (rest == other && quotient & 1)) {
      rest = other;
      sign ^= 1;
      quotient++;
    }
  }
  Env.setQuotient(ctx, u32(quotient) & 7);
  if (rest == 0) return packZero(ctx, F80, a.sign);
  return finishAny(ctx, F80, sign, b.exp, rest, 0);
}
