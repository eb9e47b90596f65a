import { decompressBzip2, isBzip2 } from './bzip2.ts';
import { type Codec, DecompressError } from './decompress-error.ts';
import { decompressGzip } from './gzip.ts';
import { decompressLz4Legacy, LZ4_LEGACY_MAGIC } from './lz4-legacy.ts';
import { decompressLzmaAlone } from './lzma-alone.ts';
import { decompressLzop, isLzop } from './lzo.ts';
import { decompressXz, type Enough, isXz } from './xz.ts';
import { decompressZstd, ZSTD_MAGIC } from './zstd.ts';

/** What the caller knows beyond the bytes. */
export interface DecompressOptions {
  /** Size of the output in bytes, where a container says it; only a help to speed. */
  readonly expected?: number | undefined;
  /** Ends decoding early; only the xz decoder looks at it. */
  readonly enough?: Enough | undefined;
}

const decoders: Readonly<Record<Codec, (input: Uint8Array, limit: number, options: DecompressOptions) => Uint8Array>> = {
  gzip: decompressGzip,
  bzip2: decompressBzip2,
  lzma: decompressLzmaAlone,
  xz: (input, limit, options) => decompressXz(input, limit, options.enough),
  lzo: decompressLzop,
  lz4: (input, limit, options) => decompressLz4Legacy(input, limit, options.expected),
  zstd: (input, limit, options) => decompressZstd(input, limit, options.expected),
};

/** Which compression `bytes` start with, or undefined. */
export function detectCodec(bytes: Uint8Array): Codec | undefined {
  if (bytes.length < 6) return undefined;
  const word = (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip';
  if (isBzip2(bytes)) return 'bzip2';
  if (isXz(bytes)) return 'xz';
  if (isLzop(bytes)) return 'lzo';
  if (word === LZ4_LEGACY_MAGIC) return 'lz4';
  if (word === ZSTD_MAGIC) return 'zstd';
  // .lzma has no magic: lc=3 lp=0 pb=2 and a dictionary size of whole 64 KiB is what every writer makes.
  if (bytes[0] === 0x5d && bytes[1] === 0 && bytes[2] === 0 && bytes.length > 13 && (bytes[12] === 0xff || bytes[12] === 0)) return 'lzma';
  return undefined;
}

/**
 * Decompress `bytes`, whatever compression they start with, to at most `limit` bytes.
 * Throws `DecompressError` and nothing else.
 */
export function decompress(bytes: Uint8Array, limit: number, options: DecompressOptions = {}): Uint8Array {
  const codec = detectCodec(bytes);
  if (codec === undefined) throw new DecompressError('gzip', 'it starts with no signature of a known compression');
  return decompressAs(codec, bytes, limit, options);
}

/** Decompress `bytes`, which are of compression `codec`, to at most `limit` bytes. Throws `DecompressError` and nothing else. */
export function decompressAs(codec: Codec, bytes: Uint8Array, limit: number, options: DecompressOptions = {}): Uint8Array {
  try {
    return decoders[codec](bytes, limit, options);
  } catch (cause) {
    if (cause instanceof DecompressError) throw cause;
    // A RangeError of an allocation that the host refuses: the data asked for it.
    throw new DecompressError(codec, `decoding failed: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}
