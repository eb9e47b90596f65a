/** CRC32, PDEP, PEXT. */

/** CRC-32C (polynomial 0x11EDC6F41, bits reflected) of 1 << size bytes of `data`. */
export function crc32c(crc: u32, data: u64, size: u32): u64 {
  const bytes = 1 << size;
  for (let k = 0; k < bytes; k++) {
    crc ^= <u32>data & 0xff;
    data >>= 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78 & (0 - (crc & 1)));
  }
  return <u64>crc;
}

/** Low bits of `value` spread to the places of `mask`. */
export function deposit(value: u64, mask: u64, size: u32): u64 {
  if (size == 2) mask &= 0xffffffff;
  let result: u64 = 0;
  while (mask != 0) {
    if (value & 1) result |= mask & (0 - mask);
    value >>= 1;
    mask &= mask - 1;
  }
  return result;
}

/** Bits of `value` at the places of `mask`, gathered at the bottom. */
export function extract(value: u64, mask: u64, size: u32): u64 {
  if (size == 2) mask &= 0xffffffff;
  let result: u64 = 0;
  let at: u64 = 0;
  while (mask != 0) {
    if (value & (mask & (0 - mask))) result |= <u64>1 << at;
    at++;
    mask &= mask - 1;
  }
  return result;
}
