import { crc32 } from './crc32.ts';
import { DecompressError } from './decompress-error.ts';
import { OutputBuffer } from './output-buffer.ts';

const fail = (details: string): DecompressError => new DecompressError('lzo', details);
const SIGNATURE = [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a];
/** Largest block that lzop writes, in bytes. */
const MAX_BLOCK = 64 << 20;
const FLAG_ADLER32_DATA = 0x1;
const FLAG_ADLER32_PACKED = 0x2;
const FLAG_EXTRA_FIELD = 0x40;
const FLAG_CRC32_DATA = 0x100;
const FLAG_CRC32_PACKED = 0x200;
const FLAG_FILTER = 0x800;

/** True when an .lzo file starts here. */
export const isLzop = (input: Uint8Array): boolean => SIGNATURE.every((byte, i) => input[i] === byte);

/**
 * Decode an .lzo file (the container that lzop and kernel builds write, LZO1X blocks) of at most `limit` bytes of output.
 * Checksums of the expanded data are verified. Bytes behind the end are ignored.
 */
export function decompressLzop(input: Uint8Array, limit: number): Uint8Array {
  if (!isLzop(input)) throw fail('it does not start with the lzop signature');
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let at = SIGNATURE.length;
  const need = (count: number, what: string): void => {
    if (count > input.length - at) throw fail(`it ends after ${input.length} bytes, in the middle of ${what}`);
  };
  const take = (size: 1 | 2 | 4, what: string): number => {
    need(size, what);
    const value = size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at) : view.getUint32(at);
    at += size;
    return value;
  };
  const version = take(2, 'its header');
  take(2, 'its header');
  const modern = version >= 0x940;
  if (modern) take(2, 'its header');
  const method = take(1, 'its header');
  if (method < 1 || method > 3) throw fail(`its method is ${method}, known are 1 to 3 (LZO1X)`);
  if (modern) take(1, 'its header');
  const flags = take(4, 'its header');
  if ((flags & FLAG_FILTER) !== 0) throw fail('it uses a filter');
  at += modern ? 12 : 8; // mode and time
  const nameLength = take(1, 'its header');
  at += nameLength + 4; // name, header checksum
  if ((flags & FLAG_EXTRA_FIELD) !== 0) at += take(4, 'its header') + 4;

  const out = new OutputBuffer('lzo', limit, input.length * 3);
  for (;;) {
    const size = take(4, 'a block header');
    if (size === 0) return out.view();
    const packed = take(4, 'a block header');
    if (size > MAX_BLOCK || packed > size) throw fail(`a block claims ${packed} bytes that expand to ${size}`);
    const adler = (flags & FLAG_ADLER32_DATA) !== 0 ? take(4, 'a block header') : undefined;
    const crc = (flags & FLAG_CRC32_DATA) !== 0 ? take(4, 'a block header') : undefined;
    if (packed < size) {
      if ((flags & FLAG_ADLER32_PACKED) !== 0) take(4, 'a block header');
      if ((flags & FLAG_CRC32_PACKED) !== 0) take(4, 'a block header');
    }
    need(packed, 'a block');
    const bytes = out.reserve(size);
    const start = out.length;
    if (packed === size) bytes.set(input.subarray(at, at + packed), start);
    else if (decodeLzo1x(input, at, at + packed, bytes, start, start + size) !== start + size) throw fail(`a block at offset ${at} is corrupt`);
    if (adler !== undefined && adler32(bytes, start, start + size) !== adler) throw fail('the Adler-32 checksum of a block is wrong');
    if (crc !== undefined && crc32(bytes, start, start + size) !== crc) throw fail('the CRC32 of a block is wrong');
    out.length += size;
    at += packed;
  }
}

/** @see RFC 1950 section 8.2 */
function adler32(bytes: Uint8Array, from: number, to: number): number {
  let a = 1;
  let b = 0;
  for (let i = from; i < to; ) {
    const end = Math.min(to, i + 5552);
    for (; i < end; i++) {
      a += bytes[i]!;
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return ((b << 16) | a) >>> 0;
}

/**
 * Decode one LZO1X block into `out[start..outEnd)`; the new output length, or -1 when it is corrupt.
 * `state` is the number of literals that the instruction before copied: 0, 1 to 3, or 4 for "four or more"; it gives
 * the low instruction codes their meaning.
 * @see Linux, Documentation/staging/lzo.rst, which describes the format
 */
function decodeLzo1x(input: Uint8Array, from: number, to: number, out: Uint8Array, start: number, outEnd: number): number {
  let at = from;
  let pos = start;
  let state = 0;
  let literals = 0;
  const first = input[at] ?? 0;
  if (first > 17) {
    at++;
    literals = first - 17;
    state = Math.min(literals, 4);
  }
  /** A length whose field was zero: 255 for each zero byte, then the byte that is not. */
  const extended = (base: number): number => {
    let length = base;
    while (at < to && input[at] === 0) {
      length += 255;
      at++;
    }
    return length + (input[at++] ?? 0);
  };
  for (;;) {
    if (literals > to - at || literals > outEnd - pos) return -1;
    for (; literals > 0; literals--) out[pos++] = input[at++]!;
    if (at >= to) return -1;
    const code = input[at++]!;
    let length: number;
    let distance: number;
    if (code < 16) {
      if (state === 0) {
        literals = 3 + (code === 0 ? extended(15) : code);
        state = 4;
        continue;
      }
      length = state === 4 ? 3 : 2;
      distance = (state === 4 ? 2049 : 1) + (code >> 2) + ((input[at++] ?? 0) << 2);
      state = code & 3;
    } else if (code < 64) {
      const far = code < 32;
      const mask = far ? 7 : 31;
      length = 2 + ((code & mask) === 0 ? extended(mask) : code & mask);
      const low = input[at]! | (input[at + 1]! << 8);
      at += 2;
      state = low & 3;
      distance = far ? 16384 + ((code & 8) << 11) + (low >> 2) : 1 + (low >> 2);
      if (far && distance === 16384) return at === to && length === 3 ? pos : -1;
    } else {
      length = code < 128 ? 3 + ((code >> 5) & 1) : 5 + ((code >> 5) & 3);
      distance = 1 + ((code >> 2) & 7) + ((input[at++] ?? 0) << 3);
      state = code & 3;
    }
    if (at > to || distance > pos - start || length > outEnd - pos) return -1;
    for (const end = pos + length; pos < end; pos++) out[pos] = out[pos - distance]!;
    literals = state;
  }
}
