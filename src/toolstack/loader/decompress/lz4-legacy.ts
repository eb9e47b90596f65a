import type { LateBytes } from '../late-bytes.ts';
import { DecompressError, pastLimit } from './decompress-error.ts';
import { BLOCK_SIZE, CORRUPT, DONE, type Lz4Block, lz4Block, MORE, PAST_END, SLACK } from './lz4-block.ts';

/** Magic of a legacy frame, little endian. @see lz4_Frame_format.md, "Legacy frame" */
export const LZ4_LEGACY_MAGIC = 0x184c2102;
/** Bytes of a WebAssembly page. */
const PAGE_BYTES = 65536;
/** How far back a match reaches at most. @see lz4_Block_format.md, "Offset" */
const REACH = 65536;
/** Output of `LateLz4` that lies in memory at a time: what a processor's own cache holds. */
const WINDOW = 1 << 19;
/** Where a byte lies in memory and in the output are alike modulo this: who reads it can do so by words. */
const ALIGN = 16;

const fail = (details: string): DecompressError => new DecompressError('lz4', details);

/** Where each block's input begins and ends. Four bytes left over behind the last are taken for the size that kernel builds append. */
function blocksOf(input: Uint8Array): { readonly blocks: readonly (readonly [from: number, to: number])[]; readonly end: number; readonly frames: number } {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (input.length < 4 || view.getUint32(0, true) !== LZ4_LEGACY_MAGIC) throw fail('it does not start with the magic of a legacy frame');
  const blocks: [number, number][] = [];
  let at = 4;
  let frames = 1;
  while (input.length - at > 4) {
    const size = view.getUint32(at, true);
    at += 4;
    if (size === LZ4_LEGACY_MAGIC) {
      frames++;
      continue;
    }
    if (size === 0 || size > input.length - at) throw fail(`a block claims ${size} bytes, ${input.length - at} are left`);
    blocks.push([at, at + size]);
    at += size;
  }
  return { blocks, end: at, frames };
}

type Blocks = ReturnType<typeof blocksOf>['blocks'];

/** Bytes of the longest block's input. */
const longest = (blocks: Blocks): number => blocks.reduce((most, [from, to]) => Math.max(most, to - from), 0);

/** Gives `memory` so many bytes at least. */
function growTo(memory: WebAssembly.Memory, bytes: number): void {
  const missing = Math.ceil((bytes - memory.buffer.byteLength) / PAGE_BYTES);
  if (missing > 0) memory.grow(missing);
}

/**
 * What a legacy frame stands for, decoded as far as it is asked for. Every block of a frame but the last is a full one, so each can be found without
 * those before it.
 */
class LateLz4 implements LateBytes {
  readonly length: number;
  private readonly input: Uint8Array;
  private readonly blocks: Blocks;
  private readonly decoder: Lz4Block;
  /** Where the window begins in the decoder's memory; a block's input lies below. */
  private readonly base: number;
  /** The block under way. */
  private block = -1;
  private ended = true;
  /** What the window holds: offsets into the output. */
  private first = 0;
  private end = 0;

  constructor(input: Uint8Array, blocks: Blocks, length: number) {
    this.input = input;
    this.blocks = blocks;
    this.length = length;
    this.decoder = lz4Block();
    this.base = Math.ceil((longest(blocks) + SLACK) / ALIGN) * ALIGN;
    // a match may be as long as a block
    growTo(this.decoder.memory, this.base + WINDOW + ALIGN + BLOCK_SIZE + SLACK);
  }

  from(offset: number): Uint8Array {
    const block = Math.floor(offset / BLOCK_SIZE);
    if (block !== this.block || offset < this.first) this.begin(block);
    while (offset >= this.end) this.goOn();
    return new Uint8Array(this.decoder.memory.buffer, this.base + offset - this.first, this.end - offset);
  }

  private begin(block: number): void {
    const [from, to] = this.blocks[block] as Blocks[number];
    const { memory, at, position } = this.decoder;
    new Uint8Array(memory.buffer, 0, to - from).set(this.input.subarray(from, to));
    at.value = 0;
    position.value = this.base;
    this.block = block;
    this.first = block * BLOCK_SIZE;
    this.end = this.first;
    this.ended = false;
  }

  /** Decodes some more of the block. */
  private goOn(): void {
    const { memory, position, decode } = this.decoder;
    const { base } = this;
    const [from, to] = this.blocks[this.block] as Blocks[number];
    if (this.ended) throw fail(`a block at offset ${from} is shorter than it should be`);
    const held = this.end - this.first;
    if (held >= WINDOW) {
      const keep = REACH + ((this.end - REACH) % ALIGN);
      new Uint8Array(memory.buffer).copyWithin(base, base + held - keep, base + held);
      this.first = this.end - keep;
      position.value = base + keep;
    }
    const full = Math.min(this.length, (this.block + 1) * BLOCK_SIZE);
    const status = decode(to - from, base, base + full - this.first);
    this.end = this.first - base + (position.value as number);
    this.ended = status !== MORE;
    if (status === PAST_END) throw fail(`a block at offset ${from} is longer than it should be`);
    if (status === CORRUPT || (status === DONE && this.end < full)) throw fail(`a block at offset ${from} is corrupt`);
  }
}

/**
 * As `decompressLz4Legacy`, with the size of the output known: decoded late. Undefined where the input is not one frame of as many blocks as the
 * size wants. Errors of the blocks come when they are decoded; bytes that nobody asks for may be damaged.
 */
export function lateLz4Legacy(input: Uint8Array, length: number): LateBytes | undefined {
  const { blocks, frames } = blocksOf(input);
  return frames === 1 && length > 0 && blocks.length === Math.ceil(length / BLOCK_SIZE) ? new LateLz4(input, blocks, length) : undefined;
}

/**
 * Decode LZ4 legacy frames (what `lz4 -l` and kernel builds write) of at most `limit` bytes of output. A frame has no
 * end mark; `expected`: bytes of output, where it is known; only a help to speed.
 */
export function decompressLz4Legacy(input: Uint8Array, limit: number, expected?: number): Uint8Array {
  const { blocks, end } = blocksOf(input);
  const { memory, at, position, decode } = lz4Block();
  // a block's input lies at the bottom, all output above it
  const base = longest(blocks) + SLACK;
  const reach = (bytes: number): void => growTo(memory, bytes);
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
