import { crc32 } from './crc32.ts';
import { DecompressError } from './decompress-error.ts';
import { inflate } from './inflate.ts';
import { OutputBuffer } from './output-buffer.ts';

const fail = (details: string): DecompressError => new DecompressError('gzip', details);
const FLAG_HCRC = 0x02;
const FLAG_EXTRA = 0x04;
const FLAG_NAME = 0x08;
const FLAG_COMMENT = 0x10;

/**
 * Decode a gzip file (its first member) of at most `limit` bytes of output. CRC32 and size are verified; bytes behind
 * the member are ignored. @see RFC 1952
 */
export function decompressGzip(input: Uint8Array, limit: number): Uint8Array {
  const out = new OutputBuffer('gzip', limit, input.length * 3);
  const end = inflate(input, headerEnd(input), out);
  if (end + 8 > input.length) throw fail('it ends before its checksum');
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (view.getUint32(end, true) !== crc32(out.bytes, 0, out.length)) throw fail('its checksum is wrong');
  if (view.getUint32(end + 4, true) !== out.length % 0x1_0000_0000) throw fail('its size is wrong');
  return out.view();
}

function headerEnd(input: Uint8Array): number {
  if (input[0] !== 0x1f || input[1] !== 0x8b) throw fail('it does not start with the gzip signature');
  if (input.length < 18) throw fail(`it has ${input.length} bytes, fewer than header and trailer need`);
  if (input[2] !== 8) throw fail(`its method is ${input[2]}, known is 8 (deflate)`);
  const flags = input[3]!;
  let at = 10;
  if ((flags & FLAG_EXTRA) !== 0) at += 2 + (input[at]! | (input[at + 1]! << 8));
  for (const flag of [FLAG_NAME, FLAG_COMMENT]) {
    if ((flags & flag) === 0) continue;
    const end = input.indexOf(0, at);
    if (end < 0) throw fail('its header does not end');
    at = end + 1;
  }
  if ((flags & FLAG_HCRC) !== 0) at += 2;
  if (at + 8 >= input.length) throw fail(`it ends after ${input.length} bytes, in the middle of its header`);
  return at;
}
