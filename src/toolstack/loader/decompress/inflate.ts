import { DecompressError } from './decompress-error.ts';
import type { OutputBuffer } from './output-buffer.ts';

/** Longest code, in bits. */
const MOST_BITS = 15;
/** Codes of up to so many bits are found in a table, longer ones bit by bit. */
const TABLE_BITS = 10;
const TABLE_MASK = (1 << TABLE_BITS) - 1;
const END_OF_BLOCK = 256;
/** Longest match, in bytes. */
const MOST_MATCH = 258;
/** A match of so many bytes is copied byte by byte: sooner done than a call. */
const SHORT = 32;
/** Bytes that are taken from the input at a time, at most. */
const MOST_TAKEN = 2;

const fail = (details: string): DecompressError => new DecompressError('gzip', details);

/** A code: symbols by their next TABLE_BITS bits (length in the low four bits; 0: a longer code, or none), and all of them in order. */
interface HuffmanCode {
  readonly table: Uint16Array;
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

/** The code with these lengths. Only one with a single symbol may leave words unused. @see RFC 1951, 3.2.2 */
function huffmanCode(lengths: Uint8Array): HuffmanCode {
  const counts = new Uint16Array(MOST_BITS + 1);
  for (const length of lengths) counts[length] = (counts[length] as number) + 1;
  const used = lengths.length - (counts[0] as number);
  counts[0] = 0;
  const offsets = new Uint16Array(MOST_BITS + 2);
  const next = new Uint16Array(MOST_BITS + 1);
  let left = 1;
  for (let bits = 1, code = 0; bits <= MOST_BITS; bits++) {
    left = left * 2 - (counts[bits] as number);
    if (left < 0) throw fail('a code has more words than there are');
    offsets[bits + 1] = (offsets[bits] as number) + (counts[bits] as number);
    code = (code + (counts[bits - 1] as number)) << 1;
    next[bits] = code;
  }
  if (left > 0 && used > 1) throw fail('a code leaves words unused');
  const symbols = new Uint16Array(used);
  const table = new Uint16Array(1 << TABLE_BITS);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const bits = lengths[symbol] as number;
    if (bits === 0) continue;
    const place = offsets[bits] as number;
    symbols[place] = symbol;
    offsets[bits] = place + 1;
    let word = next[bits] as number;
    next[bits] = word + 1;
    if (bits > TABLE_BITS) continue;
    // words come with their first bit first
    let reversed = 0;
    for (let k = 0; k < bits; k++, word >>= 1) reversed = (reversed << 1) | (word & 1);
    for (let at = reversed; at <= TABLE_MASK; at += 1 << bits) table[at] = (symbol << 4) | bits;
  }
  return { table, counts, symbols };
}

/** Least lengths or distances of codes that are followed by so many bits each: they follow one another without a gap. */
function bases(least: number, bits: readonly number[]): Uint16Array {
  let at = least;
  return Uint16Array.from(bits, (n) => {
    const base = at;
    at += 1 << n;
    return base;
  });
}

/** @see RFC 1951, 3.2.5 to 3.2.7 */
const makeTables = () => {
  const lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
  const lengthBase = bases(3, lengthBits);
  lengthBase[28] = MOST_MATCH;
  const distanceBits = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
  const literals = new Uint8Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280);
  return {
    lengthBits: Uint8Array.from(lengthBits),
    lengthBase,
    distanceBits: Uint8Array.from(distanceBits),
    distanceBase: bases(1, distanceBits),
    literals: huffmanCode(literals),
    distances: huffmanCode(new Uint8Array(32).fill(5)),
    order: [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15],
  };
};

/** Made when the first file of this kind is read. */
let tables: ReturnType<typeof makeTables> | undefined;

class Inflate {
  private readonly input: Uint8Array;
  private readonly out: OutputBuffer;
  private at: number;
  /** Bits that were taken from the input, and are not used yet: the next one is the lowest. */
  private bits = 0;
  private count = 0;

  constructor(input: Uint8Array, at: number, out: OutputBuffer) {
    this.input = input;
    this.at = at;
    this.out = out;
  }

  /** At most 16 bits. */
  private take(n: number): number {
    while (this.count < n) {
      if (this.at >= this.input.length) throw fail('it ends in the middle of its data');
      this.bits |= (this.input[this.at++] as number) << this.count;
      this.count += 8;
    }
    const value = this.bits & ((1 << n) - 1);
    this.bits >>>= n;
    this.count -= n;
    return value;
  }

  /** All blocks. Where the next byte behind them is. */
  run(): number {
    tables ??= makeTables();
    for (let last = false; !last; ) {
      last = this.take(1) === 1;
      const kind = this.take(2);
      if (kind === 0) this.stored();
      else if (kind === 1) this.compressed(tables.literals, tables.distances);
      else if (kind === 2) {
        const { literals, distances } = this.codes();
        this.compressed(literals, distances);
      } else throw fail(`at output offset ${this.out.length}: a block of no known kind`);
    }
    return this.at - (this.count >> 3);
  }

  private stored(): void {
    // what was taken ahead belongs to the block
    this.at -= this.count >> 3;
    this.bits = 0;
    this.count = 0;
    const { input, at } = this;
    const word = (from: number): number => (input[from] as number) | ((input[from + 1] as number) << 8);
    if (at + 4 > input.length) throw fail('it ends in the middle of its data');
    const length = word(at);
    if ((length ^ word(at + 2)) !== 0xffff) throw fail('the length of a block is damaged');
    if (at + 4 + length > input.length) throw fail('it ends in the middle of its data');
    this.out.append(input.subarray(at + 4, at + 4 + length));
    this.at = at + 4 + length;
  }

  /** A block's own codes. @see RFC 1951, 3.2.7 */
  private codes(): { readonly literals: HuffmanCode; readonly distances: HuffmanCode } {
    const { order } = tables as NonNullable<typeof tables>;
    const literals = this.take(5) + 257;
    const distances = this.take(5) + 1;
    const count = this.take(4) + 4;
    if (literals > 286 || distances > 30) throw fail('a code has more symbols than there are');
    const own = new Uint8Array(order.length);
    for (let k = 0; k < count; k++) own[order[k] as number] = this.take(3);
    const code = huffmanCode(own);
    const lengths = new Uint8Array(literals + distances);
    for (let k = 0; k < lengths.length; ) {
      const symbol = this.symbol(code);
      if (symbol < 16) {
        lengths[k++] = symbol;
        continue;
      }
      if (symbol === 16 && k === 0) throw fail('a length is repeated before the first');
      const length = symbol === 16 ? (lengths[k - 1] as number) : 0;
      const times = symbol === 16 ? 3 + this.take(2) : symbol === 17 ? 3 + this.take(3) : 11 + this.take(7);
      if (k + times > lengths.length) throw fail('a length is repeated behind the last');
      lengths.fill(length, k, k + times);
      k += times;
    }
    if (lengths[END_OF_BLOCK] === 0) throw fail('a block cannot end');
    return { literals: huffmanCode(lengths.subarray(0, literals)), distances: huffmanCode(lengths.subarray(literals)) };
  }

  private symbol({ table, counts, symbols }: HuffmanCode): number {
    const { input } = this;
    while (this.count < MOST_BITS && this.at < input.length) {
      this.bits |= (input[this.at++] as number) << this.count;
      this.count += 8;
    }
    const found = table[this.bits & TABLE_MASK] as number;
    if (found !== 0 && (found & 15) <= this.count) {
      this.bits >>>= found & 15;
      this.count -= found & 15;
      return found >> 4;
    }
    // codes of one length follow one another, those that are longer behind them
    for (let bits = 1, word = 0, first = 0, index = 0; bits <= MOST_BITS; bits++) {
      word |= this.take(1);
      const count = counts[bits] as number;
      if (word - first < count) return symbols[index + word - first] as number;
      index += count;
      first = (first + count) << 1;
      word <<= 1;
    }
    throw fail(`at output offset ${this.out.length}: a word of no code`);
  }

  /** A block of literals and matches. */
  private compressed(literals: HuffmanCode, distances: HuffmanCode): void {
    const { out, input } = this;
    const { lengthBits, lengthBase, distanceBits, distanceBase } = tables as NonNullable<typeof tables>;
    const { table } = literals;
    for (;;) {
      // literals, as long as there are bits and room for many
      const bytes = out.reserve(0, MOST_MATCH);
      const room = Math.min(bytes.length, out.limit);
      let { bits, count, at } = this;
      let to = out.length;
      let found = 0;
      while (to < room && at + MOST_TAKEN <= input.length) {
        while (count < MOST_BITS) {
          bits |= (input[at++] as number) << count;
          count += 8;
        }
        found = table[bits & TABLE_MASK] as number;
        if (found === 0 || found >> 4 >= END_OF_BLOCK) break;
        bits >>>= found & 15;
        count -= found & 15;
        bytes[to++] = found >> 4;
      }
      this.bits = bits;
      this.count = count;
      this.at = at;
      out.length = to;
      const symbol = this.symbol(literals);
      if (symbol === END_OF_BLOCK) return;
      if (symbol < END_OF_BLOCK) {
        out.reserve(1)[out.length++] = symbol;
        continue;
      }
      const kind = symbol - END_OF_BLOCK - 1;
      if (kind >= lengthBits.length) throw fail(`at output offset ${out.length}: a match of no length`);
      const length = (lengthBase[kind] as number) + this.take(lengthBits[kind] as number);
      const far = this.symbol(distances);
      if (far >= distanceBits.length) throw fail(`at output offset ${out.length}: a match of no distance`);
      const distance = (distanceBase[far] as number) + this.take(distanceBits[far] as number);
      if (distance > out.length) throw fail(`at output offset ${out.length}: a match reaches back before the begin`);
      const target = out.reserve(length);
      const end = out.length + length;
      if (distance >= length && length > SHORT) target.copyWithin(out.length, out.length - distance, end - distance);
      else for (let k = out.length; k < end; k++) target[k] = target[k - distance] as number;
      out.length = end;
    }
  }
}

/** Decode deflated data of `input` from byte `at` on, and say where it ends. Throws DecompressError only. @see RFC 1951 */
export const inflate = (input: Uint8Array, at: number, out: OutputBuffer): number => new Inflate(input, at, out).run();
