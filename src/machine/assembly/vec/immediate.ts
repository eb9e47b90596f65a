/** The packed operations that an immediate steers: shuffles, blends, byte shifts, shifts by a constant. */
import * as N from '../../helpers/vec';
import { LANES } from '../softfloat/environment';
import { shiftArithmetic, shiftLeft, shiftRight } from './integer';

/** Bytes that pick four dwords by two bits each of `imm`. */
function dwordIndexes(imm: i32): v128 {
  const first = (imm & 3) * 0x04040404;
  const second = ((imm >> 2) & 3) * 0x04040404;
  const third = ((imm >> 4) & 3) * 0x04040404;
  const fourth = ((imm >> 6) & 3) * 0x04040404;
  const low = u64(first + 0x03020100) | (u64(second + 0x03020100) << 32);
  const high = u64(third + 0x03020100) | (u64(fourth + 0x03020100) << 32);
  return i64x2.replace_lane(i64x2.splat(low), 1, high);
}

/** Eight bytes that pick four words by two bits each of `imm`, the words of the half at byte `base`. */
function wordIndexes(imm: i32, base: u64): u64 {
  let indexes: u64 = 0;
  for (let i: u32 = 0; i < 4; i++) indexes |= (u64((imm >> (2 * i)) & 3) * 0x0202 + 0x0100 + base * 0x0101) << (16 * i);
  return indexes;
}

/** Lane masks: bit i of imm fills lane i (of 1 << log bytes). */
function laneMask(log: i32, imm: i32): v128 {
  if (log == 3) return i64x2.replace_lane(i64x2.splat(-i64(imm & 1)), 1, -i64((imm >> 1) & 1));
  if (log == 2) {
    const bits = v128.and(i32x4.splat(imm), i32x4(1, 2, 4, 8));
    return i32x4.ne(bits, i32x4.splat(0));
  }
  const bits = v128.and(i16x8.splat(<i16>imm), i16x8(1, 2, 4, 8, 16, 32, 64, 128));
  return i16x8.ne(bits, i16x8.splat(0));
}

/** Bytes n..n+15 of y:x (x the low half); n up to 32, beyond the end are zeros. */
export function alignRight(ctx: usize, high: v128, low: v128, n: i32): v128 {
  if (n >= 32) return i64x2.splat(0);
  const at = ctx + LANES;
  v128.store(at, low);
  v128.store(at + 16, high);
  v128.store(at + 32, i64x2.splat(0));
  return v128.load(at + n);
}

/** The bytes of x moved up by n, zeros below. */
function byteShiftLeft(ctx: usize, x: v128, n: i32): v128 {
  if (n >= 16) return i64x2.splat(0);
  const at = ctx + LANES;
  v128.store(at, i64x2.splat(0));
  v128.store(at + 16, x);
  return v128.load(at + 16 - n);
}

/** INSERTPS of a register: dword imm[7:6] of y to lane imm[5:4] of x, lanes of imm[3:0] cleared. */
function insertSingle(x: v128, y: v128, imm: i32): v128 {
  const value = i8x16.swizzle(y, dwordIndexes((imm >> 6) * 0x55));
  const merged = v128.bitselect(value, x, laneMask(2, 1 << ((imm >> 4) & 3)));
  return v128.andnot(merged, laneMask(2, imm & 15));
}

/** MPSADBW: eight sums of four absolute differences. */
function multipleSums(ctx: usize, x: v128, y: v128, imm: i32): v128 {
  const at = ctx + LANES;
  v128.store(at, x);
  v128.store(at + 16, y);
  const first = at + (imm & 4);
  const second = at + 16 + (imm & 3) * 4;
  for (let i: usize = 0; i < 8; i++) {
    let sum: i32 = 0;
    for (let j: usize = 0; j < 4; j++) sum += abs<i32>(i32(load<u8>(first + i + j)) - i32(load<u8>(second + j)));
    store<u16>(at + 32 + 2 * i, u16(sum));
  }
  return v128.load(at + 32);
}

/** x op y with `imm`; shifts and PSHUF* are of y. */
export function immediate(ctx: usize, n: i32, x: v128, y: v128, imm: i32): v128 {
  switch (n) {
    case N.V_PSHUFD: return i8x16.swizzle(y, dwordIndexes(imm));
    case N.V_PSHUFHW: return i8x16.swizzle(y, i64x2.replace_lane(i64x2.splat(0x0706050403020100), 1, wordIndexes(imm, 8)));
    case N.V_PSHUFLW: return i8x16.swizzle(y, i64x2.replace_lane(i64x2.splat(0x0f0e0d0c0b0a0908), 0, wordIndexes(imm, 0)));
    case N.V_SHUFPS: {
      const indexes = dwordIndexes(imm);
      return v128.shuffle<i64>(i8x16.swizzle(x, indexes), i8x16.swizzle(y, indexes), 0, 3);
    }
    case N.V_SHUFPD: {
      const low = imm & 1 ? i64x2.extract_lane(x, 1) : i64x2.extract_lane(x, 0);
      const high = imm & 2 ? i64x2.extract_lane(y, 1) : i64x2.extract_lane(y, 0);
      return i64x2.replace_lane(i64x2.splat(low), 1, high);
    }
    case N.V_PALIGNR: return alignRight(ctx, x, y, imm);
    case N.V_PSLLDQ: return byteShiftLeft(ctx, y, imm);
    case N.V_PSRLDQ: return alignRight(ctx, i64x2.splat(0), y, imm);
    case N.V_PSLLWI: return shiftLeft(1, y, imm);
    case N.V_PSLLDI: return shiftLeft(2, y, imm);
    case N.V_PSLLQI: return shiftLeft(3, y, imm);
    case N.V_PSRLWI: return shiftRight(1, y, imm);
    case N.V_PSRLDI: return shiftRight(2, y, imm);
    case N.V_PSRLQI: return shiftRight(3, y, imm);
    case N.V_PSRAWI: return shiftArithmetic(1, y, imm);
    case N.V_PSRADI: return shiftArithmetic(2, y, imm);
    case N.V_BLENDPS: return v128.bitselect(y, x, laneMask(2, imm));
    case N.V_BLENDPD: return v128.bitselect(y, x, laneMask(3, imm));
    case N.V_PBLENDW: return v128.bitselect(y, x, laneMask(1, imm));
    case N.V_INSERTPS: return insertSingle(x, y, imm);
    case N.V_MPSADBW: return multipleSums(ctx, x, y, imm);
    default: unreachable();
  }
  return x;
}
