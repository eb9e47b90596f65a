/**
 * Scalar doubles inline, where the host's result and x86's are provably the same, flags included: operands neither denormal nor
 * NaN nor infinite, a result that is normal (or an exact zero), rounding to nearest, and no exception but the precision
 * exception possible, which is masked and either noted already or shown not to happen. Everything else calls the helper.
 */
import * as V from '../../../machine/helpers/vec.ts';
import { MXCSR } from '../../../machine/layout.ts';
import * as W from './code.ts';
import { callFloating } from './helper-call.ts';
import type { RegionEmitter } from './region-emitter.ts';
import { F64X2_EXTRACT, F64X2_REPLACE, simdLane } from './simd.ts';
import { vectorAt } from './vector-locals.ts';

/** Emits helper call k inline; false: this form has to call. */
export type EmitInline = (e: RegionEmitter, k: number) => boolean;

const CTX = 0;
const KIND_SD = 1;
/** MXCSR: rounding control and precision mask and flag; wanted: to nearest, masked, noted. */
const ROUNDING_AND_PRECISION = 0x7020;
const NEAREST_NOTED = 0x1020;
const NEAREST = 0x1000;
const ROUNDING_AND_MASK = 0x7000;

const f64 = (e: RegionEmitter, name: string): number => e.scratchLocal(name, W.F64);

const loadDouble = (e: RegionEmitter, vector: number, to: number): void => {
  e.code.get(e.vectors.get(vector));
  simdLane(e, F64X2_EXTRACT, 0);
  e.code.set(to);
};

/** Emits an IF by the condition pushed: the new lower half of d is that of a with the double in `result`, or what the helper makes. */
const choose = (e: RegionEmitter, k: number, pushResult: () => void): void => {
  const { code, block } = e;
  const [d, a] = [block.d[k] as number, block.a[k] as number];
  e.openHinted(true, W.V128);
  code.get(e.vectors.get(a));
  pushResult();
  simdLane(e, F64X2_REPLACE, 0);
  code.byte(W.ELSE);
  callFloating(e, k);
  code.get(CTX);
  code.accessV(W.V128_LOAD, W.STATE, vectorAt(d));
  e.close();
  e.vectors.set(d);
};

/** Pushes the bits of a double without its sign, shifted up by one. */
const pushMagnitude = (e: RegionEmitter, local: number): void => {
  e.code.get(local);
  e.code.byte(W.I64_REINTERPRET_F64);
  e.code.i64(1);
  e.code.byte(W.I64_SHL);
};

/** Pushes whether the double is no denormal: 0, normal, infinite or NaN. */
const pushNotDenormal = (e: RegionEmitter, local: number): void => {
  pushMagnitude(e, local);
  e.code.i64(1);
  e.code.byte(W.I64_SUB);
  e.code.i64(-1, 0x1fffff);
  e.code.byte(W.I64_GE_U);
};

/** Pushes whether the double is normal, and not the smallest of these (which rounding up may have made). */
const pushNormal = (e: RegionEmitter, local: number): void => {
  pushMagnitude(e, local);
  e.code.i64(0, 0x400000);
  e.code.byte(W.I64_SUB);
  e.code.i64(0, 0xffe00000 - 0x400000);
  e.code.byte(W.I64_LT_U);
};

const pushMode = (e: RegionEmitter, mask: number, wanted: number): void => {
  e.code.get(CTX);
  e.code.access(W.I32_LOAD, W.STATE, MXCSR * 8);
  e.code.i32(mask);
  e.code.byte(W.I32_AND);
  e.code.i32(wanted);
  e.code.byte(W.I32_EQ);
};

/** Pushes whether r = x + y (or x - y) is exact. @see Knuth, TAOCP 2, 4.2.2, theorem B */
const pushExactSum = (e: RegionEmitter, x: number, y: number, r: number, subtract: boolean): void => {
  const { code } = e;
  const part = f64(e, 'part');
  // part = r - x; exact iff x == r - part and y (or -y) == part
  code.get(r);
  code.get(x);
  code.byte(W.F64_SUB);
  code.set(part);
  code.get(r);
  code.get(part);
  code.byte(W.F64_SUB);
  code.get(x);
  code.byte(W.F64_EQ);
  code.get(y);
  code.get(part);
  if (subtract) {
    code.byte(W.F64_ADD);
    code.byte(W.F64_CONST);
    for (let byte = 0; byte < 8; byte++) code.byte(0);
  }
  code.byte(W.F64_EQ);
  code.byte(W.I32_AND);
};

/** Pushes whether the significands are so short that their product fits. */
const pushExactProduct = (e: RegionEmitter, x: number, y: number): void => {
  const { code } = e;
  for (const local of [x, y]) {
    code.get(local);
    code.byte(W.I64_REINTERPRET_F64);
    code.i64(0, 0x100000);
    code.byte(W.I64_OR);
    code.byte(W.I64_CTZ);
  }
  code.byte(W.I64_ADD);
  code.i64(53);
  code.byte(W.I64_GE_U);
};

const arithmetic =
  (op: number): EmitInline =>
  (e, k) => {
    const { code, block } = e;
    const [x, y, r] = [f64(e, 'x'), f64(e, 'y'), f64(e, 'r')];
    loadDouble(e, block.a[k] as number, x);
    loadDouble(e, block.b[k] as number, y);
    code.get(x);
    code.get(y);
    code.byte(op);
    code.set(r);
    pushNormal(e, r);
    if (op === W.F64_ADD || op === W.F64_SUB) {
      // a zero sum is exact
      pushMagnitude(e, r);
      code.byte(W.I64_EQZ);
      code.byte(W.I32_OR);
    }
    pushNotDenormal(e, x);
    code.byte(W.I32_AND);
    pushNotDenormal(e, y);
    code.byte(W.I32_AND);
    if (op === W.F64_DIV) {
      pushMode(e, ROUNDING_AND_PRECISION, NEAREST_NOTED);
      code.byte(W.I32_AND);
    } else {
      e.open(W.IF, W.I32);
      pushMode(e, ROUNDING_AND_PRECISION, NEAREST_NOTED);
      e.open(W.IF, W.I32);
      code.i32(1);
      code.byte(W.ELSE);
      if (op === W.F64_MUL) pushExactProduct(e, x, y);
      else pushExactSum(e, x, y, r, op === W.F64_SUB);
      pushMode(e, ROUNDING_AND_MASK, NEAREST);
      code.byte(W.I32_AND);
      e.close();
      code.byte(W.ELSE);
      code.i32(0);
      e.close();
    }
    choose(e, k, () => code.get(r));
    return true;
  };

/** Square root of b into the low lane of d = a. */
const squareRoot: EmitInline = (e, k) => {
  const { code, block } = e;
  e.vectors.get(block.a[k] as number);
  const [y, r] = [f64(e, 'y'), f64(e, 'r')];
  loadDouble(e, block.b[k] as number, y);
  code.get(y);
  code.byte(W.F64_SQRT);
  code.set(r);
  // NaN for negative ones
  pushNormal(e, r);
  pushNotDenormal(e, y);
  code.byte(W.I32_AND);
  pushMode(e, ROUNDING_AND_PRECISION, NEAREST_NOTED);
  code.byte(W.I32_AND);
  choose(e, k, () => code.get(r));
  return true;
};

/** Slot d = flags of the comparison: ZF equal, CF below. */
const compare: EmitInline = (e, k) => {
  const { code, block } = e;
  const d = block.d[k] as number;
  const [x, y] = [f64(e, 'x'), f64(e, 'y')];
  loadDouble(e, block.a[k] as number, x);
  loadDouble(e, block.b[k] as number, y);
  pushNotDenormal(e, x);
  pushNotDenormal(e, y);
  code.byte(W.I32_AND);
  for (const local of [x, y]) {
    code.get(local);
    code.get(local);
    code.byte(W.F64_EQ);
    code.byte(W.I32_AND);
  }
  e.openHinted(true);
  e.begin(d);
  code.get(x);
  code.get(y);
  code.byte(W.F64_EQ);
  code.i32(6);
  code.byte(W.I32_SHL);
  code.get(x);
  code.get(y);
  code.byte(W.F64_LT);
  code.byte(W.I32_OR);
  code.byte(W.I64_EXTEND_I32_U);
  e.finish(d);
  code.byte(W.ELSE);
  callFloating(e, k);
  e.close();
  return true;
};

/** From a 32-bit integer: always exact. */
const fromInteger: EmitInline = (e, k) => {
  const { code, block } = e;
  if (block.c[k] !== 4) return false;
  code.get(e.vectors.get(block.a[k] as number));
  e.read(block.b[k] as number);
  code.byte(W.I32_WRAP);
  code.byte(W.F64_CONVERT_I32_S);
  simdLane(e, F64X2_REPLACE, 0);
  e.vectors.set(block.d[k] as number);
  return true;
};

/** To an integer by truncation: anything in range, once the precision exception is noted. */
const truncate: EmitInline = (e, k) => {
  const { code, block } = e;
  const d = block.d[k] as number;
  const wide = block.c[k] === 8;
  const y = f64(e, 'y');
  loadDouble(e, block.b[k] as number, y);
  code.get(y);
  code.byte(W.F64_ABS);
  code.byte(W.F64_CONST);
  // 2^63 or 2^31
  for (const byte of [0, 0, 0, 0, 0, 0, 0xe0, wide ? 0x43 : 0x41]) code.byte(byte);
  code.byte(W.F64_LT);
  pushMode(e, NEAREST_NOTED, NEAREST_NOTED);
  code.byte(W.I32_AND);
  e.openHinted(true);
  e.begin(d);
  code.get(y);
  code.byte(W.SATURATING);
  code.byte(W.I64_TRUNC_SAT_F64_S);
  if (!wide) {
    code.i64(-1, 0);
    code.byte(W.I64_AND);
  }
  e.finish(d);
  code.byte(W.ELSE);
  callFloating(e, k);
  e.close();
  return true;
};

export const emitFloat: Readonly<Record<number, EmitInline>> = {
  [V.V_ADD + KIND_SD]: arithmetic(W.F64_ADD),
  [V.V_SUB + KIND_SD]: arithmetic(W.F64_SUB),
  [V.V_MUL + KIND_SD]: arithmetic(W.F64_MUL),
  [V.V_DIV + KIND_SD]: arithmetic(W.F64_DIV),
  [V.V_SQRT + KIND_SD]: squareRoot,
  [V.V_COMI + KIND_SD]: compare,
  [V.V_UCOMI + KIND_SD]: compare,
  [V.V_CVTSI2SD]: fromInteger,
  [V.V_CVTTSD2SI]: truncate,
};
