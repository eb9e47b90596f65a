import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { programLike } from './compressor-fixture.test.ts';
import { DecompressError } from './decompress-error.ts';
import { inflate } from './inflate.ts';
import { OutputBuffer } from './output-buffer.ts';

const { Z_DEFAULT_STRATEGY, Z_FILTERED, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE } = constants;
const strategies = [Z_DEFAULT_STRATEGY, Z_FILTERED, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE];

/** What `packed` decodes to behind `before` bytes of something else, and where it ends. */
function inflated(packed: Uint8Array, limit = 1 << 22, before = 0): { bytes: Uint8Array; end: number } {
  const out = new OutputBuffer('gzip', limit);
  const end = inflate(packed, before, out);
  return { bytes: out.view(), end };
}

/** Bits as deflate has them, lowest first: pairs of a value and its number of bits. */
function bits(...fields: readonly (readonly [value: number, count: number])[]): Uint8Array {
  const all = fields.flatMap(([value, count]) => Array.from({ length: count }, (_, k) => (value >> k) & 1));
  return Uint8Array.from({ length: (all.length + 7) >> 3 }, (_, n) => [0, 1, 2, 3, 4, 5, 6, 7].reduce((byte, k) => byte | ((all[n * 8 + k] ?? 0) << k), 0));
}

test('what zlib makes, of every kind of block, comes back, and its end is found', () => {
  const skewed = Uint8Array.from({ length: 400_000 }, (_, k) => Math.clz32(Math.imul(k + 1, 0x9e3779b1)) * 3);
  for (const data of [
    programLike(300_000),
    new Uint8Array(100_000),
    new Uint8Array(),
    Uint8Array.of(1),
    skewed,
    crypto.getRandomValues(new Uint8Array(65_536)),
  ]) {
    for (const level of [0, 1, 6, 9]) {
      for (const strategy of strategies) {
        const packed = deflateRawSync(data, { level, strategy });
        const framed = Uint8Array.from([9, 9, 9, ...packed, 255, 255, 255, 255]);
        const { bytes, end } = inflated(framed, Math.max(data.length, 1), 3);
        assert.equal(end, 3 + packed.length, `end at level ${level}, strategy ${strategy}`);
        assert.ok(Buffer.compare(bytes, data) === 0, `bytes at level ${level}, strategy ${strategy}`);
        if (data.length > 1) assert.throws(() => inflated(packed, data.length - 1), /past the limit/);
      }
    }
  }
});

test('codes of up to 15 bits are read', () => {
  // each symbol twice as often as the one before: lengths 1 to 15
  const data = new Uint8Array(1 << 16);
  for (let symbol = 0, at = 0; symbol < 16; symbol++) {
    const end = Math.min(data.length, at + (1 << symbol));
    data.fill(symbol, at, end);
    at = end;
  }
  const shuffled = data.map((_, k) => data[(k * 40_503) & 0xffff] as number);
  const packed = deflateRawSync(shuffled, { strategy: Z_HUFFMAN_ONLY, level: 9, memLevel: 9 });
  assert.ok(Buffer.compare(inflated(packed).bytes, shuffled) === 0);
});

test('what is cut short, or no deflated data, is refused', () => {
  const packed = deflateRawSync(programLike(5000));
  for (let length = 0; length < packed.length; length++) assert.throws(() => inflated(packed.subarray(0, length)), DecompressError);
  const refused = (bytes: Uint8Array, why: RegExp): void => assert.throws(() => inflated(bytes), why);
  refused(bits([1, 1], [3, 2]), /no known kind/);
  refused(bits([1, 1], [0, 2], [0, 5], [5, 16], [5, 16]), /length of a block is damaged/);
  refused(bits([1, 1], [0, 2], [0, 5], [5, 16], [0xfffa, 16], [1, 8]), /ends in the middle/);
  // a match before anything is there: length 3 (word 0000001), distance 1
  refused(bits([1, 1], [1, 2], [0x40, 7], [0, 5], [0, 16]), /before the begin/);
  // literal 'a' (0x30 + 0x61, from the highest bit), then distance code 30
  refused(bits([1, 1], [1, 2], [0b10001001, 8], [0x40, 7], [0b01111, 5], [0, 16]), /no distance/);
  // length symbol 286 (word 11000110)
  refused(bits([1, 1], [1, 2], [0b01100011, 8], [0, 16]), /no length/);
  refused(bits([1, 1], [2, 2], [31, 5], [0, 5], [0, 4]), /more symbols than there are/);
  // the code of lengths: 4 of them, all one bit long, are too many
  refused(bits([1, 1], [2, 2], [0, 5], [0, 5], [0, 4], [1, 3], [1, 3], [1, 3], [1, 3]), /more words than there are/);
  refused(bits([1, 1], [2, 2], [0, 5], [0, 5], [0, 4], [2, 3], [2, 3], [0, 3], [0, 3]), /leaves words unused/);
  // only 'repeat the length before' and 'repeat zeros'
  refused(bits([1, 1], [2, 2], [0, 5], [0, 5], [0, 4], [1, 3], [1, 3], [0, 3], [0, 3], [0, 1], [0, 2]), /before the first/);
  // only 'repeat zeros': 138 times, and again
  const zeros = [[1, 1], [2, 2], [0, 5], [0, 5], [0, 4], [0, 3], [0, 3], [1, 3], [0, 3], [0, 1], [127, 7], [0, 1]] as const; // biome-ignore format: bits
  refused(bits(...zeros, [127, 7]), /behind the last/);
  refused(bits(...zeros, [109, 7]), /cannot end/);
});

test('damage ends in an error or in other output', () => {
  const packed = deflateRawSync(programLike(20_000), { level: 9 });
  fc.assert(
    fc.property(fc.array(fc.record({ at: fc.nat(packed.length - 1), value: fc.nat(255) }), { minLength: 1, maxLength: 3 }), (changes) => {
      const damaged = Uint8Array.from(packed);
      for (const { at, value } of changes) damaged[at] = value;
      try {
        inflated(damaged, 1 << 18);
      } catch (error) {
        if (!(error instanceof DecompressError)) throw error;
      }
    }),
    { numRuns: 300 },
  );
});
