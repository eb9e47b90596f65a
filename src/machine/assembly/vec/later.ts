/** Packed operations that came after SSE4.2, as functions of 128-bit values: AES, SHA, carry-less and Galois products, lane-wise AVX. */
import * as N from '../../helpers/vec';
import { LANES } from '../softfloat/environment';
import { assistKey, decrypt, encrypt, invertBytes, mixBack } from './aes';
import { sha1Message1, sha1Message2, sha1NextE, sha1Rounds, sha256Message1, sha256Message2 } from './sha';

/** Low 64 bits of the carry-less product: integer products of every fourth bit leave room for the carries. */
function carryless(x: u64, y: u64): u64 {
  const m0: u64 = 0x1111111111111111;
  const m1 = m0 << 1;
  const m2 = m0 << 2;
  const m3 = m0 << 3;
  const x0 = x & m0;
  const x1 = x & m1;
  const x2 = x & m2;
  const x3 = x & m3;
  const y0 = y & m0;
  const y1 = y & m1;
  const y2 = y & m2;
  const y3 = y & m3;
  const z0 = (x0 * y0) ^ (x1 * y3) ^ (x2 * y2) ^ (x3 * y1);
  const z1 = (x0 * y1) ^ (x1 * y0) ^ (x2 * y3) ^ (x3 * y2);
  const z2 = (x0 * y2) ^ (x1 * y1) ^ (x2 * y0) ^ (x3 * y3);
  const z3 = (x0 * y3) ^ (x1 * y2) ^ (x2 * y1) ^ (x3 * y0);
  return (z0 & m0) | (z1 & m1) | (z2 & m2) | (z3 & m3);
}

function reversed(x: u64): u64 {
  x = ((x & 0x5555555555555555) << 1) | ((x >> 1) & 0x5555555555555555);
  x = ((x & 0x3333333333333333) << 2) | ((x >> 2) & 0x3333333333333333);
  x = ((x & 0x0f0f0f0f0f0f0f0f) << 4) | ((x >> 4) & 0x0f0f0f0f0f0f0f0f);
  return bswap<u64>(x);
}

/** PCLMULQDQ: halves by imm bits 0 and 4. */
function carrylessProduct(x: v128, y: v128, imm: i32): v128 {
  const a = u64(imm & 1 ? i64x2.extract_lane(x, 1) : i64x2.extract_lane(x, 0));
  const b = u64(imm & 16 ? i64x2.extract_lane(y, 1) : i64x2.extract_lane(y, 0));
  const high = reversed(carryless(reversed(a), reversed(b))) >> 1;
  return i64x2.replace_lane(i64x2.splat(carryless(a, b)), 1, high);
}

/** Products of bytes in GF(2^8) with AES's polynomial. */
function productBytes(x: v128, y: v128): v128 {
  let result = i64x2.splat(0);
  for (let i = 7; i >= 0; i--) {
    result = v128.xor(i8x16.shl(result, 1), v128.and(i8x16.shr_s(result, 7), i8x16.splat(0x1b)));
    result = v128.xor(result, v128.and(x, i8x16.shr_s(i8x16.shl(y, 7 - i), 7)));
  }
  return result;
}

/** Each byte of x times the bit matrix in its quadword of y, plus imm. */
function affine(ctx: usize, x: v128, y: v128, imm: i32): v128 {
  const at = ctx + LANES;
  v128.store(at, x);
  v128.store(at + 16, y);
  for (let i: usize = 0; i < 16; i++) {
    const value = load<u8>(at + i);
    const matrix = at + 16 + (i & 8);
    let result: u32 = 0;
    for (let bit: usize = 0; bit < 8; bit++) result |= (popcnt<u32>(u32(load<u8>(matrix + 7 - bit) & value)) & 1) << u32(bit);
    store<u8>(at + 32 + i, u8(result ^ u32(imm)));
  }
  return v128.load(at + 32);
}

function pickSingles(x: v128, y: v128): v128 {
  const first = i32x4.mul(v128.and(y, i32x4.splat(3)), i32x4.splat(0x04040404));
  return i8x16.swizzle(x, i32x4.add(first, i32x4.splat(0x03020100)));
}

function pickDoubles(x: v128, y: v128): v128 {
  const second = i64x2.shr_s(i64x2.shl(y, 62), 63);
  return v128.bitselect(v128.shuffle<i64>(x, x, 1, 1), v128.shuffle<i64>(x, x, 0, 0), second);
}

/** Doublewords of x shifted by those of y: n = V_PSLLVD, V_PSRLVD, V_PSRAVD. */
function shiftDoublewords(ctx: usize, n: i32, x: v128, y: v128): v128 {
  const at = ctx + LANES;
  v128.store(at, x);
  v128.store(at + 16, y);
  for (let i: usize = 0; i < 16; i += 4) {
    const count = load<u32>(at + 16 + i);
    if (n == N.V_PSRAVD) store<i32>(at + i, load<i32>(at + i) >> i32(min<u32>(count, 31)));
    else if (count > 31) store<u32>(at + i, 0);
    else store<u32>(at + i, n == N.V_PSLLVD ? load<u32>(at + i) << count : load<u32>(at + i) >> count);
  }
  return v128.load(at);
}

function shiftQuadwords(x: v128, y: v128, left: bool): v128 {
  const count0 = u64(i64x2.extract_lane(y, 0));
  const count1 = u64(i64x2.extract_lane(y, 1));
  const x0 = u64(i64x2.extract_lane(x, 0));
  const x1 = u64(i64x2.extract_lane(x, 1));
  const r0: u64 = count0 > 63 ? 0 : left ? x0 << count0 : x0 >> count0;
  const r1: u64 = count1 > 63 ? 0 : left ? x1 << count1 : x1 >> count1;
  return i64x2.replace_lane(i64x2.splat(r0), 1, r1);
}

/** x op y without an immediate. */
export function later(ctx: usize, n: i32, x: v128, y: v128): v128 {
  switch (n) {
    case N.V_AESENC: return encrypt(x, y, false);
    case N.V_AESENCLAST: return encrypt(x, y, true);
    case N.V_AESDEC: return decrypt(x, y, false);
    case N.V_AESDECLAST: return decrypt(x, y, true);
    case N.V_AESIMC: return mixBack(y);
    case N.V_SHA1NEXTE: return sha1NextE(x, y);
    case N.V_SHA1MSG1: return sha1Message1(x, y);
    case N.V_SHA1MSG2: return sha1Message2(x, y);
    case N.V_SHA256MSG1: return sha256Message1(x, y);
    case N.V_SHA256MSG2: return sha256Message2(x, y);
    case N.V_GF2P8MULB: return productBytes(x, y);
    case N.V_PERMILPS: return pickSingles(x, y);
    case N.V_PERMILPD: return pickDoubles(x, y);
    case N.V_PSLLVQ: return shiftQuadwords(x, y, true);
    case N.V_PSRLVQ: return shiftQuadwords(x, y, false);
    default: return shiftDoublewords(ctx, n, x, y);
  }
}

/** Ones in the low (length & 63) bits, all of them for 0. */
function fieldMask(length: u64): u64 {
  return length & 63 ? (<u64>1 << (length & 63)) - 1 : u64.MAX_VALUE;
}

/** EXTRQ: `field` is its length and, eight bits up, its index. @see AMD APM 4 EXTRQ */
function extractField(x: v128, field: u64): v128 {
  const value = (u64(i64x2.extract_lane(x, 0)) >> (field >> 8 & 63)) & fieldMask(field);
  // the upper quadword is undefined; AMD's processors clear it
  return i64x2.replace_lane(i64x2.splat(0), 0, value);
}

/** INSERTQ. */
function insertField(x: v128, y: v128, field: u64): v128 {
  const index = field >> 8 & 63;
  const mask = fieldMask(field) << index;
  const value = (u64(i64x2.extract_lane(x, 0)) & ~mask) | ((u64(i64x2.extract_lane(y, 0)) << index) & mask);
  // the upper quadword is undefined; AMD's processors clear it
  return i64x2.replace_lane(i64x2.splat(0), 0, value);
}

/** x op y with an immediate. */
export function laterImmediate(ctx: usize, n: i32, x: v128, y: v128, imm: i32): v128 {
  switch (n) {
    case N.V_AESKEYGENASSIST: return assistKey(y, imm);
    case N.V_PCLMULQDQ: return carrylessProduct(x, y, imm);
    case N.V_SHA1RNDS4: return sha1Rounds(x, y, imm & 3);
    case N.V_GF2P8AFFINEQB: return affine(ctx, x, y, imm);
    case N.V_EXTRQI: return extractField(x, u64(imm));
    case N.V_EXTRQ: return extractField(x, u64(i64x2.extract_lane(y, 0)));
    case N.V_INSERTQI: return insertField(x, y, u64(imm));
    case N.V_INSERTQ: return insertField(x, y, u64(i64x2.extract_lane(y, 1)));
    default: return affine(ctx, invertBytes(x), y, imm);
  }
}
