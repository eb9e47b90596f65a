/**
 * Checks a block of IR: fields in range, temporaries defined before use and only within their instruction, no architectural
 * state changed before the last operation of an instruction that may fault, one block end at the end.
 */
import { CC_B, CC_OP, EXIT_LEN, EXIT_REASON, SLOTS, T0, TEMPS } from '../../machine/layout.ts';
import { OP_ENTER } from '../../machine/ops.ts';
import { BUILDER_CAPACITY, type Builder } from './builder.ts';
import { A_IN, B_IN, bitsAt, C_IN, CLOBBERS, D_IN, D_OUT, END, FAULTS, FLAGS_MAY_WRITE, FLAGS_WRITE, opNames } from './op-bits.ts';
import { type IrOp, irOps } from './ops.table.ts';
import { printOp } from './printer.ts';

const byNumber = new Map<number, IrOp>(irOps.map((op) => [op.number, op]));
const isTemp = (slot: number): boolean => slot >= T0 && slot < T0 + TEMPS;
/** Slots that say why run() returned are no guest state. */
const isExitData = (slot: number): boolean => slot >= EXIT_REASON && slot <= EXIT_LEN;
const bit = (slot: number): number => 1 << (slot - T0);

/** Everything that is wrong with the block, as sentences; empty if it is sound. */
export function verify(builder: Builder): string[] {
  const errors: string[] = [];
  const { count } = builder;
  const fail = (k: number, text: string): void => {
    errors.push(`${k}: ${printOp(builder, k)}: ${text}`);
  };
  if (count === 0) return ['the block is empty'];
  if (count > BUILDER_CAPACITY) return ['the block is longer than the builder'];
  let defined = 0;
  let start = 0;
  for (let k = 0; k < count; k++) {
    if (k === 0 || builder.idx[k] !== builder.idx[k - 1]) {
      defined = 0;
      start = k;
      if (k > 0 && (builder.idx[k] as number) < (builder.idx[k - 1] as number)) fail(k, 'instructions are out of order');
    }
    const op = byNumber.get(builder.op[k] as number);
    if (op === undefined) {
      errors.push(`${k}: operation ${builder.op[k]} does not exist`);
      continue;
    }
    const bits = bitsAt(builder, k);
    const d = builder.d[k] as number;
    const read = (slot: number, is: number): void => {
      if ((bits & is) === 0 || !isTemp(slot)) return;
      // a helper's fields may be plain numbers
      if ((bits & CLOBBERS) === 0 && (defined & bit(slot)) === 0) fail(k, `t${slot - T0} is read before it is written`);
      if (slot >= SLOTS) fail(k, `slot ${slot} does not exist`);
    };
    read(builder.a[k] as number, A_IN);
    read(builder.b[k] as number, B_IN);
    read(builder.c[k] as number, C_IN);
    read(d, D_IN);
    if ((bits & D_OUT) !== 0 && isTemp(d)) defined |= bit(d);
    if (op.d.startsWith('V') && d >= 40) fail(k, `vector ${d} does not exist`);
    if (op.a === 'V' && (builder.a[k] as number) >= 40) fail(k, `vector ${builder.a[k]} does not exist`);
    if ((bits & END) !== 0 && k !== count - 1) fail(k, 'a block end stands inside the block');
    if ((bits & FAULTS) !== 0 && builder.op[k] !== OP_ENTER) checkPrecision(builder, start, k, fail);
  }
  if ((bitsAt(builder, count - 1) & END) === 0) fail(count - 1, 'the last operation does not end the block');
  return errors;
}

/** Operations start..k-1 of an instruction must not have changed architectural state when k may fault. */
const checkPrecision = (builder: Builder, start: number, k: number, fail: (k: number, text: string) => void): void => {
  for (let j = start; j < k; j++) {
    const bits = bitsAt(builder, j);
    // helpers decide for themselves; what follows one in an instruction is the lifter's and helper's agreement
    if ((bits & CLOBBERS) !== 0) continue;
    const d = builder.d[j] as number;
    const name = opNames[builder.op[k] as number];
    if ((bits & D_OUT) !== 0 && !isTemp(d) && !isExitData(d)) fail(j, `changes a register although operation ${k} (${name}) may still fault`);
    if ((bits & (FLAGS_WRITE | FLAGS_MAY_WRITE)) !== 0 || ((bits & D_OUT) !== 0 && d >= CC_OP && d <= CC_B)) {
      fail(j, `changes the flags although operation ${k} (${name}) may still fault`);
    }
  }
};

/** Throws if the block is not sound. */
export function assertSound(builder: Builder): void {
  const errors = verify(builder);
  if (errors.length > 0) throw new Error(`translator: unsound IR\n${errors.join('\n')}`);
}
