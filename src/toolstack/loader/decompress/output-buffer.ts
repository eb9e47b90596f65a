import { type Codec, pastLimit } from './decompress-error.ts';

/** First allocation of a decoder's output, in bytes. */
const FIRST_CAPACITY = 1 << 16;

/**
 * A decoder's output: one flat buffer that doubles as it fills, and never past the caller's limit (a few bytes of slack
 * beyond it let copy loops finish before they are refused).
 */
export class OutputBuffer {
  bytes: Uint8Array;
  /** Bytes produced so far. */
  length = 0;
  /** Most bytes that it may hold. */
  readonly limit: number;
  private readonly codec: Codec;

  constructor(codec: Codec, limit: number, expected = 0) {
    this.codec = codec;
    this.limit = limit;
    this.bytes = new Uint8Array(Math.min(Math.max(expected, FIRST_CAPACITY), limit + FIRST_CAPACITY));
  }

  /** Make room for `count` more bytes (and `slack` that may be overwritten behind them); throws past the limit. */
  reserve(count: number, slack = 0): Uint8Array {
    if (this.length + count > this.limit) throw pastLimit(this.codec, this.limit);
    const need = this.length + count + slack;
    if (need > this.bytes.length) {
      const grown = new Uint8Array(Math.max(need, Math.min(this.bytes.length * 2, this.limit + slack)));
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    return this.bytes;
  }

  append(data: Uint8Array): void {
    this.reserve(data.length).set(data, this.length);
    this.length += data.length;
  }

  /** What was produced. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}
