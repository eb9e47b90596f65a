/** Moves between vector registers and between them and slots, and vector helpers that are not one operation on each half. IR to Wasm. */
import * as V from '../../../machine/helpers/vec.ts';
import { ZERO } from '../../../machine/layout.ts';
import * as O from '../../../machine/ops.ts';
import * as W from './code.ts';
import type { Emit } from './emit-alu.ts';
import type { RegionEmitter } from './region-emitter.ts';
import * as S from './simd.ts';
import { bytesOf, pushZero, shuffle, simd, simdLane, splat } from './simd.ts';

/** Operations k and k + 1 of an instruction write the two quadwords of one half. */
const isPair = ({ block: { op, d, c, idx } }: RegionEmitter, k: number): boolean =>
  op[k] === O.OP_VPUT &&
  op[k + 1] === O.OP_VPUT &&
  d[k] === d[k + 1] &&
  ((c[k] as number) & 1) === 0 &&
  c[k + 1] === (c[k] as number) + 1 &&
  idx[k] === idx[k + 1];

/** One quadword, or both of a half at once. */
const put: Emit = (e, k) => {
  const { code, block, vectors } = e;
  const [d, lane] = [block.d[k] as number, block.c[k] as number];
  const [upper, second] = [lane >> 1, lane & 1];
  const replace = (j: number, at: number): void => {
    if (block.a[j] === ZERO && first) return;
    e.read(block.a[j] as number);
    simdLane(e, S.I64X2_REPLACE, at);
  };
  if (second === 1 && isPair(e, k - 1)) return;
  const first = isPair(e, k);
  if (first) {
    pushZero(e);
    replace(k, 0);
    replace(k + 1, 1);
  } else {
    code.get(vectors.get(d, upper));
    replace(k, second);
  }
  vectors.set(d, upper);
};

export const emitVector: Readonly<Record<number, Emit>> = {
  [O.OP_VMOV]: (e, k) => {
    const { code, block, vectors } = e;
    code.get(vectors.get(block.a[k] as number));
    vectors.set(block.d[k] as number);
  },
  [O.OP_VGET]: (e, k) => {
    const { code, block, vectors } = e;
    const lane = block.c[k] as number;
    e.begin(block.d[k] as number);
    code.get(vectors.get(block.a[k] as number, lane >> 1));
    simdLane(e, S.I64X2_EXTRACT, lane & 1);
    e.finish(block.d[k] as number);
  },
  [O.OP_VPUT]: put,
  [O.OP_VZERO]: (e, k) => {
    pushZero(e);
    e.vectors.set(e.block.d[k] as number);
  },
};

/** Emits vector helper call k inline; `wide`: with 256 bits. */
type EmitWhole = (e: RegionEmitter, k: number, wide: boolean) => void;

/** Pushes half `upper` of a vector. */
const push = (e: RegionEmitter, vector: number, upper = 0): void => e.code.get(e.vectors.get(vector, upper));

/** Slot d = the top bits of the elements; `count` of them in a half. */
const signs =
  (op: number, count: number): EmitWhole =>
  (e, k, wide) => {
    const { code, block } = e;
    const a = block.a[k] as number;
    e.begin(block.d[k] as number);
    push(e, a);
    simd(e, op);
    if (wide) {
      push(e, a, 1);
      simd(e, op);
      code.i32(count);
      code.byte(W.I32_SHL);
      code.byte(W.I32_OR);
    }
    code.byte(W.I64_EXTEND_I32_U);
    e.finish(block.d[k] as number);
  };

/** Slot d = flags of PTEST: ZF if b & a is 0, CF if b & ~a is 0, of all bits or (`mask`) of those of the mask. */
const test =
  (mask: (() => readonly number[]) | undefined): EmitWhole =>
  (e, k, wide) => {
    const { code, block } = e;
    const [d, a, b] = [block.d[k] as number, block.a[k] as number, block.b[k] as number];
    const any = (op: number): void => {
      for (let upper = 0; upper <= (wide ? 1 : 0); upper++) {
        push(e, b, upper);
        push(e, a, upper);
        simd(e, op);
        if (upper === 1) simd(e, S.OR);
      }
      if (mask !== undefined) {
        S.constant(e, mask());
        simd(e, S.AND);
      }
      simd(e, S.ANY_TRUE);
      code.byte(W.I32_EQZ);
    };
    e.begin(d);
    any(S.AND);
    code.i32(6);
    code.byte(W.I32_SHL);
    any(S.ANDNOT);
    code.byte(W.I32_OR);
    code.byte(W.I64_EXTEND_I32_U);
    e.finish(d);
  };

/** Sign bits of elements of `size` bytes. */
const signBits = (size: number) => (): number[] => Array.from({ length: 16 }, (_, at) => (at % size === size - 1 ? 0x80 : 0));

const REPLACE = [S.I8X16_REPLACE, S.I16X8_REPLACE, S.I32X4_REPLACE, S.I64X2_REPLACE];

/** Lane c of d, of 1 << b bytes, = slot a. */
const insertLane: EmitWhole = (e, k) => {
  const { code, block } = e;
  const [d, log] = [block.d[k] as number, block.b[k] as number];
  push(e, d);
  e.read(block.a[k] as number);
  if (log < 3) code.byte(W.I32_WRAP);
  simdLane(e, REPLACE[log] as number, block.c[k] as number);
  e.vectors.set(d);
};

/** Quadwords of b by the immediate. */
const permuteQuadwords: EmitWhole = (e, k) => {
  const { block, vectors } = e;
  const [d, b, immediate] = [block.d[k] as number, block.b[k] as number, (block.immLo[k] as number) >>> 16];
  for (const upper of [0, 1]) {
    push(e, b);
    push(e, b, 1);
    shuffle(e, bytesOf(8, [(immediate >> (4 * upper)) & 3, (immediate >> (4 * upper + 2)) & 3]));
  }
  vectors.set(d, 1);
  vectors.set(d);
};

/** Doublewords of b by the lanes of a. */
const permuteDoublewords: EmitWhole = (e, k) => {
  const { code, block, vectors } = e;
  const [d, a, b] = [block.d[k] as number, block.a[k] as number, block.b[k] as number];
  const index = e.scratchLocal('index', W.V128);
  for (const upper of [0, 1]) {
    push(e, a, upper);
    splat(e, 4, 7);
    simd(e, S.AND);
    splat(e, 4, 0x04040404);
    simd(e, 181);
    splat(e, 4, 0x03020100);
    simd(e, 174);
    code.set(index);
    // bytes out of range are zeros
    push(e, b);
    code.get(index);
    simd(e, S.SWIZZLE);
    push(e, b, 1);
    code.get(index);
    splat(e, 1, 16);
    simd(e, 113);
    simd(e, S.SWIZZLE);
    simd(e, S.OR);
  }
  vectors.set(d, 1);
  vectors.set(d);
};

/** Halves of a and b by the immediate. */
const permuteHalves: EmitWhole = (e, k) => {
  const { block, vectors } = e;
  const immediate = (block.immLo[k] as number) >>> 16;
  for (const select of [immediate, immediate >> 4]) {
    if ((select & 8) !== 0) pushZero(e);
    else push(e, ((select & 2) !== 0 ? block.b[k] : block.a[k]) as number, select & 1);
  }
  vectors.set(block.d[k] as number, 1);
  vectors.set(block.d[k] as number);
};

/** a with one half from b. */
const insertHalf: EmitWhole = (e, k) => {
  const { block, vectors } = e;
  const [d, a, b] = [block.d[k] as number, block.a[k] as number, block.b[k] as number];
  const into = ((block.immLo[k] as number) >>> 16) & 1;
  push(e, into === 0 ? b : a);
  if (into === 0) push(e, a, 1);
  else push(e, b);
  vectors.set(d, 1);
  vectors.set(d);
};

const extractHalf: EmitWhole = (e, k) => {
  const { block, vectors } = e;
  const d = block.d[k] as number;
  push(e, block.b[k] as number, ((block.immLo[k] as number) >>> 16) & 1);
  vectors.set(d);
  pushZero(e);
  vectors.set(d, 1);
};

/** The lowest element of b, of 1 << `log` bytes, everywhere. */
const broadcast =
  (log: number): EmitWhole =>
  (e, k, wide) => {
    const { block, vectors } = e;
    const [d, b] = [block.d[k] as number, block.b[k] as number];
    push(e, b);
    if (log < 4) {
      push(e, b);
      const size = 1 << log;
      shuffle(e, bytesOf(size, new Array<number>(16 / size).fill(0)));
    }
    vectors.set(d);
    if (wide) push(e, d);
    else pushZero(e);
    vectors.set(d, 1);
  };

/** Upper halves, or all, of the c lowest registers. */
const zeroRegisters =
  (all: boolean): EmitWhole =>
  (e, k) => {
    const count = e.block.c[k] as number;
    const zero = e.scratchLocal('zero', W.V128);
    pushZero(e);
    e.code.set(zero);
    for (let upper = all ? 0 : 1; upper <= 1; upper++) e.vectors.zero(count, upper, () => e.code.get(zero));
  };

/** By helper number. */
export const emitWhole: Readonly<Record<number, EmitWhole>> = {
  [V.V_PMOVMSKB]: signs(100, 16),
  [V.V_MOVMSKPS]: signs(164, 4),
  [V.V_MOVMSKPD]: signs(196, 2),
  [V.V_PTEST]: test(undefined),
  [V.V_TESTPS]: test(signBits(4)),
  [V.V_TESTPD]: test(signBits(8)),
  [V.V_PINSR]: insertLane,
  [V.V_PERMQ]: permuteQuadwords,
  [V.V_PERMD]: permuteDoublewords,
  [V.V_PERM2]: permuteHalves,
  [V.V_INSERT128]: insertHalf,
  [V.V_EXTRACT128]: extractHalf,
  ...Object.fromEntries([0, 1, 2, 3, 4].map((log) => [V.V_BROADCAST + log, broadcast(log)])),
  [V.V_ZEROUPPER]: zeroRegisters(false),
  [V.V_ZEROALL]: zeroRegisters(true),
};
