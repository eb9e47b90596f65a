import { DecompressError } from './decompress-error.ts';
import { LONGEST_MATCH, LzmaDecoder } from './lzma-decoder.ts';
import { OutputBuffer } from './output-buffer.ts';

/** Bytes of output between looks at the limit and at the end of the input. */
const STEP = 1 << 20;

/**
 * Decode a .lzma ("LZMA alone") file of at most `limit` bytes of output. Bytes behind the end are ignored.
 * @see lzma-file-format.txt of XZ Utils: properties, dictionary size (u32), uncompressed size (u64, all ones = end marker)
 */
export function decompressLzmaAlone(input: Uint8Array, limit: number): Uint8Array {
  if (input.length < 18) throw new DecompressError('lzma', `it has ${input.length} bytes, fewer than its header needs`);
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const low = view.getUint32(5, true);
  const high = view.getUint32(9, true);
  const known = low !== 0xffffffff || high !== 0xffffffff;
  const size = high * 0x1_0000_0000 + low;
  const decoder = new LzmaDecoder();
  if (!decoder.setProperties(input[0]!)) throw new DecompressError('lzma', `its properties byte is 0x${input[0]!.toString(16)}`);
  decoder.resetState();
  if (!decoder.startRange(input, 13)) throw new DecompressError('lzma', 'its range coder does not start with a zero byte');
  if (known && size > limit) throw new DecompressError('lzma', `it claims ${size} bytes, past the limit of ${limit} bytes`);
  const out = new OutputBuffer('lzma', limit);
  while (!known || out.length < size) {
    const left = (known ? size : limit + 1) - out.length;
    const target = out.length + Math.min(left, STEP);
    const bytes = out.reserve(Math.min(target, limit) - out.length, LONGEST_MATCH + 1);
    const { stop, length } = decoder.run(input, bytes, out.length, target, 0);
    if (decoder.position > input.length) throw new DecompressError('lzma', `it ends after ${input.length} bytes, in the middle of the data`);
    if (stop === 'corrupt') throw new DecompressError('lzma', `a distance at output offset ${length} points before the start`);
    if (length > limit) throw new DecompressError('lzma', `it expands past the limit of ${limit} bytes`);
    if (known && length > size) throw new DecompressError('lzma', `it expands past the ${size} bytes that its header claims`);
    out.length = length;
    if (stop === 'end-marker') {
      if (known && length !== size) throw new DecompressError('lzma', `it ends after ${length} of ${size} bytes`);
      break;
    }
  }
  return out.view();
}
