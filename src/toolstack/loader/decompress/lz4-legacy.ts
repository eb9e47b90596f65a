import { DecompressError, pastLimit } from './decompress-error.ts';
import { BLOCK_SIZE, CORRUPT, DONE, lz4Block, MORE, PAST_END, SLACK } from './lz4-block.ts';

/** Magic of a legacy frame, little endian. @see lz4_Frame_format.md, "Legacy frame" */
export const LZ4_LEGACY_MAGIC = 0x184c2102;
/** Bytes of a WebAssembly page. */
const PAGE_BYTES = 65536;

const fail = (details: string): DecompressError => new DecompressError('lz4', details);

/** Where each block's input begins and ends. Four bytes left over behind the last are taken for the size that kernel builds append. */
function blocksOf(input: Uint8Array): { readonly blocks: readonly (readonly [from: number, to: number])[]; readonly end: number } {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (input.length < 4 || view.getUint32(0, true) !== LZ4_LEGACY_MAGIC) throw fail('it does not start with the magic of a legacy frame');
  const blocks: [number, number][] = [];
  let at = 4;
  while (input.length - at > 4) {
    const size = view.getUint32(at, true);
    at += 4;
    if (size === LZ4_LEGACY_MAGIC) continue;
    if (size === 0 || size > input.length - at) throw fail(`a block claims ${size} bytes, ${input.length - at} are left`);
    blocks.push([at, at + size]);
    at += size;
  }
  return { blocks, end: at };
}

/**
 * Decode LZ4 legacy frames (what `lz4 -l` and kernel builds write) of at most `limit` bytes of output. A frame has no
 * end mark; `expected`: bytes of output, where it is known; only a help to speed.
 */
export function decompressLz4Legacy(input: Uint8Array, limit: number, expected?: number): Uint8Array {
  const { blocks, end } = blocksOf(input);
  const { memory, at, position, decode } = lz4Block();
  // a block's input lies at the bottom, all output above it
  const base = blocks.reduce((most, [from, to]) => Math.max(most, to - from), 0) + SLACK;
  const reach = (bytes: number): void => {
    const missing = Math.ceil((bytes - memory.buffer.byteLength) / PAGE_BYTES);
    if (missing > 0) memory.grow(missing);
  };
  reach(base + Math.min(expected ?? input.length * 3, limit) + SLACK);
  let length = 0;
  for (const [from, to] of blocks) {
    const room = Math.min(BLOCK_SIZE, limit - length);
    reach(base + length + room + SLACK);
    new Uint8Array(memory.buffer, 0, to - from).set(input.subarray(from, to));
    at.value = 0;
    position.value = base + length;
    let status = MORE;
    while (status === MORE) status = decode(to - from, base + length, base + length + room);
    if (status === PAST_END && room < BLOCK_SIZE) throw pastLimit('lz4', limit);
    if (status === CORRUPT || status !== DONE) throw fail(`a block at offset ${from} is corrupt`);
    length = position.value - base;
  }
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (end < input.length && (input.length - end < 4 || view.getUint32(end, true) !== length))
    throw fail(`it ends after ${input.length} bytes, in the middle of a block`);
  return new Uint8Array(memory.buffer, base, length);
}
