import { OperatorError } from '../../../base/operator-error.ts';

/** The compressions this room reads. */
export type Codec = 'gzip' | 'bzip2' | 'lzma' | 'xz' | 'lzo' | 'lz4' | 'zstd';

/** The only thing that the decoders of this room throw: compressed data that cannot be decoded, or grows past its limit. */
export class DecompressError extends OperatorError {
  override readonly name = 'DecompressError';
  readonly codec: Codec;

  constructor(codec: Codec, details: string, cause?: unknown) {
    super(`the ${codec} data cannot be decompressed`, {
      details,
      hint: 'The file is damaged, cut short or not what its first bytes say: fetch or build it again.',
      cause,
    });
    this.codec = codec;
  }
}

/** The output would grow past `limit` bytes. */
export function pastLimit(codec: Codec, limit: number): DecompressError {
  return new DecompressError(codec, `it expands past the limit of ${limit} bytes`);
}
