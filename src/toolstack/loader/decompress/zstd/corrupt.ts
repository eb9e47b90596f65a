import { DecompressError } from '../decompress-error.ts';

/** What is wrong with zstd data. */
export const corrupt = (details: string): DecompressError => new DecompressError('zstd', details);

/** Number of the highest bit that is set; `value` > 0. */
export const highBit = (value: number): number => 31 - Math.clz32(value);
