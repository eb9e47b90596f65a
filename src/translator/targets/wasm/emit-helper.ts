/** Helper calls: the context is made exact, the core's dispatcher called with constants, what it may have changed read again. */
import { V_ADD, V_LOAD256, V_MASKLOAD, V_MOVSS, V_PERMQ, V_PINSR, V_PMOVMSKB, V_PTEST, V_TESTPD, V_TESTPS, V_VEX128 } from '../../../machine/helpers/vec.ts';
import * as O from '../../../machine/ops.ts';
import { CLOBBERS, D_OUT, FLAGS_MAY_WRITE, FLAGS_WRITE, MEMORY } from '../../ir/op-bits.ts';
import type { Emit } from './emit-alu.ts';
import { emitFlagHelper } from './emit-flags.ts';
import { emitFloat } from './emit-float.ts';
import { emitSimd } from './emit-simd.ts';
import { floating, pushArguments } from './helper-call.ts';
import { F_INT, F_STRING, F_SYSTEM, F_VEC, F_X87 } from './imports.ts';
import { type RegionEmitter, UNKNOWN } from './region-emitter.ts';

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
  if ((is & CLOBBERS) !== 0) e.reloadAll();
  else {
    const d = block.d[k] as number;
    if ((is & D_OUT) !== 0 && !e.isTemp(d) && e.used.includes(d)) e.reload(d);
    if ((is & (FLAGS_WRITE | FLAGS_MAY_WRITE)) !== 0) e.reloadFlags();
  }
  if ((is & (FLAGS_WRITE | FLAGS_MAY_WRITE | CLOBBERS)) !== 0) e.kind = UNKNOWN;
  e.loadBudget();
  if ((is & MEMORY) !== 0) e.mustCheck = true;
};

/** A helper that reads and writes vector registers, and perhaps slot d, and cannot fault. */
const vectorsOnly = (e: RegionEmitter, k: number, writesSlot: boolean): void => {
  pushArguments(e, k);
  e.code.call(F_VEC);
  if (!writesSlot) return;
  const d = e.block.d[k] as number;
  if (e.isTemp(d) || e.used.includes(d)) e.reload(d);
};

const vector: Emit = (e, k) => {
  const number = (e.block.immLo[k] as number) & 0xffff;
  const inline = emitFloat[number] ?? emitSimd[number];
  if (inline?.(e, k)) return;
  // VEX forms: the same with the upper half, or clearing it
  const base = number & (V_VEX128 - 1);
  if (base < V_PMOVMSKB || base === V_MOVSS || (base >= V_PERMQ && base < V_MASKLOAD)) return vectorsOnly(e, k, false);
  if ((base >= V_PMOVMSKB && base <= V_PTEST) || base === V_TESTPS || base === V_TESTPD) return vectorsOnly(e, k, true);
  if (base === V_PINSR) {
    const a = e.block.a[k] as number;
    if (e.isTemp(a) || e.changed.includes(a)) e.spill(a);
    return vectorsOnly(e, k, false);
  }
  if (base >= V_ADD && base < V_LOAD256) return floating(e, k);
  general(e, k, F_VEC);
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
    if (inline === undefined) general(e, k, F_INT);
    else inline(e, k);
  },
};
