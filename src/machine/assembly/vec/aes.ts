/** The AES instructions. Byte substitution by arithmetic in GF((2^4)^2): sixteen bytes at a time, without tables in memory. @see FIPS 197 */

/** A linear map of each byte, given by what it makes of the low and of the high four bits. */
function map(x: v128, low: v128, high: v128): v128 {
  const nibble = i8x16.splat(15);
  return v128.xor(i8x16.swizzle(low, v128.and(x, nibble)), i8x16.swizzle(high, i8x16.shr_u(x, 4)));
}

/** Logarithms in GF(16) (of zero: 64, which stays out of the table of powers). */
function logarithm(x: v128): v128 {
  return i8x16.swizzle(i8x16(64, 0, 1, 4, 2, 8, 5, 10, 3, 14, 9, 7, 6, 13, 11, 12), x);
}

/** 2 to the sum of two logarithms, in GF(16). */
function power(x: v128, y: v128): v128 {
  const sum = i8x16.add(x, y);
  const wrapped = v128.bitselect(i8x16.sub(sum, i8x16.splat(15)), sum, i8x16.gt_s(sum, i8x16.splat(14)));
  return i8x16.swizzle(i8x16(1, 2, 4, 8, 3, 6, 12, 11, 5, 10, 7, 14, 15, 13, 9, 0), wrapped);
}

/** Inverses (of zero: zero) in GF(16)[y] / (y^2 + y + 8). */
function invert(x: v128): v128 {
  const low = v128.and(x, i8x16.splat(15));
  const high = i8x16.shr_u(x, 4);
  const logHigh = logarithm(high);
  const squares = v128.xor(
    i8x16.swizzle(i8x16(0, 8, 6, 14, 11, 3, 13, 5, 10, 2, 12, 4, 1, 9, 7, 15), high),
    i8x16.swizzle(i8x16(0, 1, 4, 5, 3, 2, 7, 6, 12, 13, 8, 9, 15, 14, 11, 10), low),
  );
  const norm = v128.xor(squares, power(logHigh, logarithm(low)));
  const inverse = logarithm(i8x16.swizzle(i8x16(0, 1, 9, 14, 13, 11, 7, 6, 15, 2, 12, 5, 10, 4, 3, 8), norm));
  return v128.or(i8x16.shl(power(logHigh, inverse), 4), power(logarithm(v128.xor(high, low)), inverse));
}

/** To the tower field. */
function enter(x: v128): v128 {
  return map(
    x,
    i8x16(0, 1, 32, 33, 70, 71, 102, 103, 76, 77, 108, 109, 10, 11, 42, 43),
    i8x16(0, 60, -43, -23, 52, 8, -31, -35, -27, -39, 48, 12, -47, -19, 4, 56),
  );
}

/** Inverses in AES's field. */
export function invertBytes(x: v128): v128 {
  return map(
    invert(enter(x)),
    i8x16(0, 1, 92, 93, -32, -31, -68, -67, 80, 81, 12, 13, -80, -79, -20, -19),
    i8x16(0, -94, 2, -96, -72, 26, -70, 24, -37, 121, -39, 123, 99, -63, 97, -61),
  );
}

/** SubBytes. */
function substitute(x: v128): v128 {
  const mapped = map(
    invert(enter(x)),
    i8x16(0, 31, -78, -83, -85, -76, 25, 6, 54, 41, -124, -101, -99, -126, 47, 48),
    i8x16(0, 82, 62, 108, 101, 55, 91, 9, 96, 50, 94, 12, 5, 87, 59, 105),
  );
  return v128.xor(mapped, i8x16.splat(0x63));
}

/** InvSubBytes. */
function substituteBack(x: v128): v128 {
  const mapped = map(
    v128.xor(x, i8x16.splat(0x63)),
    i8x16(0, 88, -97, -57, -104, -64, 7, 95, 40, 112, -73, -17, -80, -24, 47, 119),
    i8x16(0, 118, 121, 15, -7, -113, -128, -10, -110, -28, -21, -99, 107, 29, 18, 100),
  );
  return map(
    invert(mapped),
    i8x16(0, 1, 92, 93, -32, -31, -68, -67, 80, 81, 12, 13, -80, -79, -20, -19),
    i8x16(0, -94, 2, -96, -72, 26, -70, 24, -37, 121, -39, 123, 99, -63, 97, -61),
  );
}

/** Each byte times 2 in AES's field. */
function double(x: v128): v128 {
  return v128.xor(i8x16.shl(x, 1), v128.and(i8x16.shr_s(x, 7), i8x16.splat(0x1b)));
}

/** The bytes of each column turned by one, two, three places. */
function turn1(x: v128): v128 {
  return v128.shuffle<i8>(x, x, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
}
function turn2(x: v128): v128 {
  return v128.shuffle<i8>(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

/** MixColumns: 2 3 1 1. */
function mix(x: v128): v128 {
  const next = turn1(x);
  const both = v128.xor(x, next);
  return v128.xor(double(both), v128.xor(next, turn2(both)));
}

/** InvMixColumns: 14 11 13 9, which is MixColumns after 5 0 4 0. */
export function mixBack(x: v128): v128 {
  const four = double(double(v128.xor(x, turn2(x))));
  return mix(v128.xor(x, four));
}

/** AESENC, AESENCLAST. */
export function encrypt(x: v128, key: v128, last: bool): v128 {
  const rows = v128.shuffle<i8>(x, x, 0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11);
  const bytes = substitute(rows);
  return v128.xor(last ? bytes : mix(bytes), key);
}

/** AESDEC, AESDECLAST. */
export function decrypt(x: v128, key: v128, last: bool): v128 {
  const rows = v128.shuffle<i8>(x, x, 0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3);
  const bytes = substituteBack(rows);
  return v128.xor(last ? bytes : mixBack(bytes), key);
}

/** AESKEYGENASSIST: SubWord of doublewords 1 and 3, and the same turned by a byte with `constant`. */
export function assistKey(x: v128, constant: i32): v128 {
  const bytes = substitute(x);
  const words = v128.shuffle<i8>(bytes, bytes, 4, 5, 6, 7, 5, 6, 7, 4, 12, 13, 14, 15, 13, 14, 15, 12);
  const round = u64(u32(constant)) << 32;
  return v128.xor(words, i64x2.splat(round));
}
