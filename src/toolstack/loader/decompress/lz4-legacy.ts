import { DecompressError, pastLimit } from './decompress-error.ts';
import { OutputBuffer } from './output-buffer.ts';

/** Magic of a legacy frame, little endian. @see lz4_Frame_format.md, "Legacy frame" */
export const LZ4_LEGACY_MAGIC = 0x184c2102;
/** A block expands to at most this many bytes. */
const BLOCK_SIZE = 8 << 20;

const fail = (details: string): DecompressError => new DecompressError('lz4', details);

/**
 * Decode LZ4 legacy frames (what `lz4 -l` and kernel builds write) of at most `limit` bytes of output. A frame has no
 * end mark; `expected`: bytes of output, where it is known; only a help to speed. Four bytes left over behind the last block are taken for the size that kernel builds append.
 */
export function decompressLz4Legacy(input: Uint8Array, limit: number, expected?: number): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (input.length < 4 || view.getUint32(0, true) !== LZ4_LEGACY_MAGIC) throw fail('it does not start with the magic of a legacy frame');
  const out = new OutputBuffer('lz4', limit, expected === undefined ? input.length * 3 : Math.min(expected, limit) + BLOCK_SIZE);
  let at = 4;
  while (input.length - at > 4) {
    const size = view.getUint32(at, true);
    at += 4;
    if (size === LZ4_LEGACY_MAGIC) continue;
    if (size === 0 || size > input.length - at) throw fail(`a block claims ${size} bytes, ${input.length - at} are left`);
    const bytes = out.reserve(0, Math.min(BLOCK_SIZE, limit - out.length));
    const end = decodeBlock(input, at, at + size, bytes, out.length, Math.min(out.length + BLOCK_SIZE, limit));
    if (end === PAST_END && limit - out.length < BLOCK_SIZE) throw pastLimit('lz4', limit);
    if (end < 0) throw fail(`a block at offset ${at} is corrupt`);
    out.length = end;
    at += size;
  }
  if (at < input.length && (input.length - at < 4 || view.getUint32(at, true) !== out.length))
    throw fail(`it ends after ${input.length} bytes, in the middle of a block`);
  return out.view();
}

/** Copies above this many bytes are left to the host. */
const LONG = 64;
const CORRUPT = -1;
const PAST_END = -2;

/** Decode one block; the new output length, or CORRUPT, or PAST_END. `outEnd` bytes of `out` may be written. */
function decodeBlock(input: Uint8Array, from: number, to: number, out: Uint8Array, start: number, outEnd: number): number {
  let at = from;
  let pos = start;
  const inView = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const outView = new DataView(out.buffer, out.byteOffset, out.byteLength);
  const safeIn = input.length - 4;
  const safeOut = outEnd - 4;
  while (at < to) {
    const token = input[at++]!;
    let literals = token >> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255 && at < to) {
        more = input[at++]!;
        literals += more;
      }
      if (more === 255) return CORRUPT;
    }
    if (literals > to - at) return CORRUPT;
    if (literals > outEnd - pos) return PAST_END;
    if (literals > LONG) {
      out.set(input.subarray(at, at + literals), pos);
      at += literals;
      pos += literals;
    } else if (at + LONG <= safeIn && pos + LONG <= safeOut) {
      // four bytes at a time, up to three too many: they are overwritten
      for (let k = 0; k < literals; k += 4) outView.setInt32(pos + k, inView.getInt32(at + k, true), true);
      at += literals;
      pos += literals;
    } else for (const end = at + literals; at < end; ) out[pos++] = input[at++]!;
    if (at === to) return pos;
    if (to - at < 2) return CORRUPT;
    const offset = input[at]! | (input[at + 1]! << 8);
    at += 2;
    if (offset === 0 || offset > pos - start) return CORRUPT;
    let length = (token & 15) + 4;
    if (length === 19) {
      let more = 255;
      while (more === 255 && at < to) {
        more = input[at++]!;
        length += more;
      }
      if (more === 255) return CORRUPT;
    }
    if (length > outEnd - pos) return PAST_END;
    let source = pos - offset;
    if (length > LONG && offset >= length) {
      out.copyWithin(pos, source, source + length);
      pos += length;
    } else if (offset >= 4 && length <= LONG && pos + LONG <= safeOut) {
      for (let k = 0; k < length; k += 4) outView.setInt32(pos + k, outView.getInt32(source + k, true), true);
      pos += length;
    } else for (const end = pos + length; pos < end; ) out[pos++] = out[source++]!;
  }
  return CORRUPT;
}
