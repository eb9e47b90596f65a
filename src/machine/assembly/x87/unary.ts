/** D9 E0..FF: sign, classification, remainder, rounding, scaling, and the way into the transcendental functions. */
import { propagate } from '../softfloat/arithmetic';
import { fromInteger, roundToInteger } from '../softfloat/convert';
import { CLASS_BAD, CLASS_FINITE, CLASS_INF, CLASS_QNAN, CLASS_ZERO, Env, F80, FE_DENORMAL, FE_ZERO, Slot } from '../softfloat/environment';
import { remainder } from '../softfloat/remainder';
import { finish, invalid, packInfinity, packZero } from '../softfloat/round';
import { squareRoot, test } from './arithmetic';
import { begin, C0, C1, C2, C3, Fpu, INDEFINITE_SE, INDEFINITE_SIG, settle, stackFault } from './stack';
import { transcendental } from './transcendental';

/** FXAM. */
function examine(ctx: usize): void {
  const sign = Fpu.se(ctx, 0) & 0x8000 ? C1 : 0;
  if (Fpu.isEmpty(ctx, 0)) return Fpu.conditions(ctx, sign | C3 | C0);
  Fpu.unpackA(ctx, 0);
  const a = Slot.a(ctx);
  let bits: u32;
  if (a.cls == CLASS_ZERO) bits = C3;
  else if (a.cls == CLASS_FINITE) bits = a.denormal ? C3 | C2 : C2;
  else if (a.cls == CLASS_INF) bits = C2 | C0;
  else if (a.cls == CLASS_BAD) bits = 0;
  else bits = C0;
  Fpu.conditions(ctx, sign | bits);
}

/** FPREM, FPREM1. */
function partialRemainder(ctx: usize, nearest: bool): void {
  if (Fpu.isEmpty(ctx, 0) || Fpu.isEmpty(ctx, 1)) {
    if (stackFault(ctx, 0)) Fpu.write(ctx, 0, INDEFINITE_SE, INDEFINITE_SIG);
    Fpu.setStatus(ctx, Fpu.status(ctx) & ~C2);
    return;
  }
  begin(ctx);
  Fpu.unpackA(ctx, 0);
  Fpu.unpackB(ctx, 1);
  const se = u32(remainder(ctx, nearest));
  const quotient = Env.quotient(ctx);
  const stored = settle(ctx);
  if (stored) Fpu.write(ctx, 0, se, Env.sig(ctx));
  if (quotient & 0x200 || !stored) Fpu.setStatus(ctx, Fpu.status(ctx) & ~C2);
  else Fpu.conditions(ctx, quotient & 0x100 ? C2 : (quotient & 4 ? C0 : 0) | (quotient & 2 ? C3 : 0) | (quotient & 1 ? C1 : 0));
}

function roundToInt(ctx: usize): void {
  begin(ctx);
  Fpu.unpackA(ctx, 0);
  const se = u32(roundToInteger(ctx, F80, Env.rounding(ctx), 1));
  if (settle(ctx)) Fpu.write(ctx, 0, se, Env.sig(ctx));
}

/** ST(0) * 2^trunc(ST(1)) of unpacked operands. */
function scaled(ctx: usize): u64 {
  const a = Slot.a(ctx);
  const b = Slot.b(ctx);
  if (a.cls >= CLASS_QNAN || b.cls >= CLASS_QNAN) return propagate(ctx, F80);
  if (b.cls == CLASS_INF) {
    if (b.sign ? a.cls == CLASS_INF : a.cls == CLASS_ZERO) return invalid(ctx, F80);
    if (a.denormal) Env.raise(ctx, FE_DENORMAL);
    return b.sign ? packZero(ctx, F80, a.sign) : packInfinity(ctx, F80, a.sign);
  }
  if (a.denormal | b.denormal) Env.raise(ctx, FE_DENORMAL);
  if (a.cls == CLASS_ZERO) return packZero(ctx, F80, a.sign);
  if (a.cls == CLASS_INF) return packInfinity(ctx, F80, a.sign);
  let by = 0;
  if (b.cls == CLASS_FINITE && b.exp >= 0) {
    by = b.exp > 16 ? 0x10000 : i32(b.sig >> (63 - b.exp));
    if (b.sign) by = -by;
  }
  return finish(ctx, F80, a.sign, a.exp + by, a.sig, 0);
}

function scale(ctx: usize): void {
  if (Fpu.isEmpty(ctx, 0) || Fpu.isEmpty(ctx, 1)) {
    if (stackFault(ctx, 0)) Fpu.write(ctx, 0, INDEFINITE_SE, INDEFINITE_SIG);
    return;
  }
  begin(ctx);
  Fpu.unpackA(ctx, 0);
  Fpu.unpackB(ctx, 1);
  const se = u32(scaled(ctx));
  if (settle(ctx)) Fpu.write(ctx, 0, se, Env.sig(ctx));
}

/** FXTRACT: ST(0) becomes the exponent, then the significand is pushed. */
function extract(ctx: usize): void {
  if (!Fpu.isEmpty(ctx, 7)) {
    if (!stackFault(ctx, C1)) return;
    Fpu.write(ctx, 0, INDEFINITE_SE, INDEFINITE_SIG);
    return Fpu.push(ctx, INDEFINITE_SE, INDEFINITE_SIG);
  }
  begin(ctx);
  Fpu.unpackA(ctx, 0);
  const a = Slot.a(ctx);
  let exponentSe: u32;
  let exponentSig: u64;
  let se: u32;
  if (a.cls >= CLASS_QNAN) {
    Slot.b(ctx).cls = CLASS_ZERO;
    se = u32(propagate(ctx, F80));
    exponentSe = se;
    exponentSig = Env.sig(ctx);
  } else if (a.cls == CLASS_ZERO) {
    Env.raise(ctx, FE_ZERO);
    exponentSe = u32(packInfinity(ctx, F80, 1));
    exponentSig = Env.sig(ctx);
    se = u32(packZero(ctx, F80, a.sign));
  } else if (a.cls == CLASS_INF) {
    exponentSe = u32(packInfinity(ctx, F80, 0));
    exponentSig = Env.sig(ctx);
    se = u32(packInfinity(ctx, F80, a.sign));
  } else {
    if (a.denormal) Env.raise(ctx, FE_DENORMAL);
    exponentSe = u32(fromInteger(ctx, F80, a.exp));
    exponentSig = Env.sig(ctx);
    Env.setSig(ctx, a.sig);
    se = (a.sign << 15) | 0x3fff;
  }
  const sig = Env.sig(ctx);
  if (!settle(ctx)) return;
  Fpu.write(ctx, 0, exponentSe, exponentSig);
  Fpu.push(ctx, se, sig);
}

/** Operation `which` = low five bits of ModRM. */
export function unary(ctx: usize, which: i32): void {
  switch (which) {
    case 5: return examine(ctx);
    case 17:
    case 19:
    case 25: return transcendental(ctx, which);
    case 21: return partialRemainder(ctx, true);
    case 22: return rotate(ctx, -1);
    case 23: return rotate(ctx, 1);
    case 24: return partialRemainder(ctx, false);
    case 29: return scale(ctx);
    case 4: return test(ctx);
  }
  // all others have one operand
  if (Fpu.isEmpty(ctx, 0)) {
    const masked = stackFault(ctx, 0);
    if (which == 18 || which == 27 || which >= 30) Fpu.setStatus(ctx, Fpu.status(ctx) & ~C2);
    if (!masked) return;
    Fpu.write(ctx, 0, INDEFINITE_SE, INDEFINITE_SIG);
    // FPTAN, FXTRACT, FSINCOS have a second result
    if (which == 18 || which == 20 || which == 27) Fpu.push(ctx, INDEFINITE_SE, INDEFINITE_SIG);
    return;
  }
  switch (which) {
    case 0: {
      Fpu.setStatus(ctx, Fpu.status(ctx) & ~C1);
      return Fpu.write(ctx, 0, Fpu.se(ctx, 0) ^ 0x8000, Fpu.sig(ctx, 0));
    }
    case 1: {
      Fpu.setStatus(ctx, Fpu.status(ctx) & ~C1);
      return Fpu.write(ctx, 0, Fpu.se(ctx, 0) & 0x7fff, Fpu.sig(ctx, 0));
    }
    case 20: return extract(ctx);
    case 26: return squareRoot(ctx);
    case 28: return roundToInt(ctx);
    default: return transcendental(ctx, which);
  }
}

/** FDECSTP, FINCSTP. */
function rotate(ctx: usize, by: i32): void {
  Fpu.setStatus(ctx, Fpu.status(ctx) & ~C1);
  Fpu.setTop(ctx, Fpu.top(ctx) + by);
}
