/**
 * Floating point inline, where the host's result and x86's are provably the same, flags included: no operand is a denormal or NaN, the result is
 * normal (or of an operation that is then exact), rounding is to nearest, and no exception but the precision exception is possible, which
 * is masked and either noted already or shown not to happen. Everything else calls the helper.
 */
import * as V from '../../../machine/helpers/vec.ts';
import * as W from './code.ts';
import * as F from './float-format.ts';
import { callFloating } from './helper-call.ts';
import type { RegionEmitter } from './region-emitter.ts';
import { pushZero, shuffle, simd, simdLane } from './simd.ts';
import { vectorAt } from './vector-locals.ts';

/** Emits helper call k inline. */
export type EmitInline = (e: RegionEmitter, k: number) => void;

const CTX = 0;
type Push = () => void;

/** Vector operands of call k, half by half: what pushes a half, which is loaded now. Every half is asked for before the first branch. */
export interface Sources {
  readonly x: (upper: number) => Push;
  readonly y: (upper: number) => Push;
  /** 2 for 256 bits. */
  readonly halves: number;
  readonly immediate: number;
}

export const sourcesOf = (e: RegionEmitter, k: number): Sources => {
  const { block, code, vectors } = e;
  const number = (block.immLo[k] as number) & 0xffff;
  const halves = number >= V.V_VEX256 ? 2 : 1;
  const read =
    (vector: number) =>
    (upper: number): Push => {
      const local = vectors.get(vector, upper);
      return () => code.get(local);
    };
  return { x: read(block.a[k] as number), y: read(block.b[k] as number), halves, immediate: (block.immLo[k] as number) >>> 16 };
};

/** Locals for the halves of a result. */
export const resultLocals = (e: RegionEmitter): readonly [number, number] => [e.scratchLocal('low', W.V128), e.scratchLocal('high', W.V128)];

/** Vector d = what is in the locals of the result; VEX forms of 128 bits zero the upper half. */
export const setResult = (e: RegionEmitter, k: number): void => {
  const { block, code, vectors } = e;
  const d = block.d[k] as number;
  const number = (block.immLo[k] as number) & 0xffff;
  const [low, high] = resultLocals(e);
  code.get(low);
  vectors.set(d);
  if (number < V.V_VEX128) return;
  if (number >= V.V_VEX256) code.get(high);
  else pushZero(e);
  vectors.set(d, 1);
};

/**
 * Vector d = what is in the locals of the result if one of the conditions pushed by `good` holds, else the helper makes it. `good` is
 * given code that goes on with the locals if the condition on the stack holds, and code that calls the helper unless it does.
 */
export const attempt = (e: RegionEmitter, k: number, good: (take: Push, unless: Push) => void): void => {
  const { block, code } = e;
  const number = (block.immLo[k] as number) & 0xffff;
  e.open(W.BLOCK);
  const done = e.depth;
  e.open(W.BLOCK);
  const slow = e.depth;
  good(
    () => e.branchHinted(done, true),
    () => {
      code.byte(W.I32_EQZ);
      e.branchHinted(slow, false);
    },
  );
  e.close();
  callFloating(e, k);
  const [low, high] = resultLocals(e);
  for (let upper = 0; upper < (number >= V.V_VEX256 ? 2 : 1); upper++) {
    code.get(CTX);
    code.accessV(W.V128_LOAD, W.STATE, vectorAt(block.d[k] as number, upper));
    code.set(upper === 0 ? low : high);
  }
  e.close();
  setResult(e, k);
};

/** Masks of all halves joined; true (i32) if the first `lanes` lanes are all set. */
export const pushAllOf = (e: RegionEmitter, f: F.Format, lanes: number, halves: number, ...masks: readonly ((upper: number) => void)[]): void => {
  let some = false;
  for (let upper = 0; upper < halves; upper++) {
    for (const mask of masks) {
      mask(upper);
      if (some) simd(e, 78);
      some = true;
    }
  }
  F.allSet(e, f, lanes);
};

const PACKED = 2;

/** Pushes whether r = x + y (or x - y) is exact. @see Knuth, TAOCP 2, 4.2.2, theorem B */
const pushExactSum = (e: RegionEmitter, f: F.Format, x: number, y: number, r: number, subtract: boolean): void => {
  const { code } = e;
  const part = e.scratchLocal(f.double ? 'part' : 'part32', f.type);
  // part = r - x; exact iff x == r - part and y (or -y) == part
  code.get(r);
  code.get(x);
  code.byte(f.scalarAdd + F.OP_SUB);
  code.set(part);
  code.get(r);
  code.get(part);
  code.byte(f.scalarAdd + F.OP_SUB);
  code.get(x);
  code.byte(f.scalarEqual);
  code.get(y);
  code.get(part);
  if (subtract) code.byte(f.double ? W.F64_NEG : W.F32_NEG);
  code.byte(f.scalarEqual);
  code.byte(W.I32_AND);
};

/** Pushes whether a product is exact: singles' in doubles, doubles' if the significands are so short that it fits. */
const pushExactProduct = (e: RegionEmitter, f: F.Format, x: number, y: number, r: number): void => {
  const { code } = e;
  if (!f.double) {
    for (const local of [x, y, r]) {
      code.get(local);
      code.byte(W.F64_PROMOTE);
      if (local === y) code.byte(W.F64_MUL);
    }
    code.byte(W.F64_EQ);
    return;
  }
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

/** The lowest lane of a, with `op`; the others of a. */
const scalar = (e: RegionEmitter, k: number, f: F.Format, op: number): void => {
  const { code } = e;
  const sources = sourcesOf(e, k);
  const [x, y] = [sources.x(0), sources.y(0)];
  const [low] = resultLocals(e);
  const suffix = f.double ? '' : '32';
  const [xs, ys, r] = [e.scratchLocal(`x${suffix}`, f.type), e.scratchLocal(`y${suffix}`, f.type), e.scratchLocal(`r${suffix}`, f.type)];
  for (const [push, local] of [
    [x, xs],
    [y, ys],
  ] as const) {
    push();
    simdLane(e, f.extract, 0);
    code.set(local);
  }
  code.get(xs);
  code.get(ys);
  code.byte(f.scalarAdd + op);
  code.set(r);
  x();
  code.get(r);
  simdLane(e, f.replace, 0);
  code.set(low);
  const all = e.scratchLocal('all', W.V128);
  code.get(r);
  simd(e, f.splat);
  code.set(all);
  const pushR = (): void => code.get(all);
  const pair = (): void => {
    x();
    y();
    shuffle(e, f.pair);
  };
  const sum = op === F.OP_ADD || op === F.OP_SUB;
  attempt(e, k, (take, unless) => {
    pushAllOf(
      e,
      f,
      2,
      1,
      () => F.pushNotDenormal(e, f, pair),
      () => F.pushFinite(e, f, pushR),
      // sums below the normal numbers are exact
      ...(sum ? [] : [(): void => F.pushNotTiny(e, f, pushR)]),
    );
    unless();
    F.pushMode(e);
    take();
    if (op === F.OP_DIV) return;
    if (sum) pushExactSum(e, f, xs, ys, r, op === F.OP_SUB);
    else pushExactProduct(e, f, xs, ys, r);
    F.pushModeOfExact(e);
    code.byte(W.I32_AND);
    take();
  });
};

/** All lanes of x and y, which are changed by `arrange` before. */
const packed = (e: RegionEmitter, k: number, f: F.Format, op: number, arrange?: (x: Push, y: Push) => { x: Push; y: Push }): void => {
  const { code } = e;
  const sources = sourcesOf(e, k);
  const results = resultLocals(e);
  const operands = Array.from({ length: sources.halves }, (_, upper) => {
    const plain = { x: sources.x(upper), y: sources.y(upper) };
    if (arrange === undefined) return plain;
    const arranged = arrange(plain.x, plain.y);
    const locals = [e.scratchLocal(`x arranged ${upper}`, W.V128), e.scratchLocal(`y arranged ${upper}`, W.V128)] as const;
    arranged.x();
    code.set(locals[0]);
    arranged.y();
    code.set(locals[1]);
    return { x: (): void => code.get(locals[0]), y: (): void => code.get(locals[1]) };
  });
  for (const [upper, { x, y }] of operands.entries()) {
    x();
    y();
    simd(e, f.add + op);
    code.set(results[upper] as number);
  }
  const pushR = (upper: number) => (): void => code.get(results[upper] as number);
  const sum = op === F.OP_ADD || op === F.OP_SUB;
  attempt(e, k, (take, unless) => {
    pushAllOf(
      e,
      f,
      f.lanes,
      sources.halves,
      (upper) => F.pushNotDenormal(e, f, (operands[upper] as { x: Push }).x),
      (upper) => F.pushNotDenormal(e, f, (operands[upper] as { y: Push }).y),
      (upper) => F.pushFinite(e, f, pushR(upper)),
      ...(sum ? [] : [(upper: number): void => F.pushNotTiny(e, f, pushR(upper))]),
    );
    unless();
    F.pushMode(e);
    take();
  });
};

const arithmetic =
  (op: number) =>
  (kind: number): EmitInline =>
  (e, k) =>
    (kind < PACKED ? scalar : packed)(e, k, F.formatOf(kind), op);

/** Square roots of b: of the lowest lane, into a, or of all. */
const squareRoot =
  (kind: number): EmitInline =>
  (e, k) => {
    const { code } = e;
    const f = F.formatOf(kind);
    const sources = sourcesOf(e, k);
    const results = resultLocals(e);
    const isScalar = kind < PACKED;
    const all = e.scratchLocal('all', W.V128);
    for (let upper = 0; upper < sources.halves; upper++) {
      if (isScalar) {
        sources.y(0)();
        simdLane(e, f.extract, 0);
        code.byte(f.scalarAdd + F.SCALAR_SQRT);
        simd(e, f.splat);
        code.set(all);
        sources.x(0)();
        code.get(all);
        simdLane(e, f.extract, 0);
        simdLane(e, f.replace, 0);
      } else {
        sources.y(upper)();
        simd(e, f.add + F.VECTOR_SQRT);
      }
      code.set(results[upper] as number);
    }
    attempt(e, k, (take, unless) => {
      pushAllOf(
        e,
        f,
        isScalar ? 1 : f.lanes,
        sources.halves,
        (upper) => F.pushNotDenormal(e, f, sources.y(upper)),
        // NaN for negative ones
        (upper) => F.pushFinite(e, f, () => code.get(isScalar ? all : (results[upper] as number))),
      );
      unless();
      F.pushMode(e);
      take();
    });
  };

/** x, r on the stack: x with the lowest lane of r. */
export const mergeLow = (e: RegionEmitter, f: F.Format): void => {
  const size = 16 / f.lanes;
  shuffle(
    e,
    Array.from({ length: 16 }, (_, at) => (at < size ? at + 16 : at)),
  );
};

/** The smaller or greater, as x86 has it: the second operand where they are equal. */
const extreme =
  (op: number) =>
  (kind: number): EmitInline =>
  (e, k) => {
    const { code } = e;
    const f = F.formatOf(kind);
    const sources = sourcesOf(e, k);
    const results = resultLocals(e);
    for (let upper = 0; upper < sources.halves; upper++) {
      const [x, y] = [sources.x(upper), sources.y(upper)];
      if (kind < PACKED) x();
      y();
      x();
      simd(e, f.add + op);
      if (kind < PACKED) mergeLow(e, f);
      code.set(results[upper] as number);
    }
    attempt(e, k, (take) => {
      pushOrdinary(e, f, kind, sources);
      take();
    });
  };

/** Pushes (i32) whether no operand is a denormal or NaN. */
const pushOrdinary = (e: RegionEmitter, f: F.Format, kind: number, sources: Sources): void =>
  pushAllOf(
    e,
    f,
    kind < PACKED ? 1 : f.lanes,
    sources.halves,
    ...[sources.x, sources.y].flatMap((operand) => [
      (upper: number): void => F.pushNotDenormal(e, f, operand(upper)),
      (upper: number): void => F.pushNotNan(e, f, operand(upper)),
    ]),
  );

/** Instructions for predicates 0-7 of numbers that are ordered; undefined: never, null: always. 8-15 are the same, and so on. */
const predicates = (f: F.Format): (number | undefined | null)[] => [f.equal, f.less, f.lessOrEqual, undefined, f.notEqual, f.greaterOrEqual, f.greater, null];

const compareLanes =
  (kind: number): EmitInline =>
  (e, k) => {
    const { code } = e;
    const f = F.formatOf(kind);
    const sources = sourcesOf(e, k);
    const results = resultLocals(e);
    // of numbers that are ordered, EQ_UQ is EQ, NGE is LT and so on
    const predicate = predicates(f)[sources.immediate & 7];
    for (let upper = 0; upper < sources.halves; upper++) {
      const [x, y] = [sources.x(upper), sources.y(upper)];
      if (kind < PACKED) x();
      if (predicate === undefined || predicate === null) {
        pushZero(e);
        if (predicate === null) simd(e, 77);
      } else {
        x();
        y();
        simd(e, predicate);
      }
      if (kind < PACKED) mergeLow(e, f);
      code.set(results[upper] as number);
    }
    attempt(e, k, (take) => {
      pushOrdinary(e, f, kind, sources);
      take();
    });
  };

/** Slot d = flags of the comparison: ZF equal, CF below. */
const compareFlags =
  (kind: number): EmitInline =>
  (e, k) => {
    const { code, block } = e;
    const f = F.formatOf(kind);
    const d = block.d[k] as number;
    const sources = sourcesOf(e, k);
    const [x, y] = [sources.x(0), sources.y(0)];
    const pair = e.scratchLocal('pair', W.V128);
    x();
    y();
    shuffle(e, f.pair);
    code.set(pair);
    const pushPair = (): void => code.get(pair);
    pushAllOf(
      e,
      f,
      2,
      1,
      () => F.pushNotDenormal(e, f, pushPair),
      () => F.pushNotNan(e, f, pushPair),
    );
    const pushScalars = (): void => {
      for (const push of [x, y]) {
        push();
        simdLane(e, f.extract, 0);
      }
    };
    e.openHinted(true);
    e.begin(d);
    pushScalars();
    code.byte(f.scalarEqual);
    code.i32(6);
    code.byte(W.I32_SHL);
    pushScalars();
    code.byte(f.scalarLess);
    code.byte(W.I32_OR);
    code.byte(W.I64_EXTEND_I32_U);
    e.finish(d);
    code.byte(W.ELSE);
    callFloating(e, k);
    e.close();
  };

const EVENS = [0, 2, 4, 6];

/** Neighbours of x, then of y, joined by `op`. */
const horizontal =
  (op: number) =>
  (kind: number): EmitInline =>
  (e, k) => {
    const f = F.formatOf(kind);
    const size = f.double ? 8 : 4;
    const lanes = EVENS.slice(0, f.lanes);
    const pick =
      (x: Push, y: Push, from: number): Push =>
      () => {
        x();
        y();
        shuffle(
          e,
          lanes.flatMap((lane) => Array.from({ length: size }, (_, byte) => (lane + from) * size + byte)),
        );
      };
    packed(e, k, f, op, (x, y) => ({ x: pick(x, y, 0), y: pick(x, y, 1) }));
  };

/** Even lanes subtract, odd lanes add. */
const alternate =
  (kind: number): EmitInline =>
  (e, k) => {
    const f = F.formatOf(kind);
    const sign = f.double ? [0, 0, 0, 0, 0, 0, 0, 0x80] : [0, 0, 0, 0x80];
    const bytes = Array.from({ length: 16 }, (_, at) => (Math.floor(at / sign.length) % 2 === 0 ? (sign[at % sign.length] as number) : 0));
    packed(e, k, f, F.OP_ADD, (x, y) => ({
      x,
      y: () => {
        y();
        e.code.get(e.constantBytes(bytes));
        simd(e, 81);
      },
    }));
  };

const ALL_KINDS = [0, 1, 2, 3];
const kinds = (base: number, list: readonly number[], emit: (kind: number) => EmitInline): [number, EmitInline][] =>
  list.map((kind) => [base + kind, emit(kind)]);

/** By helper number, without V_VEX128 and V_VEX256. */
export const emitFloat: Readonly<Record<number, EmitInline>> = Object.fromEntries([
  ...kinds(V.V_ADD, ALL_KINDS, arithmetic(F.OP_ADD)),
  ...kinds(V.V_SUB, ALL_KINDS, arithmetic(F.OP_SUB)),
  ...kinds(V.V_MUL, ALL_KINDS, arithmetic(F.OP_MUL)),
  ...kinds(V.V_DIV, ALL_KINDS, arithmetic(F.OP_DIV)),
  ...kinds(V.V_MIN, ALL_KINDS, extreme(F.VECTOR_PMIN)),
  ...kinds(V.V_MAX, ALL_KINDS, extreme(F.VECTOR_PMAX)),
  ...kinds(V.V_SQRT, ALL_KINDS, squareRoot),
  ...kinds(V.V_CMP, ALL_KINDS, compareLanes),
  ...kinds(V.V_HADD, [2, 3], horizontal(F.OP_ADD)),
  ...kinds(V.V_HSUB, [2, 3], horizontal(F.OP_SUB)),
  ...kinds(V.V_ADDSUB, [2, 3], alternate),
  ...kinds(V.V_COMI, [0, 1], compareFlags),
  ...kinds(V.V_UCOMI, [0, 1], compareFlags),
]);
