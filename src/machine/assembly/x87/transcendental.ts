/** F2XM1, FYL2X, FYL2XP1, FPTAN, FPATAN, FSIN, FCOS, FSINCOS, computed in 128 bits and rounded once. @see Intel SDM vol. 1, 8.3.10 */
import { propagate } from '../softfloat/arithmetic';
import { CLASS_FINITE, CLASS_INF, CLASS_QNAN, CLASS_ZERO, Env, F80, FE_DENORMAL, FE_INEXACT, FE_UNDERFLOW, FE_ZERO, Slot } from '../softfloat/environment';
import { arcTangent, cosine, expMinus1, logOnePlus, setLn2, setLog2e, setPi, sine } from '../softfloat/elementary';
import { copy, divide, finishLong, isZero, LongFloat, multiply, plus, set, setWhole } from '../softfloat/long-float';
import { finish, finishAny, invalid, packInfinity, packZero } from '../softfloat/round';
import { mulHigh } from '../softfloat/wide';
import { begin, C1, C2, Fpu, INDEFINITE_SE, INDEFINITE_SIG, settle, stackFault } from './stack';

/** Significand of sqrt(2). */
const ROOT2: u64 = 0xb504f333f9de6484;
/** pi/2 in units of 2^-65 as the processors reduce by it: 66 bits of pi, no more. */
const HALF_PI_HIGH: u64 = 3;
const HALF_PI_LOW: u64 = 0x243f6a8885a308d3;

function fromSlot(x: LongFloat, slot: Slot): void {
  if (slot.cls == CLASS_ZERO) set(x, slot.sign, 0, 0, 0);
  else set(x, slot.sign, slot.exp, slot.sig, 0);
}

/** 2^A - 1. */
function powerMinus1(ctx: usize): u64 {
  const a = Slot.a(ctx);
  if (a.cls == CLASS_ZERO) return packZero(ctx, F80, a.sign);
  if (a.cls == CLASS_INF) return a.sign ? finish(ctx, F80, 1, 0, 0x8000000000000000, 0) : packInfinity(ctx, F80, 0);
  if (a.denormal) Env.raise(ctx, FE_DENORMAL);
  if (a.exp >= 0) {
    // defined for |A| <= 1 only; beyond, AMD's processors give the operand back
    Env.raise(ctx, FE_INEXACT);
    if (a.exp == 0 && a.sig << 1 == 0) return finish(ctx, F80, a.sign, a.sign ? -1 : 0, 0x8000000000000000, 0);
    return finish(ctx, F80, a.sign, a.exp, a.sig, 0);
  }
  const x = LongFloat.at(ctx, 0);
  const r = LongFloat.at(ctx, 1);
  const ln2 = LongFloat.at(ctx, 2);
  fromSlot(x, a);
  setLn2(ln2);
  multiply(x, x, ln2);
  expMinus1(ctx, r, x);
  return finishLong(ctx, F80, r);
}

/** B times a logarithm that is zero (`zero`), infinite or of sign `negative`, where either is special; 0x10000 if both are ordinary. */
function specialProduct(ctx: usize, negative: u32, zero: bool, infinite: bool): u64 {
  const b = Slot.b(ctx);
  const sign = b.sign ^ negative;
  if (b.cls == CLASS_INF) return zero ? invalid(ctx, F80) : packInfinity(ctx, F80, sign);
  if (b.cls == CLASS_ZERO) return infinite ? invalid(ctx, F80) : packZero(ctx, F80, sign);
  if (infinite) return packInfinity(ctx, F80, sign);
  if (zero) return packZero(ctx, F80, sign);
  return 0x10000;
}

/** B * log2(A). */
function timesLog(ctx: usize): u64 {
  const a = Slot.a(ctx);
  const b = Slot.b(ctx);
  if (a.cls == CLASS_ZERO) {
    if (b.cls == CLASS_FINITE) Env.raise(ctx, FE_ZERO);
    return specialProduct(ctx, 1, false, true);
  }
  if (a.sign) return invalid(ctx, F80);
  if (a.denormal | b.denormal) Env.raise(ctx, FE_DENORMAL);
  const one = a.cls == CLASS_FINITE && a.exp == 0 && a.sig << 1 == 0;
  const special = specialProduct(ctx, u32(a.exp < 0 && a.cls == CLASS_FINITE), one, a.cls == CLASS_INF);
  if (special != 0x10000) return special;
  const log = LongFloat.at(ctx, 0);
  const factor = LongFloat.at(ctx, 1);
  let exp = a.exp;
  if (a.sig << 1 == 0) {
    // a power of two: the product is computed exactly, but always said to be inexact
    Env.raise(ctx, FE_INEXACT);
    const size = u64(abs<i32>(exp));
    const n = clz<u64>(size);
    const high = mulHigh(size << n, b.sig);
    const product = finishAny(ctx, F80, b.sign ^ u32(exp < 0), 64 - i32(n) + b.exp, high, (size << n) * b.sig);
    if ((product & 0x7fff) == 0) Env.raise(ctx, FE_UNDERFLOW);
    return product;
  }
  const f = LongFloat.at(ctx, 2);
  if (a.sig > ROOT2) {
    exp++;
    const rest = 0 - a.sig;
    const n = clz<u64>(rest);
    set(f, 1, -1 - i32(n), rest << n, 0);
  } else {
    const rest = a.sig << 1;
    const n = clz<u64>(rest);
    set(f, 0, -1 - i32(n), rest << n, 0);
  }
  logOnePlus(ctx, log, f);
  setLog2e(factor);
  multiply(log, log, factor);
  if (exp != 0) {
    setWhole(factor, exp);
    plus(log, log, factor);
  }
  fromSlot(factor, b);
  multiply(log, log, factor);
  return finishLong(ctx, F80, log);
}

/** B * log2(1 + A). */
function timesLogOnePlus(ctx: usize): u64 {
  const a = Slot.a(ctx);
  const b = Slot.b(ctx);
  if (a.cls == CLASS_INF && a.sign) return invalid(ctx, F80);
  if (a.denormal | b.denormal) Env.raise(ctx, FE_DENORMAL);
  const special = specialProduct(ctx, a.sign, a.cls == CLASS_ZERO, a.cls == CLASS_INF);
  if (special != 0x10000) return special;
  if (a.sign && a.exp >= 0) {
    // no logarithm: AMD's processors give the operand back
    Env.raise(ctx, FE_INEXACT);
    return finish(ctx, F80, 1, a.exp, a.sig, 0);
  }
  const f = LongFloat.at(ctx, 2);
  const log = LongFloat.at(ctx, 0);
  const factor = LongFloat.at(ctx, 1);
  fromSlot(f, a);
  let exp = 0;
  if (a.exp >= -2) {
    // outside the defined range or near its end: as a number between sqrt(1/2) and sqrt(2) times a power of two
    const sum = LongFloat.at(ctx, 3);
    setWhole(factor, 1);
    plus(sum, f, factor);
    exp = sum.exp;
    sum.exp = 0;
    if (sum.hi > ROOT2) {
      exp++;
      sum.exp = -1;
    }
    factor.sign = 1;
    plus(f, sum, factor);
  }
  if (isZero(f)) set(log, 0, 0, 0, 0);
  else {
    logOnePlus(ctx, log, f);
    setLog2e(factor);
    multiply(log, log, factor);
  }
  if (exp != 0) {
    setWhole(factor, exp);
    plus(log, log, factor);
  }
  fromSlot(factor, b);
  multiply(log, log, factor);
  return finishLong(ctx, F80, log);
}

/** arctan(B / A) in the quadrant of the point (A, B). */
function arcTangent2(ctx: usize): u64 {
  const a = Slot.a(ctx);
  const b = Slot.b(ctx);
  const r = LongFloat.at(ctx, 0);
  const t = LongFloat.at(ctx, 1);
  if (a.denormal | b.denormal) Env.raise(ctx, FE_DENORMAL);
  if (b.cls == CLASS_ZERO || (a.cls == CLASS_INF && b.cls != CLASS_INF)) {
    if (!a.sign) return packZero(ctx, F80, b.sign);
    setPi(r, 0);
  } else if (b.cls == CLASS_INF && a.cls == CLASS_INF) {
    setPi(r, -2);
    if (a.sign) {
      setPi(t, -1);
      plus(r, r, t);
    }
  } else if (b.cls == CLASS_INF || a.cls == CLASS_ZERO) {
    setPi(r, -1);
  } else {
    const x = LongFloat.at(ctx, 2);
    const y = LongFloat.at(ctx, 3);
    fromSlot(x, a);
    fromSlot(y, b);
    x.sign = 0;
    y.sign = 0;
    const steep = b.exp > a.exp || (b.exp == a.exp && b.sig > a.sig);
    const quotient = LongFloat.at(ctx, 4);
    if (steep) divide(ctx, quotient, x, y);
    else divide(ctx, quotient, y, x);
    // the quotient of equal numbers may come out above one
    if (quotient.exp >= 0) setWhole(quotient, 1);
    arcTangent(ctx, r, quotient);
    if (steep) {
      setPi(t, -1);
      r.sign = 1;
      plus(r, t, r);
    }
    if (a.sign) {
      setPi(t, 0);
      r.sign = 1;
      plus(r, t, r);
    }
  }
  r.sign = b.sign;
  return finishLong(ctx, F80, r);
}

/** |A| modulo pi/2 to the nearest: the rest (at most pi/4 in size) into place 0, the quotient's low two bits returned. A is finite, below 2^63. */
function reduce(ctx: usize): u32 {
  const a = Slot.a(ctx);
  const x = LongFloat.at(ctx, 0);
  if (a.exp < -1 || (a.exp == -1 && a.sig <= 0xc90fdaa22168c234)) {
    set(x, 0, a.exp, a.sig, 0);
    return 0;
  }
  // |A| = sig * 2^(exp + 2) units of 2^-65: shift in one bit at a time, subtracting pi/2
  let high: u64 = 0;
  let low = a.sig;
  let quotient: u32 = 0;
  for (let i = a.exp + 2; i > 0; i--) {
    high = (high << 1) | (low >> 63);
    low <<= 1;
    quotient <<= 1;
    if (high > HALF_PI_HIGH || (high == HALF_PI_HIGH && low >= HALF_PI_LOW)) {
      high -= HALF_PI_HIGH + u64(low < HALF_PI_LOW);
      low -= HALF_PI_LOW;
      quotient |= 1;
    }
  }
  // to nearest
  const twiceHigh = (high << 1) | (low >> 63);
  let sign: u32 = 0;
  if (twiceHigh > HALF_PI_HIGH || (twiceHigh == HALF_PI_HIGH && low << 1 > HALF_PI_LOW)) {
    high = HALF_PI_HIGH - high - u64(HALF_PI_LOW < low);
    low = HALF_PI_LOW - low;
    sign = 1;
    quotient++;
  }
  if ((high | low) == 0) {
    set(x, 0, 0, 0, 0);
    return quotient & 3;
  }
  if (high == 0) {
    const n = clz<u64>(low);
    set(x, sign, -2 - i32(n), low << n, 0);
  } else {
    const n = clz<u64>(high);
    set(x, sign, 62 - i32(n), (high << n) | (low >> (64 - n)), low << n);
  }
  return quotient & 3;
}

/** sin (`shift` = 0) or cos (1) of the reduced angle into place `to`. */
function wave(ctx: usize, to: i32, quadrant: u32, shift: u32, negative: u32): void {
  const x = LongFloat.at(ctx, 0);
  const r = LongFloat.at(ctx, to);
  const q = quadrant + shift;
  if (q & 1) cosine(ctx, r, x);
  else if (isZero(x)) set(r, 0, 0, 0, 0);
  else sine(ctx, r, x);
  r.sign ^= ((q >> 1) & 1) ^ (shift ? 0 : negative);
}

/** FSIN, FCOS, FSINCOS, FPTAN. */
function trigonometric(ctx: usize, which: i32): void {
  const two = which == 18 || which == 27;
  if (two && !Fpu.isEmpty(ctx, 7)) {
    const masked = stackFault(ctx, C1);
    Fpu.setStatus(ctx, Fpu.status(ctx) & ~C2);
    if (!masked) return;
    Fpu.write(ctx, 0, INDEFINITE_SE, INDEFINITE_SIG);
    return Fpu.push(ctx, INDEFINITE_SE, INDEFINITE_SIG);
  }
  begin(ctx);
  Fpu.unpackA(ctx, 0);
  const a = Slot.a(ctx);
  let se: u32;
  let sig: u64;
  let secondSe: u32 = 0x3fff;
  let secondSig: u64 = 0x8000000000000000;
  if (a.cls >= CLASS_INF) {
    if (a.cls == CLASS_INF) se = u32(invalid(ctx, F80));
    else {
      Slot.b(ctx).cls = CLASS_ZERO;
      se = u32(propagate(ctx, F80));
    }
    sig = Env.sig(ctx);
    secondSe = se;
    secondSig = sig;
  } else if (a.cls == CLASS_FINITE && a.exp >= 63) {
    Fpu.setStatus(ctx, (Fpu.status(ctx) & ~C1) | C2);
    return;
  } else if (a.cls == CLASS_ZERO) {
    se = which == 31 ? 0x3fff : a.sign << 15;
    sig = which == 31 ? 0x8000000000000000 : 0;
  } else {
    if (a.denormal) Env.raise(ctx, FE_DENORMAL);
    const quadrant = reduce(ctx);
    const r = LongFloat.at(ctx, 1);
    if (two) {
      const c = LongFloat.at(ctx, 2);
      wave(ctx, 1, quadrant, 0, a.sign);
      wave(ctx, 2, quadrant, 1, a.sign);
      if (which == 27) {
        secondSe = u32(finishLong(ctx, F80, c));
        secondSig = Env.sig(ctx);
      } else {
        const t = LongFloat.at(ctx, 3);
        divide(ctx, t, r, c);
        copy(r, t);
      }
    } else wave(ctx, 1, quadrant, u32(which == 31), a.sign);
    se = u32(finishLong(ctx, F80, r));
    sig = Env.sig(ctx);
  }
  const stored = settle(ctx);
  Fpu.setStatus(ctx, Fpu.status(ctx) & ~C2);
  if (!stored) return;
  Fpu.write(ctx, 0, se, sig);
  if (two) Fpu.push(ctx, secondSe, secondSig);
}

/** FYL2X, FYL2XP1, FPATAN: ST(1) = f(ST(0), ST(1)), then a pop. */
function twoOperands(ctx: usize, which: i32): void {
  if (Fpu.isEmpty(ctx, 0) || Fpu.isEmpty(ctx, 1)) {
    if (!stackFault(ctx, 0)) return;
    Fpu.write(ctx, 1, INDEFINITE_SE, INDEFINITE_SIG);
    return Fpu.pop(ctx);
  }
  begin(ctx);
  Fpu.unpackA(ctx, 0);
  Fpu.unpackB(ctx, 1);
  let se: u32;
  if (Slot.a(ctx).cls >= CLASS_QNAN || Slot.b(ctx).cls >= CLASS_QNAN) se = u32(propagate(ctx, F80));
  else if (which == 17) se = u32(timesLog(ctx));
  else if (which == 19) se = u32(arcTangent2(ctx));
  else se = u32(timesLogOnePlus(ctx));
  if (!settle(ctx)) return;
  Fpu.write(ctx, 1, se, Env.sig(ctx));
  Fpu.pop(ctx);
}

/** `which` = low five bits of ModRM; ST(0) is not empty for those of one operand. */
export function transcendental(ctx: usize, which: i32): void {
  if (which == 17 || which == 19 || which == 25) return twoOperands(ctx, which);
  if (which != 16) return trigonometric(ctx, which);
  begin(ctx);
  Fpu.unpackA(ctx, 0);
  let se: u32;
  if (Slot.a(ctx).cls >= CLASS_QNAN) {
    Slot.b(ctx).cls = CLASS_ZERO;
    se = u32(propagate(ctx, F80));
  } else se = u32(powerMinus1(ctx));
  if (settle(ctx)) Fpu.write(ctx, 0, se, Env.sig(ctx));
}
