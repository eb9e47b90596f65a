import { BackwardBits } from './backward-bits.ts';
import { corrupt, highBit } from './corrupt.ts';
import { readFse } from './fse.ts';

/** A decoding table: for each value of the next `log` bits a symbol, and how many of them it takes. @see RFC 8878, 4.2 */
export interface HuffmanTable {
  readonly log: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
}

const MOST_BITS = 11;
const MOST_SYMBOLS = 256;
/** States of the table that weights are packed with have so many bits at most; weights are 0 to 12. */
const WEIGHTS_LOG = 6;
const LAST_WEIGHT = 12;

/** Read a tree's description at `at`; its table, and where it ends. */
export function readHuffman(bytes: Uint8Array, at: number): { table: HuffmanTable; end: number } {
  const head = bytes[at];
  if (head === undefined) throw corrupt('a tree is missing');
  const count = head - 127;
  const end = at + 1 + (head < 128 ? head : (count + 1) >> 1);
  if (end > bytes.length) throw corrupt('a tree ends early');
  const weights = head < 128 ? packedWeights(bytes.subarray(at + 1, end)) : Array.from({ length: count }, (_, i) => nibble(bytes, at + 1, i));
  return { table: buildHuffman(weights), end };
}

const nibble = (bytes: Uint8Array, at: number, i: number): number => {
  const byte = bytes[at + (i >> 1)] as number;
  return (i & 1) === 0 ? byte >> 4 : byte & 15;
};

/** Weights by two states in turn, until the bits are used up. */
function packedWeights(bytes: Uint8Array): number[] {
  const { table, end } = readFse(bytes, 0, WEIGHTS_LOG, LAST_WEIGHT);
  const stream = new BackwardBits(bytes.subarray(end));
  const weights: number[] = [];
  let state = stream.read(table.log);
  let other = stream.read(table.log);
  if (stream.at < 0) throw corrupt('a tree ends early');
  for (;;) {
    weights.push(table.symbols[state] as number);
    if (weights.length >= MOST_SYMBOLS) throw corrupt('a tree has too many symbols');
    const next = (table.base[state] as number) + stream.read(table.bits[state] as number);
    if (stream.at < 0) {
      weights.push(table.symbols[other] as number);
      return weights;
    }
    state = other;
    other = next;
  }
}

function buildHuffman(weights: number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) if (weight > 0) sum += 1 << (weight - 1);
  if (sum === 0) throw corrupt('a tree has no symbols');
  // the last weight is what is missing to a power of two
  const log = highBit(sum) + 1;
  const missing = (1 << log) - sum;
  if (log > MOST_BITS || (missing & (missing - 1)) !== 0) throw corrupt('the weights of a tree do not add up');
  weights.push(highBit(missing) + 1);
  if (weights.length > MOST_SYMBOLS) throw corrupt('a tree has too many symbols');
  const symbols = new Uint8Array(1 << log);
  const bits = new Uint8Array(1 << log);
  let at = 0;
  for (let weight = 1; weight <= log; weight++) {
    for (const [symbol, each] of weights.entries()) {
      if (each !== weight) continue;
      const width = 1 << (weight - 1);
      symbols.fill(symbol, at, at + width);
      bits.fill(log + 1 - weight, at, at + width);
      at += width;
    }
  }
  return { log, symbols, bits };
}

/** Decode `to - from` symbols from the whole of `bytes` into `out`. */
export function decodeHuffman({ log, symbols, bits }: HuffmanTable, bytes: Uint8Array, out: Uint8Array, from: number, to: number): void {
  const stream = new BackwardBits(bytes);
  for (let at = from; at < to; at++) {
    const code = stream.peek(log);
    out[at] = symbols[code] as number;
    stream.at -= bits[code] as number;
  }
  if (stream.at !== 0) throw corrupt('a stream of literals has another length');
}
