/** CRC-64 as .xz uses it (ECMA-182, reflected, polynomial 0xc96c5795d7870f42), in two 32-bit halves, four bytes a step. */

const LOW = 0xd7870f42;
const HIGH = 0xc96c5795;

/** Made when the first checksum is. */
let tables: { readonly low: Uint32Array; readonly high: Uint32Array } | undefined;

function makeTables(): NonNullable<typeof tables> {
  const low = new Uint32Array(4 * 256);
  const high = new Uint32Array(4 * 256);
  for (let n = 0; n < 256; n++) {
    let l = n;
    let h = 0;
    for (let k = 0; k < 8; k++) {
      const carry = l & 1;
      l = (l >>> 1) | (h << 31);
      h >>>= 1;
      if (carry !== 0) {
        l ^= LOW;
        h ^= HIGH;
      }
    }
    low[n] = l;
    high[n] = h;
  }
  for (let n = 0; n < 256; n++) {
    let l = low[n]!;
    let h = high[n]!;
    for (let k = 1; k < 4; k++) {
      const index = l & 0xff;
      l = ((l >>> 8) | (h << 24)) ^ low[index]!;
      h = (h >>> 8) ^ high[index]!;
      low[k * 256 + n] = l;
      high[k * 256 + n] = h;
    }
  }
  return { low, high };
}

/** CRC-64 of `bytes[from..to)` as its low and high unsigned 32-bit halves. */
export function crc64(bytes: Uint8Array, from = 0, to = bytes.length): { low: number; high: number } {
  tables ??= makeTables();
  const { low, high } = tables;
  let l = -1;
  let h = -1;
  let i = from;
  for (const last = to - 3; i < last; i += 4) {
    const x = l ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    const a = 768 + (x & 0xff);
    const b = 512 + ((x >>> 8) & 0xff);
    const c = 256 + ((x >>> 16) & 0xff);
    const d = x >>> 24;
    l = h ^ low[a]! ^ low[b]! ^ low[c]! ^ low[d]!;
    h = high[a]! ^ high[b]! ^ high[c]! ^ high[d]!;
  }
  for (; i < to; i++) {
    const index = (l ^ bytes[i]!) & 0xff;
    l = ((l >>> 8) | (h << 24)) ^ low[index]!;
    h = (h >>> 8) ^ high[index]!;
  }
  return { low: ~l >>> 0, high: ~h >>> 0 };
}
