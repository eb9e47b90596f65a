import { DecompressError } from './decompress-error.ts';
import { OutputBuffer } from './output-buffer.ts';

const fail = (details: string): DecompressError => new DecompressError('bzip2', details);
const MAX_GROUPS = 6;
const MAX_CODE_BITS = 20;
/** Symbols coded with one table before the next selector. */
const GROUP_SIZE = 50;
const RUN_A = 0;
const RUN_B = 1;

/** CRC-32 with the most significant bit first, as bzip2 uses it. */
const makeCrcTable = (): Uint32Array =>
  Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n << 24;
    for (let k = 0; k < 8; k++) c = c < 0 ? (c << 1) ^ 0x04c11db7 : c << 1;
    return c;
  });
/** Made when the first block is expanded. */
let crcTable: Uint32Array | undefined;

/** True when a bzip2 stream starts at byte `at`. */
export const isBzip2 = (input: Uint8Array, at = 0): boolean =>
  input[at] === 0x42 && input[at + 1] === 0x5a && input[at + 2] === 0x68 && input[at + 3]! >= 0x31 && input[at + 3]! <= 0x39;

/** Decode a .bz2 file (one or several streams) of at most `limit` bytes of output. Bytes behind the last stream are ignored. */
export function decompressBzip2(input: Uint8Array, limit: number): Uint8Array {
  if (!isBzip2(input)) throw fail('it does not start with the bzip2 signature');
  const out = new OutputBuffer('bzip2', limit, input.length * 4);
  const bits = new BitReader(input);
  do {
    bits.take(24);
    const blockSize = (bits.take(8) - 0x30) * 100_000;
    const block = new Uint32Array(blockSize);
    let combined = 0;
    for (;;) {
      const high = bits.take(24);
      const low = bits.take(24);
      if (high === 0x177245 && low === 0x385090) break;
      if (high !== 0x314159 || low !== 0x265359) throw fail(`there is no block where one should be, before byte ${bits.at}`);
      const crc = decodeBlock(bits, block, out);
      combined = ((combined << 1) | (combined >>> 31)) ^ crc;
    }
    const expected = bits.take(16) * 0x10000 + bits.take(16);
    if (combined >>> 0 !== expected) throw fail('the checksum of a stream is wrong');
    bits.align();
  } while (isBzip2(input, bits.at));
  return out.view();
}

class BitReader {
  at = 0;
  private readonly input: Uint8Array;
  private buffer = 0;
  private count = 0;

  constructor(input: Uint8Array) {
    this.input = input;
  }

  /** The next `n` bits (at most 24), most significant first. */
  take(n: number): number {
    while (this.count < n) {
      if (this.at >= this.input.length) throw fail(`it ends after ${this.input.length} bytes, in the middle of the data`);
      this.buffer = (this.buffer << 8) | this.input[this.at++]!;
      this.count += 8;
    }
    this.count -= n;
    return (this.buffer >>> this.count) & ((1 << n) - 1);
  }

  /** Skip to a byte boundary. */
  align(): void {
    this.at -= this.count >> 3;
    this.count = 0;
  }
}

/** A canonical prefix code: for each length the first code not of that length (left aligned by use), and the symbols in order. */
interface PrefixCode {
  readonly limit: Int32Array;
  readonly base: Int32Array;
  readonly symbols: Uint16Array;
  readonly shortest: number;
}

function prefixCode(lengths: Uint8Array): PrefixCode {
  const count = new Int32Array(MAX_CODE_BITS + 2);
  let shortest = MAX_CODE_BITS;
  for (const length of lengths) {
    count[length]!++;
    if (length < shortest) shortest = length;
  }
  const limit = new Int32Array(MAX_CODE_BITS + 2).fill(-1);
  const base = new Int32Array(MAX_CODE_BITS + 2);
  let code = 0;
  let index = 0;
  for (let length = 1; length <= MAX_CODE_BITS; length++) {
    base[length] = index - code;
    code += count[length]!;
    index += count[length]!;
    limit[length] = code - 1;
    code <<= 1;
  }
  const symbols = new Uint16Array(lengths.length);
  let next = 0;
  for (let length = 1; length <= MAX_CODE_BITS; length++) for (let s = 0; s < lengths.length; s++) if (lengths[s] === length) symbols[next++] = s;
  return { limit, base, symbols, shortest };
}

function readTables(bits: BitReader, alphabet: number): { codes: PrefixCode[]; selectors: Uint8Array } {
  const groups = bits.take(3);
  const selectorCount = bits.take(15);
  if (groups < 2 || groups > MAX_GROUPS || selectorCount === 0) throw fail('a block has an invalid number of code tables');
  const order = Array.from({ length: groups }, (_, i) => i);
  const selectors = new Uint8Array(selectorCount);
  for (let i = 0; i < selectorCount; i++) {
    let rank = 0;
    while (bits.take(1) === 1) if (++rank >= groups) throw fail('a block selects a code table it does not have');
    const [table] = order.splice(rank, 1);
    order.unshift(table!);
    selectors[i] = table!;
  }
  const codes: PrefixCode[] = [];
  for (let g = 0; g < groups; g++) {
    const lengths = new Uint8Array(alphabet);
    let length = bits.take(5);
    for (let s = 0; s < alphabet; s++) {
      for (;;) {
        if (length < 1 || length > MAX_CODE_BITS) throw fail('a code table has an invalid length');
        if (bits.take(1) === 0) break;
        length += bits.take(1) === 0 ? 1 : -1;
      }
      lengths[s] = length;
    }
    codes.push(prefixCode(lengths));
  }
  return { codes, selectors };
}

/** Decode one block to `out`; its checksum. `block` holds the transformed bytes, then in its upper 24 bits the chain. */
function decodeBlock(bits: BitReader, block: Uint32Array, out: OutputBuffer): number {
  const expected = (bits.take(16) << 16) | bits.take(16);
  if (bits.take(1) !== 0) throw fail('a block is randomised, which no bzip2 since 0.9.5 writes');
  const origin = bits.take(24);
  const used: number[] = [];
  const ranges = bits.take(16);
  for (let i = 0; i < 16; i++) {
    if ((ranges & (0x8000 >> i)) === 0) continue;
    const map = bits.take(16);
    for (let j = 0; j < 16; j++) if ((map & (0x8000 >> j)) !== 0) used.push(i * 16 + j);
  }
  if (used.length === 0) throw fail('a block uses no byte value');
  const endOfBlock = used.length + 1;
  const { codes, selectors } = readTables(bits, used.length + 2);

  // Move-to-front and runs of the front.
  const recent = Uint8Array.from(used);
  const counts = new Uint32Array(256);
  let length = 0;
  let run = 0;
  let runBit = 1;
  let selector = 0;
  let left = 0;
  let code = codes[0]!;
  for (;;) {
    if (left === 0) {
      if (selector >= selectors.length) throw fail('a block runs out of code tables');
      code = codes[selectors[selector++]!]!;
      left = GROUP_SIZE;
    }
    left--;
    let bitCount = code.shortest;
    let value = bits.take(bitCount);
    while (value > code.limit[bitCount]!) {
      if (++bitCount > MAX_CODE_BITS) throw fail('a block holds a code that its table lacks');
      value = (value << 1) | bits.take(1);
    }
    const symbol = code.symbols[value + code.base[bitCount]!];
    if (symbol === undefined) throw fail('a block holds a code that its table lacks');
    if (symbol === RUN_A || symbol === RUN_B) {
      run += runBit << symbol;
      runBit <<= 1;
      if (run > block.length) throw fail('a run is longer than its block');
      continue;
    }
    if (run > 0) {
      if (run > block.length - length) throw fail('a block is longer than the file header allows');
      const front = recent[0]!;
      counts[front]! += run;
      block.fill(front, length, length + run);
      length += run;
      run = 0;
      runBit = 1;
    }
    if (symbol === endOfBlock) break;
    if (length >= block.length) throw fail('a block is longer than the file header allows');
    const rank = symbol - 1;
    const byte = recent[rank]!;
    recent.copyWithin(1, 0, rank);
    recent[0] = byte;
    counts[byte]!++;
    block[length++] = byte;
  }
  if (origin >= length) throw fail('a block starts outside itself');

  // Undo the Burrows-Wheeler transform: each entry gets, above its byte, the index of the byte that follows it.
  let sum = 0;
  for (let i = 0; i < 256; i++) {
    const count = counts[i]!;
    counts[i] = sum;
    sum += count;
  }
  for (let i = 0; i < length; i++) block[counts[block[i]! & 0xff]!++]! |= i << 8;
  const crc = expand(block, length, block[origin]! >>> 8, out);
  if (crc !== expected) throw fail('the checksum of a block is wrong');
  return crc;
}

/** Follow the chain and undo the first run-length coding (four equal bytes, then a count of more). Returns the checksum. */
function expand(block: Uint32Array, length: number, first: number, out: OutputBuffer): number {
  crcTable ??= makeCrcTable();
  const table = crcTable;
  let entry = first;
  let crc = -1;
  let same = 0;
  let previous = -1;
  let bytes = out.reserve(0, 0);
  let pos = out.length;
  for (let i = 0; i < length; i++) {
    entry = block[entry]!;
    const byte = entry & 0xff;
    entry >>>= 8;
    let copies = 1;
    let value = byte;
    if (same === 4) {
      copies = byte;
      value = previous;
      same = 0;
      previous = -1;
    } else {
      same = byte === previous ? same + 1 : 1;
      previous = byte;
    }
    if (pos + copies > bytes.length) {
      out.length = pos;
      bytes = out.reserve(copies);
    }
    for (; copies > 0; copies--) {
      bytes[pos++] = value;
      crc = (crc << 8) ^ table[(crc >>> 24) ^ value]!;
    }
  }
  out.length = pos;
  out.reserve(0);
  return ~crc;
}
