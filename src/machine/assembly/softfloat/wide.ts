/** Products, quotients and shifts of 128 bits, as pairs of u64. */
import { Env } from './environment';

/** High 64 bits of the unsigned product. */
export function mulHigh(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff;
  const a1 = a >> 32;
  const b0 = b & 0xffffffff;
  const b1 = b >> 32;
  const low = a0 * b0;
  const mid = a1 * b0 + (low >> 32);
  const mid2 = a0 * b1 + (mid & 0xffffffff);
  return a1 * b1 + (mid >> 32) + (mid2 >> 32);
}

/** floor((hi * 2^64 + lo) / d) for hi < d and bit 63 of d set; the remainder goes to Env.low. */
export function div128(ctx: usize, hi: u64, lo: u64, d: u64): u64 {
  const d1 = d >> 32;
  const d0 = d & 0xffffffff;
  const n1 = lo >> 32;
  const n0 = lo & 0xffffffff;
  let q1 = hi / d1;
  let r = hi - q1 * d1;
  while (q1 >> 32 != 0 || q1 * d0 > ((r << 32) | n1)) {
    q1--;
    r += d1;
    if (r >> 32 != 0) break;
  }
  const rest = ((hi << 32) | n1) - q1 * d;
  let q0 = rest / d1;
  r = rest - q0 * d1;
  while (q0 >> 32 != 0 || q0 * d0 > ((r << 32) | n0)) {
    q0--;
    r += d1;
    if (r >> 32 != 0) break;
  }
  Env.setLow(ctx, ((rest << 32) | n0) - q0 * d);
  return (q1 << 32) | q0;
}

/** Shifts (hi, lo) right by n >= 0; bits shifted out stick in bit 0. Returns the high half, the low half goes to Env.low. */
export function shiftRightJam(ctx: usize, hi: u64, lo: u64, n: i32): u64 {
  if (n == 0) {
    Env.setLow(ctx, lo);
    return hi;
  }
  if (n < 64) {
    const lost = lo << (64 - n) != 0;
    Env.setLow(ctx, (hi << (64 - n)) | (lo >> n) | u64(lost));
    return hi >> n;
  }
  if (n < 128) {
    const lost = n == 64 ? lo != 0 : (hi << (128 - n)) != 0 || lo != 0;
    Env.setLow(ctx, (hi >> (n - 64)) | u64(lost));
    return 0;
  }
  Env.setLow(ctx, u64((hi | lo) != 0));
  return 0;
}
