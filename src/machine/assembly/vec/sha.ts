/** The SHA instructions. Element 3 of a vector is its top doubleword. @see Intel SDM vol. 2B, SHA1RNDS4 and others; FIPS 180-4 */
import { LANES } from '../softfloat/environment';

export function sha1NextE(x: v128, y: v128): v128 {
  const e = rotl<u32>(u32(i32x4.extract_lane(x, 3)), 30);
  return i32x4.replace_lane(y, 3, i32x4.extract_lane(y, 3) + e);
}

export function sha1Message1(x: v128, y: v128): v128 {
  return v128.xor(x, v128.shuffle<i32>(y, x, 2, 3, 4, 5));
}

export function sha1Message2(x: v128, y: v128): v128 {
  const w16 = rotl<u32>(u32(i32x4.extract_lane(x, 3) ^ i32x4.extract_lane(y, 2)), 1);
  const w17 = rotl<u32>(u32(i32x4.extract_lane(x, 2) ^ i32x4.extract_lane(y, 1)), 1);
  const w18 = rotl<u32>(u32(i32x4.extract_lane(x, 1) ^ i32x4.extract_lane(y, 0)), 1);
  const w19 = rotl<u32>(u32(i32x4.extract_lane(x, 0)) ^ w16, 1);
  return i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(w19), 1, w18), 2, w17), 3, w16);
}

/** Four rounds with function and constant number `which`; E is in y's top element, already added to the first word. */
export function sha1Rounds(x: v128, y: v128, which: i32): v128 {
  let a = u32(i32x4.extract_lane(x, 3));
  let b = u32(i32x4.extract_lane(x, 2));
  let c = u32(i32x4.extract_lane(x, 1));
  let d = u32(i32x4.extract_lane(x, 0));
  let e: u32 = 0;
  const k: u32 = which == 0 ? 0x5a827999 : which == 1 ? 0x6ed9eba1 : which == 2 ? 0x8f1bbcdc : 0xca62c1d6;
  for (let i = 0; i < 4; i++) {
    const w = u32(i == 0 ? i32x4.extract_lane(y, 3) : i == 1 ? i32x4.extract_lane(y, 2) : i == 2 ? i32x4.extract_lane(y, 1) : i32x4.extract_lane(y, 0));
    const f = which == 0 ? (b & c) ^ (~b & d) : which == 2 ? (b & c) ^ (b & d) ^ (c & d) : b ^ c ^ d;
    const next = f + rotl<u32>(a, 5) + w + e + k;
    e = d;
    d = c;
    c = rotl<u32>(b, 30);
    b = a;
    a = next;
  }
  return i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(d), 1, c), 2, b), 3, a);
}

/** The four additions of sigma0 of the following word. */
export function sha256Message1(x: v128, y: v128): v128 {
  const next = v128.shuffle<i32>(x, y, 1, 2, 3, 4);
  const by7 = v128.or(i32x4.shr_u(next, 7), i32x4.shl(next, 25));
  const by18 = v128.or(i32x4.shr_u(next, 18), i32x4.shl(next, 14));
  return i32x4.add(x, v128.xor(v128.xor(by7, by18), i32x4.shr_u(next, 3)));
}

function sigma1(x: u32): u32 {
  return rotr<u32>(x, 17) ^ rotr<u32>(x, 19) ^ (x >> 10);
}

export function sha256Message2(x: v128, y: v128): v128 {
  const w16 = u32(i32x4.extract_lane(x, 0)) + sigma1(u32(i32x4.extract_lane(y, 2)));
  const w17 = u32(i32x4.extract_lane(x, 1)) + sigma1(u32(i32x4.extract_lane(y, 3)));
  const w18 = u32(i32x4.extract_lane(x, 2)) + sigma1(w16);
  const w19 = u32(i32x4.extract_lane(x, 3)) + sigma1(w17);
  return i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(w16), 1, w17), 2, w18), 3, w19);
}

/** Two rounds: C D G H in x, A B E F in y, words with constants in the low half of `keys`. */
export function sha256Rounds(ctx: usize, x: v128, y: v128, keys: v128): v128 {
  let a = u32(i32x4.extract_lane(y, 3));
  let b = u32(i32x4.extract_lane(y, 2));
  let c = u32(i32x4.extract_lane(x, 3));
  let d = u32(i32x4.extract_lane(x, 2));
  let e = u32(i32x4.extract_lane(y, 1));
  let f = u32(i32x4.extract_lane(y, 0));
  let g = u32(i32x4.extract_lane(x, 1));
  let h = u32(i32x4.extract_lane(x, 0));
  v128.store(ctx + LANES, keys);
  for (let i: usize = 0; i < 8; i += 4) {
    const big1 = rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25);
    const t = ((e & f) ^ (~e & g)) + big1 + load<u32>(ctx + LANES + i) + h;
    const big0 = rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22);
    const next = t + ((a & b) ^ (a & c) ^ (b & c)) + big0;
    h = g;
    g = f;
    f = e;
    e = t + d;
    d = c;
    c = b;
    b = a;
    a = next;
  }
  return i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(f), 1, e), 2, b), 3, a);
}
