/**
 * Removes flag operations that are overwritten before anything can see them, and computations into temporaries that nobody
 * reads. Flags are seen by what reads them, by everything that may fault or exit (the state must be exact there), and at
 * the block's end. Temporaries die with their instruction. Goes backwards once; removed operations become NOP.
 */
import { CC_B, CC_OP, T0, TEMPS } from '../../../machine/layout.ts';
import { OP_NOP } from '../../../machine/ops.ts';
import type { Builder } from '../builder.ts';
import { A_IN, B_IN, bitsAt, C_IN, D_IN, D_OUT, END, FAULTS, FLAGS_READ, FLAGS_WRITE, PURE, PURE_FLAGS } from '../op-bits.ts';

const isTemp = (slot: number): boolean => slot >= T0 && slot < T0 + TEMPS;
const isFlag = (slot: number): boolean => slot >= CC_OP && slot <= CC_B;

export function deadCode(builder: Builder): void {
  const { op, d, a, b, c, idx } = builder;
  let flagsLive = true;
  let temps = 0;
  let instruction = -1;
  for (let k = builder.count - 1; k >= 0; k--) {
    if (idx[k] !== instruction) {
      instruction = idx[k] as number;
      temps = 0;
    }
    const bits = bitsAt(builder, k);
    const dk = d[k] as number;
    if ((bits & PURE_FLAGS) !== 0 && !flagsLive) {
      op[k] = OP_NOP;
      continue;
    }
    if ((bits & D_OUT) !== 0 && isTemp(dk)) {
      const mask = 1 << (dk - T0);
      if ((bits & PURE) !== 0 && (temps & mask) === 0) {
        op[k] = OP_NOP;
        continue;
      }
      temps &= ~mask;
    }
    if ((bits & FLAGS_WRITE) !== 0) flagsLive = false;
    if ((bits & (FLAGS_READ | FAULTS | END)) !== 0) flagsLive = true;
    if ((bits & A_IN) !== 0) {
      const slot = a[k] as number;
      if (isTemp(slot)) temps |= 1 << (slot - T0);
      else if (isFlag(slot)) flagsLive = true;
    }
    if ((bits & B_IN) !== 0) {
      const slot = b[k] as number;
      if (isTemp(slot)) temps |= 1 << (slot - T0);
      else if (isFlag(slot)) flagsLive = true;
    }
    if ((bits & C_IN) !== 0) {
      const slot = c[k] as number;
      if (isTemp(slot)) temps |= 1 << (slot - T0);
      else if (isFlag(slot)) flagsLive = true;
    }
    if ((bits & D_IN) !== 0) {
      if (isTemp(dk)) temps |= 1 << (dk - T0);
      else if (isFlag(dk)) flagsLive = true;
    }
  }
}
