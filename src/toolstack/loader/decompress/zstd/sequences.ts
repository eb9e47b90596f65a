import type { OutputBuffer } from '../output-buffer.ts';
import { BackwardBits } from './backward-bits.ts';
import { corrupt } from './corrupt.ts';
import { buildFse, type FseTable, readFse, singleSymbol } from './fse.ts';

/** The tables of lengths of literals, of offsets and of lengths of matches. */
export type Tables = readonly [literals: FseTable, offsets: FseTable, matches: FseTable];

/** @see RFC 8878, 3.1.1.3.2.2 */
const makeDefaults = (): Tables => [
  buildFse([4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1], 6),
  buildFse([1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1], 5),
  buildFse([1, 4, 3, 2, 2, 2, 2, 2, 2, ...Array<number>(37).fill(1), ...Array<number>(7).fill(-1)], 6),
];
/** Made when the first block wants them. */
let defaults: Tables | undefined;
const MOST_LOG = [9, 8, 9] as const;
const LAST_SYMBOL = [35, 31, 52] as const;

/** Bits that follow the codes of lengths; up to the first of these codes there are none. */
const LITERAL_BITS = [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const MATCH_BITS = [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/** Codes to the least length, and to the bits added to it. */
function codes(plain: number, least: number, more: readonly number[]): { base: Uint32Array; bits: Uint8Array } {
  const bits = Uint8Array.from([...Array<number>(plain).fill(0), ...more]);
  const base = new Uint32Array(bits.length);
  for (let code = 0, at = least; code < bits.length; at += 1 << (bits[code] as number), code++) base[code] = at;
  return { base, bits };
}
const LITERALS = codes(16, 0, LITERAL_BITS);
const MATCHES = codes(32, 3, MATCH_BITS);

/** What sequences of a frame share. */
export interface SequenceState {
  /** Tables of the block before, in the order of `Tables`. */
  tables: (FseTable | undefined)[];
  /** The last three offsets. */
  readonly offsets: [number, number, number];
}

export const firstState = (): SequenceState => ({ tables: [], offsets: [1, 4, 8] });

/** How many sequences there are, and where the section goes on. */
function readCount(block: Uint8Array, at: number): { count: number; at: number } {
  const first = block[at];
  if (first === undefined) throw corrupt('a block ends before its sequences');
  if (first < 128) return { count: first, at: at + 1 };
  const second = block[at + 1] ?? 0;
  if (first < 255) return { count: ((first - 128) << 8) + second, at: at + 2 };
  return { count: second + ((block[at + 2] ?? 0) << 8) + 0x7f00, at: at + 3 };
}

/**
 * Carry out the sequences at `start` of a block: each takes some of the literals, then copies what came before. `begin`:
 * where the frame's output began. The block may make `most` bytes. @see RFC 8878, 3.1.1.3.2, 3.1.1.4, 3.1.1.5
 */
export function runSequences(
  block: Uint8Array,
  start: number,
  literals: Uint8Array,
  state: SequenceState,
  out: OutputBuffer,
  begin: number,
  most: number,
): void {
  const { count, at: modesAt } = readCount(block, start);
  if (count === 0) {
    if (modesAt !== block.length) throw corrupt('there is something behind the last sequence');
    out.append(literals);
    return;
  }
  const { tables, end } = readTables(block, modesAt, state.tables);
  state.tables = [...tables];
  const [literalTable, offsetTable, matchTable] = tables;
  const stream = new BackwardBits(block.subarray(end));
  let literalState = stream.read(literalTable.log);
  let offsetState = stream.read(offsetTable.log);
  let matchState = stream.read(matchTable.log);
  const blockEnd = out.length + most;
  let taken = 0;
  for (let left = count; left > 0; left--) {
    const offsetCode = offsetTable.symbols[offsetState] as number;
    const matchCode = matchTable.symbols[matchState] as number;
    const literalCode = literalTable.symbols[literalState] as number;
    const value = ((1 << offsetCode) >>> 0) + stream.read(offsetCode);
    const match = (MATCHES.base[matchCode] as number) + stream.read(MATCHES.bits[matchCode] as number);
    const literal = (LITERALS.base[literalCode] as number) + stream.read(LITERALS.bits[literalCode] as number);
    if (stream.at < 0) throw corrupt('the sequences end early');
    if (left > 1) {
      literalState = (literalTable.base[literalState] as number) + stream.read(literalTable.bits[literalState] as number);
      matchState = (matchTable.base[matchState] as number) + stream.read(matchTable.bits[matchState] as number);
      offsetState = (offsetTable.base[offsetState] as number) + stream.read(offsetTable.bits[offsetState] as number);
    }
    if (taken + literal > literals.length) throw corrupt('the sequences take more literals than there are');
    if (out.length + literal + match > blockEnd) throw corrupt('a block makes more than it can');
    const bytes = out.reserve(literal + match);
    bytes.set(literals.subarray(taken, taken + literal), out.length);
    taken += literal;
    out.length += literal;
    const offset = chooseOffset(state.offsets, value, literal);
    if (offset === 0 || offset > out.length - begin) throw corrupt('a match reaches back before the begin');
    copyMatch(bytes, out.length, offset, match);
    out.length += match;
  }
  if (stream.at !== 0) throw corrupt('there is something behind the last sequence');
  if (out.length + literals.length - taken > blockEnd) throw corrupt('a block makes more than it can');
  out.append(literals.subarray(taken));
}

function readTables(block: Uint8Array, start: number, before: readonly (FseTable | undefined)[]): { tables: Tables; end: number } {
  const modes = block[start];
  if (modes === undefined || (modes & 3) !== 0) throw corrupt('the modes of sequences are invalid');
  let at = start + 1;
  const tables = ([0, 1, 2] as const).map((kind): FseTable => {
    switch ((modes >> (6 - kind * 2)) & 3) {
      case 0:
        defaults ??= makeDefaults();
        return defaults[kind];
      case 1: {
        const symbol = block[at++];
        if (symbol === undefined || symbol > LAST_SYMBOL[kind]) throw corrupt('a table has a symbol that is none');
        return singleSymbol(symbol);
      }
      case 2: {
        const { table, end } = readFse(block, at, MOST_LOG[kind], LAST_SYMBOL[kind]);
        at = end;
        return table;
      }
      default: {
        const same = before[kind];
        if (same === undefined) throw corrupt('a block uses a table that was not there yet');
        return same;
      }
    }
  }) as unknown as Tables;
  return { tables, end: at };
}

/** The offset that a value means: one of the last three, or a new one, which then is the last. 0: none. */
function chooseOffset(last: [number, number, number], value: number, literal: number): number {
  const which = value > 3 ? 4 : value - 1 + (literal === 0 ? 1 : 0);
  if (which === 0) return last[0];
  const offset = which === 4 ? value - 3 : which === 3 ? last[0] - 1 : (last[which as 1 | 2] as number);
  if (which !== 1) last[2] = last[1];
  last[1] = last[0];
  last[0] = offset;
  return offset;
}

/** Copy from `offset` bytes before; the copy may run into itself. */
function copyMatch(bytes: Uint8Array, to: number, offset: number, length: number): void {
  if (offset >= length) bytes.copyWithin(to, to - offset, to - offset + length);
  else if (offset === 1) bytes.fill(bytes[to - 1] as number, to, to + length);
  else for (let i = to; i < to + length; i++) bytes[i] = bytes[i - offset] as number;
}
