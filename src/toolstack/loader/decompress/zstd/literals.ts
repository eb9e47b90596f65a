import { corrupt } from './corrupt.ts';
import { decodeHuffman, type HuffmanTable, readHuffman } from './huffman.ts';

const RAW = 0;
const RLE = 1;
const TREELESS = 3;

/** A block's literals. */
export interface Literals {
  readonly bytes: Uint8Array;
  /** Where the section ends. */
  readonly end: number;
  /** The tree that later blocks may use. */
  readonly tree: HuffmanTable | undefined;
}

/** Read the literals section at the begin of a block. `most`: how many there may be. @see RFC 8878, 3.1.1.3.1 */
export function readLiterals(block: Uint8Array, most: number, tree: HuffmanTable | undefined): Literals {
  const byte = (i: number): number => {
    const value = block[i];
    if (value === undefined) throw corrupt('a block ends in its literals');
    return value;
  };
  const head = byte(0);
  const type = head & 3;
  const format = (head >> 2) & 3;
  if (type === RAW || type === RLE) {
    const long = (format & 1) !== 0;
    const size = !long ? head >> 3 : (head >> 4) | (byte(1) << 4) | (format === 3 ? byte(2) << 12 : 0);
    const at = !long ? 1 : format === 1 ? 2 : 3;
    const end = at + (type === RAW ? size : 1);
    if (size > most || end > block.length) throw corrupt('a block has more literals than it can');
    return { bytes: type === RAW ? block.subarray(at, end) : new Uint8Array(size).fill(byte(at)), end, tree };
  }
  const width = [10, 10, 14, 18][format] as number;
  const at = [3, 3, 4, 5][format] as number;
  // up to 40 bits: beyond what bit operators hold
  let header = 0;
  for (let i = at - 1; i >= 0; i--) header = header * 256 + byte(i);
  const sizes = Math.floor(header / 16);
  const size = sizes % 2 ** width;
  const end = at + Math.floor(sizes / 2 ** width);
  if (size > most || end > block.length) throw corrupt('a block has more literals than it can');
  const described = type === TREELESS ? { table: tree, end: at } : readHuffman(block.subarray(0, end), at);
  const { table } = described;
  if (table === undefined) throw corrupt('a block uses a tree that was not there yet');
  const out = new Uint8Array(size);
  const packed = block.subarray(described.end, end);
  if (format === 0) decodeHuffman(table, packed, out, 0, size);
  else decodeFour(table, packed, out);
  return { bytes: out, end, tree: table };
}

/** Four streams, the sizes of the first three before them. */
function decodeFour(table: HuffmanTable, packed: Uint8Array, out: Uint8Array): void {
  if (packed.length < 6) throw corrupt('literals end early');
  const quarter = (out.length + 3) >> 2;
  if (quarter * 3 > out.length) throw corrupt('there are too few literals for four streams');
  let from = 6;
  for (let i = 0; i < 4; i++) {
    const length = i < 3 ? (packed[i * 2] as number) | ((packed[i * 2 + 1] as number) << 8) : packed.length - from;
    if (from + length > packed.length) throw corrupt('literals end early');
    decodeHuffman(table, packed.subarray(from, from + length), out, quarter * i, i < 3 ? quarter * (i + 1) : out.length);
    from += length;
  }
}
