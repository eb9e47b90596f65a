/** Elementary functions on long floats; relative errors below 2^-115. Places 0..5 are the callers', 8..15 spoiled here. */
import { copy, divide, divideBy, isZero, LongFloat, multiply, plus, set, setWhole } from './long-float';

/** ln(2). */
export function setLn2(x: LongFloat): void {
  set(x, 0, -1, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af);
}

/** log2(e). */
export function setLog2e(x: LongFloat): void {
  set(x, 0, 0, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e89);
}

/** pi * 2^scale. */
export function setPi(x: LongFloat, scale: i32): void {
  set(x, 0, 1 + scale, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1);
}

/** atan(k / 8) for k = 1..8. */
function setArcTangent(x: LongFloat, k: i32): void {
  switch (k) {
    case 1: return set(x, 0, -4, 0xfeadd4d5617b6e32, 0xc897989f3e888ef8);
    case 2: return set(x, 0, -3, 0xfadbafc96406eb15, 0x6dc79ef5f7a217e6);
    case 3: return set(x, 0, -2, 0xb7b0ca0f26f78473, 0x8aa32122dcfe4483);
    case 4: return set(x, 0, -2, 0xed63382b0dda7b45, 0x6fe445ecbc3a8d03);
    case 5: return set(x, 0, -1, 0x8f005d5ef7f59f9b, 0x5c835e1665c43748);
    case 6: return set(x, 0, -1, 0xa4bc7d1934f70924, 0x19a87f2a457dac9f);
    case 7: return set(x, 0, -1, 0xb8053e2bc2319e73, 0xcb2da55210a4443d);
    default: return setPi(x, -2);
  }
}

/** r = e^x - 1 for |x| < 0.7: x (1 + x/2 (1 + x/3 (...))). */
export function expMinus1(ctx: usize, r: LongFloat, x: LongFloat): void {
  const sum = LongFloat.at(ctx, 8);
  const one = LongFloat.at(ctx, 9);
  const t = LongFloat.at(ctx, 10);
  setWhole(one, 1);
  copy(sum, one);
  for (let k: u32 = 34; k > 1; k--) {
    divideBy(t, x, k);
    multiply(t, t, sum);
    plus(sum, one, t);
  }
  multiply(r, x, sum);
}

/** r = sum of sign^k x^(2k+1) / (2k+1), k < terms: the series of artanh (sign 0) or arctan (sign 1). */
function oddSeries(ctx: usize, r: LongFloat, x: LongFloat, terms: i32, sign: u32): void {
  const square = LongFloat.at(ctx, 8);
  const sum = LongFloat.at(ctx, 9);
  const one = LongFloat.at(ctx, 10);
  const t = LongFloat.at(ctx, 11);
  multiply(square, x, x);
  square.sign = sign;
  setWhole(one, 1);
  divideBy(sum, one, 2 * terms + 1);
  for (let k = terms - 1; k >= 0; k--) {
    multiply(sum, sum, square);
    divideBy(t, one, 2 * k + 1);
    plus(sum, t, sum);
  }
  if (sign) below(sum);
  multiply(r, x, sum);
}

/** A sum that lost its (negative) terms to truncation is just below one. */
function below(sum: LongFloat): void {
  if (sum.exp == 0 && sum.hi << 1 == 0 && sum.lo == 0) set(sum, 0, -1, ~(<u64>0), ~(<u64>0));
}

/** r = ln(1 + f) for -0.3 < f < 0.42, f not 0: twice artanh(f / (2 + f)). */
export function logOnePlus(ctx: usize, r: LongFloat, f: LongFloat): void {
  const two = LongFloat.at(ctx, 12);
  const s = LongFloat.at(ctx, 13);
  setWhole(two, 2);
  plus(two, two, f);
  divide(ctx, s, f, two);
  oddSeries(ctx, r, s, 27, 0);
  r.exp++;
}

/** r = arctan(x) for 0 <= x <= 1. */
export function arcTangent(ctx: usize, r: LongFloat, x: LongFloat): void {
  if (isZero(x) || x.exp < -4) return oddSeries(ctx, r, x, 17, 1);
  const eighths = i32(((x.hi >> (60 - 4 - x.exp)) + 8) >> 4);
  if (eighths == 0) return oddSeries(ctx, r, x, 17, 1);
  const c = LongFloat.at(ctx, 8);
  const top = LongFloat.at(ctx, 9);
  const bottom = LongFloat.at(ctx, 10);
  const t = LongFloat.at(ctx, 12);
  setWhole(c, -eighths);
  c.exp -= 3;
  plus(top, x, c);
  c.sign = 0;
  multiply(bottom, x, c);
  setWhole(t, 1);
  plus(bottom, bottom, t);
  if (isZero(top)) return setArcTangent(r, eighths);
  divide(ctx, t, top, bottom);
  oddSeries(ctx, r, t, 17, 1);
  setArcTangent(c, eighths);
  plus(r, r, c);
}

/** r = sin(x) for |x| < 0.8: x (1 - x^2/(2*3) (1 - x^2/(4*5) (...))). */
export function sine(ctx: usize, r: LongFloat, x: LongFloat): void {
  evenSeries(ctx, r, x, 3);
  multiply(r, r, x);
}

/** r = cos(x) for |x| < 0.8. */
export function cosine(ctx: usize, r: LongFloat, x: LongFloat): void {
  evenSeries(ctx, r, x, 2);
}

/** r = 1 - x^2/((first-1) first) (1 - x^2/((first+1)(first+2)) (...)). */
function evenSeries(ctx: usize, r: LongFloat, x: LongFloat, first: u32): void {
  const square = LongFloat.at(ctx, 8);
  const one = LongFloat.at(ctx, 9);
  const sum = LongFloat.at(ctx, 10);
  multiply(square, x, x);
  square.sign = 1;
  setWhole(one, 1);
  copy(sum, one);
  for (let k = first + 32; k >= first; k -= 2) {
    multiply(sum, sum, square);
    divideBy(sum, sum, k * (k - 1));
    plus(sum, one, sum);
  }
  below(sum);
  copy(r, sum);
}
