/** Fused multiply-add: A * B + C with one rounding. */
import { sum } from './arithmetic';
import { CLASS_INF, CLASS_QNAN, CLASS_SNAN, CLASS_ZERO, Env, FE_DENORMAL, FE_INVALID, ROUND_DOWN, Slot } from './environment';
import { finish, invalid, packInfinity, packNaN, packZero } from './round';
import { mulHigh } from './wide';

/** The first NaN of A, B, C, made quiet. */
function firstNaN(ctx: usize, format: u32): u64 {
  const a = Slot.a(ctx);
  const b = Slot.b(ctx);
  const c = Slot.c(ctx);
  if (a.cls == CLASS_SNAN || b.cls == CLASS_SNAN || c.cls == CLASS_SNAN) Env.raise(ctx, FE_INVALID);
  return packNaN(ctx, format, a.cls >= CLASS_QNAN ? a : b.cls >= CLASS_QNAN ? b : c);
}

/** (-1)^negateProduct * A * B + (-1)^negateAddend * C. */
export function multiplyAdd(ctx: usize, format: u32, negateProduct: u32, negateAddend: u32): u64 {
  const a = Slot.a(ctx);
  const b = Slot.b(ctx);
  const c = Slot.c(ctx);
  if (a.cls >= CLASS_QNAN || b.cls >= CLASS_QNAN || c.cls >= CLASS_QNAN) return firstNaN(ctx, format);
  const sign = a.sign ^ b.sign ^ negateProduct;
  const signC = c.sign ^ negateAddend;
  if (a.cls == CLASS_INF || b.cls == CLASS_INF) {
    if (a.cls == CLASS_ZERO || b.cls == CLASS_ZERO) return invalid(ctx, format);
    if (c.cls == CLASS_INF && sign != signC) return invalid(ctx, format);
    if (a.denormal | b.denormal | c.denormal) Env.raise(ctx, FE_DENORMAL);
    return packInfinity(ctx, format, sign);
  }
  if (a.denormal | b.denormal | c.denormal) Env.raise(ctx, FE_DENORMAL);
  if (c.cls == CLASS_INF) return packInfinity(ctx, format, signC);
  if (a.cls == CLASS_ZERO || b.cls == CLASS_ZERO) {
    if (c.cls == CLASS_ZERO) return packZero(ctx, format, sign == signC ? sign : u32(Env.rounding(ctx) == ROUND_DOWN));
    return finish(ctx, format, signC, c.exp, c.sig, 0);
  }
  let hi = mulHigh(a.sig, b.sig);
  let lo = a.sig * b.sig;
  let exp = a.exp + b.exp + 1;
  if (!(hi >> 63)) {
    hi = (hi << 1) | (lo >> 63);
    lo <<= 1;
    exp--;
  }
  if (c.cls == CLASS_ZERO) return finish(ctx, format, sign, exp, hi, lo);
  return sum(ctx, format, sign, exp, hi, lo, signC, c.exp, c.sig, 0);
}
