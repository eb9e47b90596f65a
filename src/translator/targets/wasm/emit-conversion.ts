/** Conversions between integers, singles and doubles, and roundings to an integer, inline where that is x86's result. @see emit-float.ts */
import * as V from '../../../machine/helpers/vec.ts';
import * as W from './code.ts';
import { attempt, type EmitInline, pushAllOf, resultLocals, setResult, sourcesOf } from './emit-float.ts';
import * as F from './float-format.ts';
import { callFloating } from './helper-call.ts';
import type { RegionEmitter } from './region-emitter.ts';
import { AND, bytesOf, OR, pushZero, shuffle, simd, simdLane } from './simd.ts';

type Push = () => void;

const F64X2_PROMOTE_LOW = 95;
const F32X4_DEMOTE_ZERO = 94;
const F32X4_CONVERT = 250;
/** The upper ones: one more. */
const I32X4_EXTEND_LOW_U = 169;
const F64X2_CONVERT_LOW = 254;
const I32X4_TRUNC_F32X4 = 248;
const I32X4_TRUNC_F64X2_ZERO = 252;
const F32X4_NEAREST = 106;
const F64X2_NEAREST = 148;
/** 2^-126 and the largest single as doubles; the numbers below 2^31, as singles and (2^31 - 1) as doubles. */
const SMALLEST_SINGLE = 0x3810000000000000n;
const LARGEST_SINGLE = 0x47efffffe0000000n;
const BELOW_2_31 = 0x4effffffn;
const LARGEST_INTEGER = 0x41dfffffffc00000n;

/** A half of the second source, twice: its two lower or two upper doublewords. */
const pushPart = (e: RegionEmitter, source: Push, upper: number): void => {
  source();
  source();
  shuffle(e, bytesOf(8, [upper, upper]));
};

/** Joins the low halves of two vectors. */
const joinLow = (e: RegionEmitter): void => shuffle(e, bytesOf(8, [0, 2]));

const widenSingles: EmitInline = (e, k) => {
  const { code } = e;
  const { y, halves } = sourcesOf(e, k);
  const results = resultLocals(e);
  const part =
    (upper: number): Push =>
    () =>
      pushPart(e, y(0), upper);
  for (let upper = 0; upper < halves; upper++) {
    part(upper)();
    simd(e, F64X2_PROMOTE_LOW);
    code.set(results[upper] as number);
  }
  attempt(e, k, (take) => {
    pushAllOf(
      e,
      F.SINGLE,
      4,
      halves,
      (upper) => F.pushNotDenormal(e, F.SINGLE, part(upper)),
      (upper) => F.pushNotNan(e, F.SINGLE, part(upper)),
    );
    take();
  });
};

/** Halves to singles: their exponents are put right by a multiplication, which does so with those of denormals, too. Neither infinite nor NaN. */
const widenHalves: EmitInline = (e, k) => {
  const { code } = e;
  const { y, halves } = sourcesOf(e, k);
  const results = resultLocals(e);
  const bits = e.scratchLocal('bits', W.V128);
  const masked =
    (push: Push, mask: bigint): Push =>
    () => {
      push();
      F.pushAll(e, F.SINGLE, mask);
      simd(e, AND);
    };
  const part =
    (upper: number): Push =>
    () => {
      y(0)();
      simd(e, I32X4_EXTEND_LOW_U + upper);
    };
  const moved = (mask: bigint, by: number): void => {
    masked(() => code.get(bits), mask)();
    code.i32(by);
    simd(e, F.SINGLE.shiftLeft);
  };
  for (let upper = 0; upper < halves; upper++) {
    part(upper)();
    code.set(bits);
    moved(0x7fffn, 13);
    F.pushAll(e, F.SINGLE, 0x77800000n);
    simd(e, F.SINGLE.add + F.OP_MUL);
    moved(0x8000n, 16);
    simd(e, OR);
    code.set(results[upper] as number);
  }
  attempt(e, k, (take) => {
    pushAllOf(e, F.SINGLE, 4, halves, (upper) => {
      F.pushAll(e, F.SINGLE, 0x7c00n);
      masked(part(upper), 0x7fffn)();
      simd(e, F.SINGLE.integerGreater);
    });
    take();
  });
};

/** Doubles in the range of singles, or zeros. */
const pushNarrows = (e: RegionEmitter, push: Push): void => {
  push();
  simd(e, F.DOUBLE.abs);
  F.pushAll(e, F.DOUBLE, SMALLEST_SINGLE);
  simd(e, F.DOUBLE.greaterOrEqual);
  push();
  pushZero(e);
  simd(e, F.DOUBLE.equal);
  simd(e, 80);
  F.pushFinite(e, F.DOUBLE, push, LARGEST_SINGLE);
  simd(e, 78);
};

/** Two or four doubles made narrower by `op`, into the lower half; zeros above. */
const narrowDoubles = (e: RegionEmitter, k: number, op: (push: Push) => void, good: (push: Push) => void, pushMode: Push): void => {
  const { code } = e;
  const { y, halves } = sourcesOf(e, k);
  const [low, high] = resultLocals(e);
  op(y(0));
  if (halves === 2) {
    op(y(1));
    joinLow(e);
  }
  code.set(low);
  pushZero(e);
  code.set(high);
  attempt(e, k, (take, unless) => {
    pushAllOf(e, F.DOUBLE, 2, halves, (upper) => good(y(upper)));
    unless();
    pushMode();
    take();
  });
};

const narrowToSingles: EmitInline = (e, k) => {
  const op = (push: Push): void => {
    push();
    simd(e, F32X4_DEMOTE_ZERO);
  };
  narrowDoubles(
    e,
    k,
    op,
    (push) => pushNarrows(e, push),
    () => F.pushMode(e),
  );
};

const narrowToIntegers =
  (truncates: boolean): EmitInline =>
  (e, k) => {
    const op = (push: Push): void => {
      push();
      if (!truncates) simd(e, F64X2_NEAREST);
      simd(e, I32X4_TRUNC_F64X2_ZERO);
    };
    narrowDoubles(
      e,
      k,
      op,
      (push) => F.pushFinite(e, F.DOUBLE, push, LARGEST_INTEGER),
      () => (truncates ? F.pushModeOfTruncation(e) : F.pushMode(e)),
    );
  };

const singlesToIntegers =
  (truncates: boolean): EmitInline =>
  (e, k) => {
    const { code } = e;
    const { y, halves } = sourcesOf(e, k);
    const results = resultLocals(e);
    for (let upper = 0; upper < halves; upper++) {
      y(upper)();
      if (!truncates) simd(e, F32X4_NEAREST);
      simd(e, I32X4_TRUNC_F32X4);
      code.set(results[upper] as number);
    }
    attempt(e, k, (take, unless) => {
      pushAllOf(e, F.SINGLE, 4, halves, (upper) => F.pushFinite(e, F.SINGLE, y(upper), BELOW_2_31));
      unless();
      if (truncates) F.pushModeOfTruncation(e);
      else F.pushMode(e);
      take();
    });
  };

const integersToSingles: EmitInline = (e, k) => {
  const { y, halves } = sourcesOf(e, k);
  const results = resultLocals(e);
  for (let upper = 0; upper < halves; upper++) {
    y(upper)();
    simd(e, F32X4_CONVERT);
    e.code.set(results[upper] as number);
  }
  attempt(e, k, (take) => {
    F.pushMode(e);
    take();
  });
};

/** Always exact. */
const integersToDoubles: EmitInline = (e, k) => {
  const { y, halves } = sourcesOf(e, k);
  const results = resultLocals(e);
  for (let upper = 0; upper < halves; upper++) {
    pushPart(e, y(0), upper);
    simd(e, F64X2_CONVERT_LOW);
    e.code.set(results[upper] as number);
  }
  setResult(e, k);
};

// ---- scalars ----------------------------------------------------------------------------------------------------------

/** Pushes a with the scalar that `push` leaves in its lowest lane. */
const intoLowest = (e: RegionEmitter, f: F.Format, a: Push, push: Push): void => {
  a();
  push();
  simdLane(e, f.replace, 0);
};

const widenSingle: EmitInline = (e, k) => {
  const { code } = e;
  const { x, y } = sourcesOf(e, k);
  intoLowest(e, F.DOUBLE, x(0), () => {
    y(0)();
    simdLane(e, F.SINGLE.extract, 0);
    code.byte(W.F64_PROMOTE);
  });
  code.set(resultLocals(e)[0]);
  attempt(e, k, (take) => {
    pushAllOf(
      e,
      F.SINGLE,
      1,
      1,
      () => F.pushNotDenormal(e, F.SINGLE, y(0)),
      () => F.pushNotNan(e, F.SINGLE, y(0)),
    );
    take();
  });
};

const narrowDouble: EmitInline = (e, k) => {
  const { code } = e;
  const { x, y } = sourcesOf(e, k);
  intoLowest(e, F.SINGLE, x(0), () => {
    y(0)();
    simdLane(e, F.DOUBLE.extract, 0);
    code.byte(W.F32_DEMOTE);
  });
  code.set(resultLocals(e)[0]);
  attempt(e, k, (take, unless) => {
    pushAllOf(e, F.DOUBLE, 1, 1, () => pushNarrows(e, y(0)));
    unless();
    F.pushMode(e);
    take();
  });
};

/** Slot b, of c bytes, into the lowest lane. */
const fromInteger =
  (kind: number): EmitInline =>
  (e, k) => {
    const { code, block, vectors } = e;
    const f = F.formatOf(kind);
    const wide = block.c[k] === 8;
    const a = vectors.get(block.a[k] as number);
    const value = e.scratchLocal('integer', W.I64);
    e.read(block.b[k] as number);
    code.set(value);
    intoLowest(
      e,
      f,
      () => code.get(a),
      () => {
        code.get(value);
        if (!wide) code.byte(W.I32_WRAP);
        code.byte(f.double ? (wide ? W.F64_CONVERT_I64_S : W.F64_CONVERT_I32_S) : wide ? W.F32_CONVERT_I64_S : W.F32_CONVERT_I32_S);
      },
    );
    code.set(resultLocals(e)[0]);
    if (f.double && !wide) return setResult(e, k);
    attempt(e, k, (take) => {
      F.pushMode(e);
      take();
      // exact if the significand holds it
      const bits = f.double ? 53 : 24;
      code.get(value);
      if (!wide) {
        code.byte(W.I32_WRAP);
        code.byte(W.I64_EXTEND_I32_S);
      }
      code.i64(bits > 31 ? 0 : 1 << bits, bits > 31 ? 1 << (bits - 32) : 0);
      code.byte(W.I64_ADD);
      code.i64(bits > 30 ? 0 : 2 << bits, bits > 30 ? 1 << (bits - 31) : 0);
      code.byte(W.I64_LE_U);
      F.pushModeOfExact(e);
      code.byte(W.I32_AND);
      take();
    });
  };

/** Slot d = the lowest lane of b as an integer of c bytes: anything in range, if the precision exception is noted or not met. */
const toInteger =
  (kind: number, truncates: boolean): EmitInline =>
  (e, k) => {
    const { code, block } = e;
    const f = F.formatOf(kind);
    const [d, wide] = [block.d[k] as number, block.c[k] === 8];
    const { y } = sourcesOf(e, k);
    const value = e.scratchLocal(f.double ? 'r' : 'r32', f.type);
    y(0)();
    simdLane(e, f.extract, 0);
    if (!truncates) code.byte(f.double ? W.F64_NEAREST : W.F32_NEAREST);
    code.set(value);
    code.get(value);
    code.byte(f.double ? W.F64_ABS : W.F32_ABS);
    // 2^63 or 2^31
    code.byte(f.double ? W.F64_CONST : W.F32_CONST);
    for (const byte of f.double ? [0, 0, 0, 0, 0, 0, 0xe0, wide ? 0x43 : 0x41] : [0, 0, 0, wide ? 0x5f : 0x4f]) code.byte(byte);
    code.byte(f.scalarLess);
    if (truncates) F.pushModeOfTruncation(e);
    else F.pushMode(e);
    code.byte(W.I32_AND);
    e.openHinted(true);
    e.begin(d);
    code.get(value);
    code.byte(W.SATURATING);
    code.byte(f.double ? W.I64_TRUNC_SAT_F64_S : W.I64_TRUNC_SAT_F32_S);
    if (!wide) {
      code.i64(-1, 0);
      code.byte(W.I64_AND);
    }
    e.finish(d);
    code.byte(W.ELSE);
    callFloating(e, k);
    e.close();
  };

// ---- ROUNDxx ----------------------------------------------------------------------------------------------------------

/** Nearest, floor, ceiling, truncation of vectors. */
const ROUNDINGS = { double: [F64X2_NEAREST, 117, 116, 122], single: [F32X4_NEAREST, 104, 103, 105] };
const BY_MXCSR = 4;
const SUPPRESSED = 8;

const round =
  (kind: number): EmitInline =>
  (e, k) => {
    const { code } = e;
    const f = F.formatOf(kind);
    const { x, y, halves, immediate } = sourcesOf(e, k);
    const results = resultLocals(e);
    const isScalar = kind < 2;
    const byMxcsr = (immediate & BY_MXCSR) !== 0;
    for (let upper = 0; upper < halves; upper++) {
      if (isScalar) x(0)();
      y(upper)();
      simd(e, ROUNDINGS[f.double ? 'double' : 'single'][byMxcsr ? 0 : immediate & 3] as number);
      if (isScalar) {
        const size = 16 / f.lanes;
        shuffle(
          e,
          Array.from({ length: 16 }, (_, at) => (at < size ? at + 16 : at)),
        );
      }
      code.set(results[upper] as number);
    }
    attempt(e, k, (take, unless) => {
      pushAllOf(
        e,
        f,
        isScalar ? 1 : f.lanes,
        halves,
        (upper) => F.pushNotDenormal(e, f, y(upper)),
        (upper) => F.pushNotNan(e, f, y(upper)),
      );
      if ((immediate & SUPPRESSED) === 0) {
        unless();
        if (byMxcsr) F.pushMode(e);
        else F.pushModeOfTruncation(e);
      } else if (byMxcsr) {
        unless();
        F.pushNearest(e);
      }
      take();
    });
  };

/** By helper number, without V_VEX128 and V_VEX256. */
export const emitConversion: Readonly<Record<number, EmitInline>> = {
  [V.V_CVTPS2PD]: widenSingles,
  [V.V_CVTPH2PS]: widenHalves,
  [V.V_CVTPD2PS]: narrowToSingles,
  [V.V_CVTSS2SD]: widenSingle,
  [V.V_CVTSD2SS]: narrowDouble,
  [V.V_CVTDQ2PS]: integersToSingles,
  [V.V_CVTDQ2PD]: integersToDoubles,
  [V.V_CVTPS2DQ]: singlesToIntegers(false),
  [V.V_CVTTPS2DQ]: singlesToIntegers(true),
  [V.V_CVTPD2DQ]: narrowToIntegers(false),
  [V.V_CVTTPD2DQ]: narrowToIntegers(true),
  [V.V_CVTSI2SS]: fromInteger(0),
  [V.V_CVTSI2SD]: fromInteger(1),
  [V.V_CVTSS2SI]: toInteger(0, false),
  [V.V_CVTSD2SI]: toInteger(1, false),
  [V.V_CVTTSS2SI]: toInteger(0, true),
  [V.V_CVTTSD2SI]: toInteger(1, true),
  ...Object.fromEntries([0, 1, 2, 3].map((kind) => [V.V_ROUND + kind, round(kind)])),
};
