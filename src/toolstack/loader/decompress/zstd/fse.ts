import { corrupt, highBit } from './corrupt.ts';

/** A decoding table of finite state entropy: for each state its symbol, and what follows. @see RFC 8878, 4.1 */
export interface FseTable {
  /** States are numbers of so many bits. */
  readonly log: number;
  readonly symbols: Uint8Array;
  /** Bits to read for the next state, and what they are added to. */
  readonly bits: Uint8Array;
  readonly base: Uint16Array;
}

/** The table of one symbol that takes no bits. */
export const singleSymbol = (symbol: number): FseTable => ({ log: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), base: new Uint16Array(1) });

/** A table of probabilities (-1: less than one), which add up to 2^log. */
export function buildFse(probabilities: readonly number[], log: number): FseTable {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(probabilities.length);
  let high = size;
  for (const [symbol, probability] of probabilities.entries()) {
    if (probability === -1) symbols[--high] = symbol;
    next[symbol] = Math.abs(probability);
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let at = 0;
  for (const [symbol, probability] of probabilities.entries()) {
    for (let i = 0; i < probability; i++) {
      symbols[at] = symbol;
      do at = (at + step) & (size - 1);
      while (at >= high);
    }
  }
  const bits = new Uint8Array(size);
  const base = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state] as number;
    const number = next[symbol] as number;
    next[symbol] = number + 1;
    bits[state] = log - highBit(number);
    base[state] = (number << (bits[state] as number)) - size;
  }
  return { log, symbols, bits, base };
}

/** Read a table's description at `at`; it, and where it ends. */
export function readFse(bytes: Uint8Array, at: number, mostLog: number, lastSymbol: number): { table: FseTable; end: number } {
  let bit = at * 8;
  const read = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++, bit++) {
      const byte = bytes[bit >> 3];
      if (byte === undefined) throw corrupt('a table ends early');
      value |= ((byte >> (bit & 7)) & 1) << i;
    }
    return value;
  };
  const log = read(4) + 5;
  if (log > mostLog) throw corrupt(`a table has states of ${log} bits`);
  const probabilities: number[] = [];
  let remaining = 1 << log;
  while (remaining > 0) {
    if (probabilities.length > lastSymbol) throw corrupt('a table has too many symbols');
    const width = highBit(remaining + 1) + 1;
    // small values take a bit less
    const threshold = (1 << width) - 1 - (remaining + 1);
    let value = read(width - 1);
    if (value >= threshold) {
      value |= read(1) << (width - 1);
      if (value >= 1 << (width - 1)) value -= threshold;
    }
    const probability = value - 1;
    probabilities.push(probability);
    remaining -= Math.abs(probability);
    if (probability !== 0) continue;
    for (let zeros = 3; zeros === 3; ) {
      zeros = read(2);
      for (let i = 0; i < zeros; i++) probabilities.push(0);
      if (probabilities.length > lastSymbol + 1) throw corrupt('a table has too many symbols');
    }
  }
  if (remaining < 0) throw corrupt('the probabilities of a table do not add up');
  return { table: buildFse(probabilities, log), end: Math.ceil(bit / 8) };
}
