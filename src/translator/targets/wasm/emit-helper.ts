/** Helper calls: the context is made exact, the core's dispatcher called with constants, what it may have changed read again. */
import { V_VEX128, V_VEX256 } from '../../../machine/helpers/vec.ts';
import * as O from '../../../machine/ops.ts';
import { A_IN, CLOBBERS, D_OUT, FAULTS, FLAGS_MAY_WRITE, FLAGS_WRITE, MEMORY } from '../../ir/op-bits.ts';
import type { Emit } from './emit-alu.ts';
import { emitConversion } from './emit-conversion.ts';
import { emitDivide } from './emit-divide.ts';
import { emitFlagHelper } from './emit-flags.ts';
import { emitFloat } from './emit-float.ts';
import { emitFma } from './emit-fma.ts';
import { emitLanes } from './emit-simd.ts';
import { emitWhole } from './emit-vector.ts';
import { floating, pushArguments } from './helper-call.ts';
import { F_INT, F_STRING, F_SYSTEM, F_VEC, F_X87 } from './imports.ts';
import { isDivision } from './region-block.ts';
import { type RegionEmitter, UNKNOWN } from './region-emitter.ts';
import { pushZero } from './simd.ts';
import { vectorOperands } from './vector-operands.ts';

const fields = (e: RegionEmitter, k: number): number[] => {
  const { d, a, b, c } = e.block;
  return [...new Set([d[k] as number, a[k] as number, b[k] as number, c[k] as number])];
};

/** A helper of which nothing is known but its table row. */
const general = (e: RegionEmitter, k: number, index: number): void => {
  const { code, block } = e;
  e.exact(k);
  const temps = fields(e, k).filter((slot) => e.isTemp(slot));
  for (const slot of temps) e.spill(slot);
  pushArguments(e, k);
  code.call(index);
  for (const slot of temps) e.reload(slot);
  const is = block.bits[k] as number;
  if ((is & CLOBBERS) !== 0) {
    e.reloadAll();
    e.vectors.allFromContext();
  } else {
    const d = block.d[k] as number;
    if ((is & D_OUT) !== 0 && !e.isTemp(d) && e.used.includes(d)) e.reload(d);
    if ((is & (FLAGS_WRITE | FLAGS_MAY_WRITE)) !== 0) e.reloadFlags();
  }
  if ((is & (FLAGS_WRITE | FLAGS_MAY_WRITE | CLOBBERS)) !== 0) e.kind = UNKNOWN;
  e.loadBudget();
  if ((is & MEMORY) !== 0) e.mustCheck = true;
};

/** A helper that reads and writes vector registers, and perhaps slots a and d, and cannot fault. */
const vectorsOnly = (e: RegionEmitter, k: number): void => {
  const { block, vectors } = e;
  const { reads, writes } = vectorOperands(block, k);
  const is = block.bits[k] as number;
  const [d, a] = [block.d[k] as number, block.a[k] as number];
  vectors.toContext([...reads, ...writes]);
  if ((is & A_IN) !== 0 && (e.isTemp(a) || e.changed.includes(a))) e.spill(a);
  pushArguments(e, k);
  e.code.call(F_VEC);
  vectors.fromContext(writes);
  if ((is & D_OUT) !== 0 && (e.isTemp(d) || e.used.includes(d))) e.reload(d);
};

/** The operation on each half; the upper one first, because it may need the lower half of a source. */
const lanes = (e: RegionEmitter, k: number, number: number): void => {
  const { block, code, vectors } = e;
  const emit = emitLanes[number & (V_VEX128 - 1)];
  const [d, a, b, c] = [block.d[k] as number, block.a[k] as number, block.b[k] as number, block.c[k] as number];
  for (const upper of number >= V_VEX256 ? [1, 0] : [0]) {
    const get = (vector: number, half: number) => (): void => code.get(vectors.get(vector, half));
    emit?.({ e, x: get(a, upper), y: get(b, upper), z: get(c, upper), low: get(b, 0), immediate: (block.immLo[k] as number) >>> 16, upper });
    vectors.set(d, upper);
  }
  if (number < V_VEX256 && number >= V_VEX128) {
    pushZero(e);
    vectors.set(d, 1);
  }
};

const vector: Emit = (e, k) => {
  const number = (e.block.immLo[k] as number) & 0xffff;
  const base = number & (V_VEX128 - 1);
  if (emitLanes[base] !== undefined) return lanes(e, k, number);
  const whole = emitWhole[base];
  if (whole !== undefined) return whole(e, k, number >= V_VEX256);
  const inline = emitFloat[base] ?? emitConversion[base] ?? emitFma[base];
  if (inline !== undefined) return inline(e, k);
  const is = e.block.bits[k] as number;
  if ((is & CLOBBERS) !== 0) general(e, k, F_VEC);
  else if ((is & FAULTS) !== 0) floating(e, k);
  else vectorsOnly(e, k);
};

export const emitHelper: Readonly<Record<number, Emit>> = {
  [O.OP_HSYS]: (e, k) => {
    general(e, k, F_SYSTEM);
    e.loadView();
  },
  [O.OP_HSTR]: (e, k) => general(e, k, F_STRING),
  [O.OP_HX87]: (e, k) => general(e, k, F_X87),
  [O.OP_HVEC]: vector,
  [O.OP_HINT]: (e, k) => {
    const inline = emitFlagHelper[(e.block.immLo[k] as number) & 0xffff];
    if (isDivision(e.block, k)) emitDivide(e, k, () => general(e, k, F_INT));
    else if (inline === undefined) general(e, k, F_INT);
    else inline(e, k);
  },
};
