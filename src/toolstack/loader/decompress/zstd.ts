import { DecompressError, pastLimit } from './decompress-error.ts';
import { OutputBuffer } from './output-buffer.ts';
import { xxh64Low } from './xxh64.ts';
import type { HuffmanTable } from './zstd/huffman.ts';
import { readLiterals } from './zstd/literals.ts';
import { firstState, runSequences } from './zstd/sequences.ts';

const fail = (details: string): DecompressError => new DecompressError('zstd', details);
/** @see RFC 8878 section 3.1.1 */
export const ZSTD_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAX_BLOCK = 1 << 17;

/** What the headers of a frame tell before anything is decoded. */
interface Frame {
  /** Offset of the first block. */
  readonly blocks: number;
  /** Offset behind the last block. */
  readonly blocksEnd: number;
  /** Offset behind the checksum. */
  readonly end: number;
  /** Offset of the checksum, if there is one. */
  readonly checksum: number | undefined;
  /** Size of the content in bytes, where the header says it. */
  readonly size: number | undefined;
}

/**
 * Decode a .zst file (one or several frames) of at most `limit` bytes of output. Bytes behind the last frame are ignored.
 * `expected`: the size of the whole output where it is known. Content checksums are verified.
 */
export function decompressZstd(input: Uint8Array, limit: number, expected?: number): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const out = new OutputBuffer('zstd', limit, expected);
  let at = 0;
  let frames = 0;
  while (input.length - at >= 8) {
    const magic = view.getUint32(at, true);
    if (magic >>> 4 === SKIPPABLE_MAGIC >>> 4) {
      at += 8 + view.getUint32(at + 4, true);
      continue;
    }
    if (magic !== ZSTD_MAGIC) break;
    const frame = readFrame(input, view, at);
    if (frame.size !== undefined && frame.size > limit - out.length) throw pastLimit('zstd', limit);
    const from = out.length;
    decodeBlocks(input, frame, out);
    if (frame.size !== undefined && out.length - from !== frame.size) throw fail(`a frame claims ${frame.size} bytes and holds ${out.length - from}`);
    if (frame.checksum !== undefined && xxh64Low(out.bytes.subarray(from, out.length)) !== view.getUint32(frame.checksum, true)) {
      throw fail('the checksum of a frame is wrong');
    }
    at = frame.end;
    frames++;
  }
  if (frames === 0) throw fail('it holds no Zstandard frame');
  return out.view();
}

/** Walk the headers of the frame at `start`. */
function readFrame(input: Uint8Array, view: DataView, start: number): Frame {
  const short = (): DecompressError => fail(`it ends after ${input.length} bytes, in the middle of a frame`);
  const descriptor = input[start + 4]!;
  if ((descriptor & 0x08) !== 0) throw fail('a frame header uses features this reader does not know');
  if ((descriptor & 3) !== 0) throw fail('a frame needs a dictionary');
  const single = (descriptor & 0x20) !== 0;
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const sizeAt = start + 5 + (single ? 0 : 1);
  const blocks = sizeAt + sizeBytes;
  if (blocks + 3 > input.length) throw short();
  let size: number | undefined;
  if (sizeBytes === 1) size = view.getUint8(sizeAt);
  else if (sizeBytes === 2) size = view.getUint16(sizeAt, true) + 256;
  else if (sizeBytes === 4) size = view.getUint32(sizeAt, true);
  else if (sizeBytes === 8) size = view.getUint32(sizeAt, true) + view.getUint32(sizeAt + 4, true) * 0x1_0000_0000;
  let at = blocks;
  let most = 0;
  for (let last = false; !last; ) {
    if (at + 3 > input.length) throw short();
    const header = view.getUint16(at, true) | (input[at + 2]! << 16);
    const type = (header >> 1) & 3;
    const blockSize = header >> 3;
    if (type === 3 || blockSize > MAX_BLOCK) throw fail(`the header of a block at offset ${at} is invalid`);
    last = (header & 1) !== 0;
    at += 3 + (type === 1 ? 1 : blockSize);
    most += type === 2 ? MAX_BLOCK : blockSize;
  }
  const checksum = (descriptor & 4) !== 0 ? at : undefined;
  const end = at + (checksum === undefined ? 0 : 4);
  if (end > input.length) throw short();
  if (size !== undefined && size > most) throw fail(`a frame claims ${size} bytes, its blocks hold at most ${most}`);
  return { blocks, blocksEnd: at, end, checksum, size };
}

const RAW = 0;
const RLE = 1;

/** Decode the blocks of a frame to the end of `out`. @see RFC 8878, 3.1.1.2 */
function decodeBlocks(input: Uint8Array, { blocks, blocksEnd }: Frame, out: OutputBuffer): void {
  const begin = out.length;
  const state = firstState();
  let tree: HuffmanTable | undefined;
  for (let at = blocks; at < blocksEnd; ) {
    const header = input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16);
    const type = (header >> 1) & 3;
    const size = header >> 3;
    const from = at + 3;
    at = from + (type === RLE ? 1 : size);
    if (type === RAW) out.append(input.subarray(from, at));
    else if (type === RLE) {
      out.reserve(size).fill(input[from]!, out.length, out.length + size);
      out.length += size;
    } else {
      const block = input.subarray(from, at);
      const literals = readLiterals(block, MAX_BLOCK, tree);
      tree = literals.tree;
      runSequences(block, literals.end, literals.bytes, state, out, begin, MAX_BLOCK);
    }
  }
}
