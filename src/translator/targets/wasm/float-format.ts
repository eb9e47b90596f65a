/** Singles and doubles in vectors: the instructions for each, and tests whether native arithmetic is certainly x86's. */
import { MXCSR } from '../../../machine/layout.ts';
import * as W from './code.ts';
import type { RegionEmitter } from './region-emitter.ts';
import { bytesOf, simd } from './simd.ts';

const CTX = 0;

/** Vector instructions of a format, as far as they are used; those of scalars stand beside. @see WebAssembly Core Specification, 5.4 */
export interface Format {
  readonly type: number;
  readonly double: boolean;
  /** Lanes of a half: as many bits in what `bitmask` makes. */
  readonly lanes: number;
  readonly extract: number;
  readonly replace: number;
  readonly splat: number;
  readonly shiftLeft: number;
  readonly integerAdd: number;
  readonly integerGreater: number;
  readonly bitmask: number;
  readonly abs: number;
  readonly equal: number;
  readonly notEqual: number;
  readonly less: number;
  readonly greater: number;
  readonly lessOrEqual: number;
  readonly greaterOrEqual: number;
  /** ADD, SUB, MUL, DIV, pseudo-minimum and -maximum, square root. */
  readonly add: number;
  readonly scalarAdd: number;
  readonly scalarEqual: number;
  readonly scalarLess: number;
  /** Lane 0 of two vectors as the first two lanes of one. */
  readonly pair: readonly number[];
  /** Doubled bit patterns plus `bias`, as signed integers, are greater than `denormals` unless the number is a denormal. */
  readonly bias: bigint;
  readonly denormals: bigint;
  /** Smallest normal and largest number. */
  readonly smallest: bigint;
  readonly largest: bigint;
}

/** Distances from `add` in Wasm's numbering, of vectors and of scalars. */
export const OP_ADD = 0;
export const OP_SUB = 1;
export const OP_MUL = 2;
export const OP_DIV = 3;
export const VECTOR_PMIN = 6;
export const VECTOR_PMAX = 7;
export const VECTOR_SQRT = -1;
export const SCALAR_SQRT = -1;

export const DOUBLE: Format = {
  type: W.F64,
  double: true,
  lanes: 2,
  extract: 33,
  replace: 34,
  splat: 20,
  shiftLeft: 203,
  integerAdd: 206,
  integerGreater: 217,
  bitmask: 196,
  abs: 236,
  equal: 71,
  notEqual: 72,
  less: 73,
  greater: 74,
  lessOrEqual: 75,
  greaterOrEqual: 76,
  add: 240,
  scalarAdd: W.F64_ADD,
  scalarEqual: W.F64_EQ,
  scalarLess: W.F64_LT,
  pair: bytesOf(8, [0, 2]),
  bias: 0x7fffffffffffffffn,
  denormals: 0x801ffffffffffffen,
  smallest: 0x0010000000000000n,
  largest: 0x7fefffffffffffffn,
};

export const SINGLE: Format = {
  type: W.F32,
  double: false,
  lanes: 4,
  extract: 31,
  replace: 32,
  splat: 19,
  shiftLeft: 171,
  integerAdd: 174,
  integerGreater: 59,
  bitmask: 164,
  abs: 224,
  equal: 65,
  notEqual: 66,
  less: 67,
  greater: 68,
  lessOrEqual: 69,
  greaterOrEqual: 70,
  add: 228,
  scalarAdd: W.F32_ADD,
  scalarEqual: W.F32_EQ,
  scalarLess: W.F32_LT,
  pair: bytesOf(4, [0, 4, 1, 5]),
  bias: 0x7fffffffn,
  denormals: 0x80fffffen,
  smallest: 0x00800000n,
  largest: 0x7f7fffffn,
};

/** The format of a helper's kind: 0 SS, 1 SD, 2 PS, 3 PD. */
export const formatOf = (kind: number): Format => ((kind & 1) !== 0 ? DOUBLE : SINGLE);

/** Pushes a vector whose elements are all `bits`. */
export const pushAll = (e: RegionEmitter, f: Format, bits: bigint): void => e.code.get(e.constantVector(f.double ? 8 : 4, bits));

/** Pushes a mask of the lanes that are no denormals: zeros, normal numbers, infinities, NaNs. */
export const pushNotDenormal = (e: RegionEmitter, f: Format, push: () => void): void => {
  push();
  e.code.i32(1);
  simd(e, f.shiftLeft);
  pushAll(e, f, f.bias);
  simd(e, f.integerAdd);
  pushAll(e, f, f.denormals);
  simd(e, f.integerGreater);
};

/** Pushes a mask of the lanes that are neither infinite nor NaN, nor above `largest`. */
export const pushFinite = (e: RegionEmitter, f: Format, push: () => void, largest: bigint = f.largest): void => {
  push();
  simd(e, f.abs);
  pushAll(e, f, largest);
  simd(e, f.lessOrEqual);
};

/** Pushes a mask of the lanes that are greater in size than `smallest`: than what rounding up may have made of a denormal. */
export const pushNotTiny = (e: RegionEmitter, f: Format, push: () => void, smallest: bigint = f.smallest): void => {
  push();
  simd(e, f.abs);
  pushAll(e, f, smallest);
  simd(e, f.greater);
};

export const pushNotNan = (e: RegionEmitter, f: Format, push: () => void): void => {
  push();
  push();
  simd(e, f.equal);
};

/** Turns the mask on the stack into whether its first `lanes` lanes are all set (i32). */
export const allSet = (e: RegionEmitter, f: Format, lanes: number): void => {
  const all = (1 << lanes) - 1;
  simd(e, f.bitmask);
  if (lanes < f.lanes) {
    e.code.i32(all);
    e.code.byte(W.I32_AND);
  }
  e.code.i32(all);
  e.code.byte(W.I32_EQ);
};

/** MXCSR: everything but the flags other than precision, and DAZ; what is wanted of it: round to nearest, all masked, an inexact result noted. */
const MODE = 0xffa0;
const PLAIN = 0x1fa0;
/** The flag of the precision exception. */
const NOTED = 0x20;
/** The rounding control. */
const ROUNDING = 0x6000;

const pushBits = (e: RegionEmitter, mask: number, wanted: number): void => {
  e.code.get(CTX);
  e.code.access(W.I32_LOAD, W.STATE, MXCSR * 8);
  e.code.i32(mask);
  e.code.byte(W.I32_AND);
  e.code.i32(wanted);
  e.code.byte(W.I32_EQ);
};

/** Pushes (i32) whether rounding is to nearest and a result that is not exact changes nothing in MXCSR. */
export const pushMode = (e: RegionEmitter): void => pushBits(e, MODE, PLAIN);
/** The same for results that are exact. */
export const pushModeOfExact = (e: RegionEmitter): void => pushBits(e, MODE & ~NOTED, PLAIN & ~NOTED);
/** Whatever the rounding. */
export const pushModeOfTruncation = (e: RegionEmitter): void => pushBits(e, MODE & ~ROUNDING, PLAIN);
/** Rounding to nearest alone. */
export const pushNearest = (e: RegionEmitter): void => pushBits(e, ROUNDING, 0);
