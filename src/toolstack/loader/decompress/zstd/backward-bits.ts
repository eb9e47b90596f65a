import { corrupt } from './corrupt.ts';

/** Reads a stream of bits from its end. Before its begin there are zeros; `at` says whether it was passed. @see RFC 8878, 4.1 */
export class BackwardBits {
  private readonly bytes: Uint8Array;
  /** Bits that are left; negative when more were read than there are. */
  at: number;

  /** The highest bit set in the last byte marks the end. */
  constructor(bytes: Uint8Array) {
    const last = bytes.at(-1) ?? 0;
    if (last === 0) throw corrupt('a stream of bits has no end');
    this.bytes = bytes;
    this.at = bytes.length * 8 - 8 + (31 - Math.clz32(last));
  }

  /** The next `count` bits, 31 at most, the first one highest. */
  read(count: number): number {
    this.at -= count;
    return this.bits(this.at, count);
  }

  /** As `read`, and they stay. */
  peek(count: number): number {
    return this.bits(this.at - count, count);
  }

  private bits(from: number, count: number): number {
    const { bytes } = this;
    const byte = from >> 3;
    const shift = from & 7;
    // (bytes outside are undefined, which the operators take as 0)
    const low = (bytes[byte] as number) | ((bytes[byte + 1] as number) << 8) | ((bytes[byte + 2] as number) << 16) | ((bytes[byte + 3] as number) << 24);
    const value = shift === 0 ? low : (low >>> shift) | ((bytes[byte + 4] as number) << (32 - shift));
    return value & ((1 << count) - 1);
  }
}
