import type { CallerMemory } from '../guest-memory.ts';

/** A bitmap of the caller's, as xenctl_bitmap describes it. */
interface Bitmap {
  readonly bitmap: bigint;
  readonly nr_bits: number;
}

const bytesOf = (bits: number): number => Math.ceil(bits / 8);

/** The first `bits` (at most 64) of a caller's bitmap; bits that it does not have are 0. Undefined when it cannot be read. */
export function readBitmap(memory: CallerMemory, { bitmap, nr_bits }: Bitmap, bits: number): bigint | undefined {
  const count = Math.min(nr_bits, bits);
  const bytes = memory.read(bitmap, bytesOf(count));
  if (bytes === undefined) return undefined;
  let value = 0n;
  for (const [i, byte] of bytes.entries()) value |= BigInt(byte) << BigInt(i * 8);
  return BigInt.asUintN(count, value);
}

/** Write the first `bits` (at most 64) of `value`; the rest of a longer bitmap becomes 0. False when it cannot be written. */
export function writeBitmap(memory: CallerMemory, { bitmap, nr_bits }: Bitmap, bits: number, value: bigint): boolean {
  const count = Math.min(nr_bits, bits);
  const bytes = Uint8Array.from({ length: bytesOf(count) }, (_, i) => Number((BigInt.asUintN(count, value) >> BigInt(i * 8)) & 0xffn));
  if (!memory.write(bitmap, bytes)) return false;
  for (let done = bytes.length; done < bytesOf(nr_bits); ) {
    const zeros = new Uint8Array(Math.min(4096, bytesOf(nr_bits) - done));
    if (!memory.write(bitmap + BigInt(done), zeros)) return false;
    done += zeros.length;
  }
  return true;
}
