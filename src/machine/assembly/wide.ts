/** 64 x 64 -> 128-bit products. */

/** Upper half of the unsigned product. */
export function mulHighUnsigned(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >> 32;
  const low = aLow * bLow;
  const middle1 = aHigh * bLow + (low >> 32);
  const middle2 = aLow * bHigh + (middle1 & 0xffffffff);
  return aHigh * bHigh + (middle1 >> 32) + (middle2 >> 32);
}

/** Upper half of the signed product. */
export function mulHighSigned(a: u64, b: u64): u64 {
  let high = mulHighUnsigned(a, b);
  if (<i64>a < 0) high -= b;
  if (<i64>b < 0) high -= a;
  return high;
}
