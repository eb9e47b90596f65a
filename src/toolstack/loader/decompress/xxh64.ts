/** XXH64, lower 32 bits of the result (all that Zstandard keeps), in 32-bit halves. @see xxhash_spec.md, "XXH64" */

/** A 64-bit value as two signed 32-bit halves, changed in place. */
class U64 {
  low = 0;
  high = 0;

  set(low: number, high: number): this {
    this.low = low | 0;
    this.high = high | 0;
    return this;
  }

  add(low: number, high: number): this {
    const sum = (this.low >>> 0) + (low >>> 0);
    this.low = sum | 0;
    this.high = (this.high + high + (sum > 0xffffffff ? 1 : 0)) | 0;
    return this;
  }

  xor(low: number, high: number): this {
    this.low ^= low;
    this.high ^= high;
    return this;
  }

  multiply(low: number, high: number): this {
    const l = this.low;
    const a0 = l & 0xffff;
    const a1 = l >>> 16;
    const b0 = low & 0xffff;
    const b1 = low >>> 16;
    const low0 = Math.imul(a0, b0) >>> 0;
    const middle = Math.imul(a1, b0) >>> 0;
    const cross = (Math.imul(a0, b1) >>> 0) + (low0 >>> 16) + (middle & 0xffff);
    const carry = (middle >>> 16) + Math.floor(cross / 0x10000);
    this.high = (Math.imul(a1, b1) + carry + Math.imul(this.high, low) + Math.imul(l, high)) | 0;
    this.low = Math.imul(l, low);
    return this;
  }

  rotate(bits: number): this {
    const l = this.low;
    const h = this.high;
    this.low = (l << bits) | (h >>> (32 - bits));
    this.high = (h << bits) | (l >>> (32 - bits));
    return this;
  }

  /** x ^= x >> bits, for 0 < bits < 64. */
  fold(bits: number): this {
    const l = this.low;
    const h = this.high;
    if (bits >= 32) {
      this.low = l ^ (h >>> (bits - 32));
    } else {
      this.low = l ^ ((l >>> bits) | (h << (32 - bits)));
      this.high = h ^ (h >>> bits);
    }
    return this;
  }
}

const P1L = 0x85ebca87;
const P1H = 0x9e3779b1;
const P2L = 0x27d4eb4f;
const P2H = 0xc2b2ae3d;
const P3L = 0x9e3779f9;
const P3H = 0x165667b1;
const P4L = 0xc2b2ae63;
const P4H = 0x85ebca77;
const P5L = 0x165667c5;
const P5H = 0x27d4eb2f;

const word = (b: Uint8Array, i: number): number => b[i]! | (b[i + 1]! << 8) | (b[i + 2]! << 16) | (b[i + 3]! << 24);

/** Fold the eight bytes at `i` into a lane. */
function round(lane: U64, bytes: Uint8Array, i: number, scratch: U64): void {
  scratch.set(word(bytes, i), word(bytes, i + 4)).multiply(P2L, P2H);
  lane.add(scratch.low, scratch.high).rotate(31).multiply(P1L, P1H);
}

/** The lower 32 bits (unsigned) of XXH64 of `bytes` with seed 0. */
export function xxh64Low(bytes: Uint8Array): number {
  const scratch = new U64();
  const hash = new U64();
  let i = 0;
  if (bytes.length >= 32) {
    const lanes = [new U64().set(P1L, P1H).add(P2L, P2H), new U64().set(P2L, P2H), new U64(), new U64()] as const;
    const [v1, v2, v3, v4] = lanes;
    // 0 - P1
    v4.set(~P1L, ~P1H).add(1, 0);
    for (const last = bytes.length - 32; i <= last; i += 32) {
      round(v1, bytes, i, scratch);
      round(v2, bytes, i + 8, scratch);
      round(v3, bytes, i + 16, scratch);
      round(v4, bytes, i + 24, scratch);
    }
    const turns = [1, 7, 12, 18];
    lanes.forEach((lane, n) => {
      scratch.set(lane.low, lane.high).rotate(turns[n]!);
      hash.add(scratch.low, scratch.high);
    });
    for (const lane of lanes) {
      lane.multiply(P2L, P2H).rotate(31).multiply(P1L, P1H);
      hash.xor(lane.low, lane.high).multiply(P1L, P1H).add(P4L, P4H);
    }
  } else hash.set(P5L, P5H);
  hash.add(bytes.length, Math.floor(bytes.length / 0x1_0000_0000));
  for (; i + 8 <= bytes.length; i += 8) {
    scratch
      .set(word(bytes, i), word(bytes, i + 4))
      .multiply(P2L, P2H)
      .rotate(31)
      .multiply(P1L, P1H);
    hash.xor(scratch.low, scratch.high).rotate(27).multiply(P1L, P1H).add(P4L, P4H);
  }
  if (i + 4 <= bytes.length) {
    scratch.set(word(bytes, i), 0).multiply(P1L, P1H);
    hash.xor(scratch.low, scratch.high).rotate(23).multiply(P2L, P2H).add(P3L, P3H);
    i += 4;
  }
  for (; i < bytes.length; i++) {
    scratch.set(bytes[i]!, 0).multiply(P5L, P5H);
    hash.xor(scratch.low, scratch.high).rotate(11).multiply(P1L, P1H);
  }
  hash.fold(33).multiply(P2L, P2H).fold(29).multiply(P3L, P3H).fold(32);
  return hash.low >>> 0;
}
