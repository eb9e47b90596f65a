/** The packed integer operations without an immediate, as a function of two values; MMX uses them too. */
import * as N from '../../helpers/vec';

@unmanaged
class Shift {
  /** The shift count, at most `limit`. */
  @inline static count(y: v128, limit: i32): i32 {
    const count = i64x2.extract_lane(y, 0);
    return u64(count) < u64(limit) ? i32(count) : limit;
  }
}

/** All lanes shifted left by count; counts of the lane's width and more give 0. */
export function shiftLeft(log: i32, x: v128, count: i32): v128 {
  if (count >= 8 << log) return i64x2.splat(0);
  return log == 1 ? i16x8.shl(x, count) : log == 2 ? i32x4.shl(x, count) : i64x2.shl(x, count);
}

/** Logical right shift. */
export function shiftRight(log: i32, x: v128, count: i32): v128 {
  if (count >= 8 << log) return i64x2.splat(0);
  return log == 1 ? i16x8.shr_u(x, count) : log == 2 ? i32x4.shr_u(x, count) : i64x2.shr_u(x, count);
}

/** Arithmetic right shift; larger counts fill with the sign. */
export function shiftArithmetic(log: i32, x: v128, count: i32): v128 {
  if (log == 1) return i16x8.shr_s(x, min<i32>(count, 15));
  return i32x4.shr_s(x, min<i32>(count, 31));
}

function mulHigh16(low: v128, high: v128): v128 {
  return v128.shuffle<i16>(low, high, 1, 3, 5, 7, 9, 11, 13, 15);
}

function evenWords(x: v128, y: v128): v128 {
  return v128.shuffle<i16>(x, y, 0, 2, 4, 6, 8, 10, 12, 14);
}

function oddWords(x: v128, y: v128): v128 {
  return v128.shuffle<i16>(x, y, 1, 3, 5, 7, 9, 11, 13, 15);
}

function evenDwords(x: v128, y: v128): v128 {
  return v128.shuffle<i32>(x, y, 0, 2, 4, 6);
}

function oddDwords(x: v128, y: v128): v128 {
  return v128.shuffle<i32>(x, y, 1, 3, 5, 7);
}

function maddUnsignedSigned(x: v128, y: v128): v128 {
  const even = i16x8.mul(v128.and(x, i16x8.splat(0xff)), i16x8.shr_s(i16x8.shl(y, 8), 8));
  const odd = i16x8.mul(i16x8.shr_u(x, 8), i16x8.shr_s(y, 8));
  return i16x8.add_sat_s(even, odd);
}

function sumOfDifferences(x: v128, y: v128): v128 {
  const difference = v128.or(i8x16.sub_sat_u(x, y), i8x16.sub_sat_u(y, x));
  const words = i16x8.extadd_pairwise_i8x16_u(difference);
  const dwords = i32x4.extadd_pairwise_i16x8_u(words);
  // the two dwords of each half fit in 16 bits together
  return i64x2.add(i64x2.shr_u(dwords, 32), v128.and(dwords, i64x2.splat(0xffffffff)));
}

function mulRoundScale(x: v128, y: v128): v128 {
  // -32768 * -32768 wraps on x86 instead of saturating
  const least = i16x8.splat(-0x8000);
  return v128.xor(i16x8.q15mulr_sat_s(x, y), v128.and(i16x8.eq(x, least), i16x8.eq(y, least)));
}

function applySign(x: v128, negated: v128, negative: v128, zero: v128): v128 {
  return v128.andnot(v128.bitselect(negated, x, negative), zero);
}

function minimumPosition(x: v128): v128 {
  let best: u32 = 0xffff;
  let at: u32 = 0;
  let rest = x;
  for (let i: u32 = 0; i < 8; i++) {
    const value = u32(i16x8.extract_lane_u(rest, 0));
    if (value < best) {
      best = value;
      at = i;
    }
    rest = v128.shuffle<i16>(rest, rest, 1, 2, 3, 4, 5, 6, 7, 0);
  }
  return i64x2.replace_lane(i64x2.splat(0), 0, best | (at << 16));
}

/** x op y; unary operations are of y. @see Intel SDM vol. 2, the instruction of the helper's name */
export function integer(n: i32, x: v128, y: v128): v128 {
  const zero = i64x2.splat(0);
  switch (n) {
    case N.V_PADDB: return i8x16.add(x, y);
    case N.V_PADDW: return i16x8.add(x, y);
    case N.V_PADDD: return i32x4.add(x, y);
    case N.V_PADDQ: return i64x2.add(x, y);
    case N.V_PSUBB: return i8x16.sub(x, y);
    case N.V_PSUBW: return i16x8.sub(x, y);
    case N.V_PSUBD: return i32x4.sub(x, y);
    case N.V_PSUBQ: return i64x2.sub(x, y);
    case N.V_PADDSB: return i8x16.add_sat_s(x, y);
    case N.V_PADDSW: return i16x8.add_sat_s(x, y);
    case N.V_PADDUSB: return i8x16.add_sat_u(x, y);
    case N.V_PADDUSW: return i16x8.add_sat_u(x, y);
    case N.V_PSUBSB: return i8x16.sub_sat_s(x, y);
    case N.V_PSUBSW: return i16x8.sub_sat_s(x, y);
    case N.V_PSUBUSB: return i8x16.sub_sat_u(x, y);
    case N.V_PSUBUSW: return i16x8.sub_sat_u(x, y);
    case N.V_PAND: return v128.and(x, y);
    case N.V_PANDN: return v128.andnot(y, x);
    case N.V_POR: return v128.or(x, y);
    case N.V_PXOR: return v128.xor(x, y);
    case N.V_PCMPEQB: return i8x16.eq(x, y);
    case N.V_PCMPEQW: return i16x8.eq(x, y);
    case N.V_PCMPEQD: return i32x4.eq(x, y);
    case N.V_PCMPEQQ: return i64x2.eq(x, y);
    case N.V_PCMPGTB: return i8x16.gt_s(x, y);
    case N.V_PCMPGTW: return i16x8.gt_s(x, y);
    case N.V_PCMPGTD: return i32x4.gt_s(x, y);
    case N.V_PCMPGTQ: return i64x2.gt_s(x, y);
    case N.V_PMINUB: return i8x16.min_u(x, y);
    case N.V_PMINUW: return i16x8.min_u(x, y);
    case N.V_PMINUD: return i32x4.min_u(x, y);
    case N.V_PMINSB: return i8x16.min_s(x, y);
    case N.V_PMINSW: return i16x8.min_s(x, y);
    case N.V_PMINSD: return i32x4.min_s(x, y);
    case N.V_PMAXUB: return i8x16.max_u(x, y);
    case N.V_PMAXUW: return i16x8.max_u(x, y);
    case N.V_PMAXUD: return i32x4.max_u(x, y);
    case N.V_PMAXSB: return i8x16.max_s(x, y);
    case N.V_PMAXSW: return i16x8.max_s(x, y);
    case N.V_PMAXSD: return i32x4.max_s(x, y);
    case N.V_PAVGB: return i8x16.avgr_u(x, y);
    case N.V_PAVGW: return i16x8.avgr_u(x, y);
    case N.V_PMULLW: return i16x8.mul(x, y);
    case N.V_PMULHW: return mulHigh16(i32x4.extmul_low_i16x8_s(x, y), i32x4.extmul_high_i16x8_s(x, y));
    case N.V_PMULHUW: return mulHigh16(i32x4.extmul_low_i16x8_u(x, y), i32x4.extmul_high_i16x8_u(x, y));
    case N.V_PMULLD: return i32x4.mul(x, y);
    case N.V_PMULUDQ: {
      const even = evenDwords(x, x);
      return i64x2.extmul_low_i32x4_u(even, evenDwords(y, y));
    }
    case N.V_PMULDQ: {
      const even = evenDwords(x, x);
      return i64x2.extmul_low_i32x4_s(even, evenDwords(y, y));
    }
    case N.V_PMULHRSW: return mulRoundScale(x, y);
    case N.V_PMADDWD: return i32x4.dot_i16x8_s(x, y);
    case N.V_PMADDUBSW: return maddUnsignedSigned(x, y);
    case N.V_PSADBW: return sumOfDifferences(x, y);
    case N.V_PACKSSWB: return i8x16.narrow_i16x8_s(x, y);
    case N.V_PACKSSDW: return i16x8.narrow_i32x4_s(x, y);
    case N.V_PACKUSWB: return i8x16.narrow_i16x8_u(x, y);
    case N.V_PACKUSDW: return i16x8.narrow_i32x4_u(x, y);
    case N.V_PUNPCKLBW: return v128.shuffle<i8>(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    case N.V_PUNPCKLWD: return v128.shuffle<i16>(x, y, 0, 8, 1, 9, 2, 10, 3, 11);
    case N.V_PUNPCKLDQ: return v128.shuffle<i32>(x, y, 0, 4, 1, 5);
    case N.V_PUNPCKLQDQ: return v128.shuffle<i64>(x, y, 0, 2);
    case N.V_PUNPCKHBW: return v128.shuffle<i8>(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    case N.V_PUNPCKHWD: return v128.shuffle<i16>(x, y, 4, 12, 5, 13, 6, 14, 7, 15);
    case N.V_PUNPCKHDQ: return v128.shuffle<i32>(x, y, 2, 6, 3, 7);
    case N.V_PUNPCKHQDQ: return v128.shuffle<i64>(x, y, 1, 3);
    case N.V_PSHUFB: return i8x16.swizzle(x, v128.and(y, i8x16.splat(-0x71)));
    case N.V_PHADDW: return i16x8.add(evenWords(x, y), oddWords(x, y));
    case N.V_PHADDD: return i32x4.add(evenDwords(x, y), oddDwords(x, y));
    case N.V_PHADDSW: return i16x8.add_sat_s(evenWords(x, y), oddWords(x, y));
    case N.V_PHSUBW: return i16x8.sub(evenWords(x, y), oddWords(x, y));
    case N.V_PHSUBD: return i32x4.sub(evenDwords(x, y), oddDwords(x, y));
    case N.V_PHSUBSW: return i16x8.sub_sat_s(evenWords(x, y), oddWords(x, y));
    case N.V_PSIGNB: return applySign(x, i8x16.neg(x), i8x16.lt_s(y, zero), i8x16.eq(y, zero));
    case N.V_PSIGNW: return applySign(x, i16x8.neg(x), i16x8.lt_s(y, zero), i16x8.eq(y, zero));
    case N.V_PSIGND: return applySign(x, i32x4.neg(x), i32x4.lt_s(y, zero), i32x4.eq(y, zero));
    case N.V_PABSB: return i8x16.abs(y);
    case N.V_PABSW: return i16x8.abs(y);
    case N.V_PABSD: return i32x4.abs(y);
    case N.V_PHMINPOSUW: return minimumPosition(y);
    case N.V_PSLLW: return shiftLeft(1, x, Shift.count(y, 16));
    case N.V_PSLLD: return shiftLeft(2, x, Shift.count(y, 32));
    case N.V_PSLLQ: return shiftLeft(3, x, Shift.count(y, 64));
    case N.V_PSRLW: return shiftRight(1, x, Shift.count(y, 16));
    case N.V_PSRLD: return shiftRight(2, x, Shift.count(y, 32));
    case N.V_PSRLQ: return shiftRight(3, x, Shift.count(y, 64));
    case N.V_PSRAW: return shiftArithmetic(1, x, Shift.count(y, 16));
    case N.V_PSRAD: return shiftArithmetic(2, x, Shift.count(y, 32));
    case N.V_PMOVSXBW: return i16x8.extend_low_i8x16_s(y);
    case N.V_PMOVSXBD: return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(y));
    case N.V_PMOVSXBQ: return i64x2.extend_low_i32x4_s(i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(y)));
    case N.V_PMOVSXWD: return i32x4.extend_low_i16x8_s(y);
    case N.V_PMOVSXWQ: return i64x2.extend_low_i32x4_s(i32x4.extend_low_i16x8_s(y));
    case N.V_PMOVSXDQ: return i64x2.extend_low_i32x4_s(y);
    case N.V_PMOVZXBW: return i16x8.extend_low_i8x16_u(y);
    case N.V_PMOVZXBD: return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(y));
    case N.V_PMOVZXBQ: return i64x2.extend_low_i32x4_u(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(y)));
    case N.V_PMOVZXWD: return i32x4.extend_low_i16x8_u(y);
    case N.V_PMOVZXWQ: return i64x2.extend_low_i32x4_u(i32x4.extend_low_i16x8_u(y));
    case N.V_PMOVZXDQ: return i64x2.extend_low_i32x4_u(y);
    case N.V_MOVSLDUP: return v128.shuffle<i32>(y, y, 0, 0, 2, 2);
    case N.V_MOVSHDUP: return v128.shuffle<i32>(y, y, 1, 1, 3, 3);
    default: unreachable();
  }
  return zero;
}
