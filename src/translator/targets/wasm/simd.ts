/** WebAssembly's vector instructions by number, as they are used here, and how they are written. @see WebAssembly Core Specification, 5.4.8 */
import { SIMD, V128_CONST } from './code.ts';
import type { RegionEmitter } from './region-emitter.ts';

export const LOAD32_ZERO = 92;
export const LOAD64_ZERO = 93;
const SHUFFLE = 13;
export const SWIZZLE = 14;
export const I8X16_REPLACE = 23;
export const I16X8_REPLACE = 26;
export const I32X4_REPLACE = 28;
export const I64X2_EXTRACT = 29;
export const I64X2_REPLACE = 30;
export const AND = 78;
/** x & ~y */
export const ANDNOT = 79;
export const OR = 80;
export const XOR = 81;
export const BITSELECT = 82;
export const ANY_TRUE = 83;

/** A vector instruction without immediates. */
export const simd = (e: RegionEmitter, op: number): void => {
  e.code.byte(SIMD);
  e.code.u32(op);
};

/** One with a lane. */
export const simdLane = (e: RegionEmitter, op: number, lane: number): void => {
  simd(e, op);
  e.code.byte(lane);
};

/** Picks bytes: 0-15 of the vector below, 16-31 of the one on top. */
export const shuffle = (e: RegionEmitter, bytes: readonly number[]): void => {
  simd(e, SHUFFLE);
  for (const byte of bytes) e.code.byte(byte);
};

/** Bytes of elements of `size` bytes. */
export const bytesOf = (size: number, elements: readonly number[]): number[] =>
  elements.flatMap((element) => Array.from({ length: size }, (_, byte) => element * size + byte));

/** Pushes sixteen bytes. */
export const constant = (e: RegionEmitter, bytes: readonly number[]): void => {
  simd(e, V128_CONST);
  for (const byte of bytes) e.code.byte(byte);
};

/** Pushes the vector whose elements of `size` bytes are all `value` (32 bits, its sign extended). */
export const splat = (e: RegionEmitter, size: number, value: number): void =>
  constant(
    e,
    Array.from({ length: 16 }, (_, at) => {
      const byte = at % size;
      return byte < 4 ? (value >>> (8 * byte)) & 0xff : value < 0 ? 0xff : 0;
    }),
  );

export const pushZero = (e: RegionEmitter): void => splat(e, 4, 0);
