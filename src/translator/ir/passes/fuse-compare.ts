/**
 * Conditions that follow a known flag operation compare its operands directly, without the flags' way: COND becomes CONDSUB, BRCC
 * becomes BRSUB. The operands are read from the lazy flags' own slots, which hold them as long as no other flag operation
 * comes between.
 */
import { CC_A, CC_ADD, CC_B, CC_DEC, CC_INC, CC_LOGIC, CC_SHL, CC_SHR, CC_SUB, ZERO } from '../../../machine/layout.ts';
import {
  OP_ADD,
  OP_ADD32,
  OP_ADDI,
  OP_ADDI32,
  OP_BRCC,
  OP_BRSUB,
  OP_CC,
  OP_CCI,
  OP_COND,
  OP_CONDSUB,
  OP_SETEQ,
  OP_SETLES,
  OP_SETLEU,
  OP_SETLTS,
  OP_SETLTU,
  OP_SETNE,
} from '../../../machine/ops.ts';
import type { Builder } from '../builder.ts';
import { bitsAt, FLAGS_MAY_WRITE, FLAGS_WRITE } from '../op-bits.ts';

/** Conditions that look at the result alone: E NE S NS P NP. */
const RESULT_ONLY = (1 << 4) | (1 << 5) | (1 << 8) | (1 << 9) | (1 << 10) | (1 << 11);
const ALL = 0xffff;

/** 64-bit comparisons that have an operation of their own, by condition. */
const wideCompare = new Uint8Array(16);
for (const [condition, op] of [
  [2, OP_SETLTU],
  [3, OP_SETLEU],
  [4, OP_SETEQ],
  [5, OP_SETNE],
  [6, OP_SETLEU],
  [7, OP_SETLTU],
  [12, OP_SETLTS],
  [13, OP_SETLES],
  [14, OP_SETLES],
  [15, OP_SETLTS],
] as const) {
  wideCompare[condition] = op;
}
const SWAPPED: ReadonlySet<number> = new Set([3, 7, 13, 15]);

/** Operations k-2 and k-1 are the flags and the sum of an ADD to a 32- or 64-bit register, or memory operand's copy. */
const addsJustBefore = ({ op, a, b, c, idx, immLo, immHi }: Builder, k: number): boolean => {
  if (k < 2 || ((c[k - 2] as number) & ~3) !== CC_ADD || idx[k - 1] !== idx[k - 2] || a[k - 1] !== a[k - 2]) return false;
  if (op[k - 2] === OP_CC) return (op[k - 1] === OP_ADD || op[k - 1] === OP_ADD32) && b[k - 1] === b[k - 2];
  return op[k - 2] === OP_CCI && (op[k - 1] === OP_ADDI || op[k - 1] === OP_ADDI32) && immLo[k - 1] === immLo[k - 2] && immHi[k - 1] === immHi[k - 2];
};

export function fuseCompare(builder: Builder): void {
  const { op, d, a, b, c, immLo, immHi, count } = builder;
  // what a condition compares (left and right slot), at which size, for which conditions
  let conditions = 0;
  let left = CC_A;
  let right = CC_B;
  let size = 0;
  for (let k = 0; k < count; k++) {
    const number = op[k] as number;
    if (number === OP_CC || number === OP_CCI) {
      const kind = c[k] as number;
      size = kind & 3;
      left = CC_A;
      right = ZERO;
      switch (kind & ~3) {
        case CC_SUB:
          conditions = ALL;
          right = CC_B;
          break;
        case CC_LOGIC:
          conditions = ALL;
          break;
        case CC_INC:
        case CC_DEC:
          conditions = RESULT_ONLY;
          break;
        case CC_SHL:
        case CC_SHR:
          conditions = RESULT_ONLY;
          left = CC_B;
          break;
        default:
          conditions = 0;
      }
    } else if (number === OP_COND) {
      if (((conditions >> (c[k] as number)) & 1) === 0) continue;
      const condition = c[k] as number;
      const direct = size === 3 ? (wideCompare[condition] as number) : 0;
      if (direct !== 0) {
        // AE, A, GE and G are BE, B, LE and L with the sides exchanged
        const exchanged = SWAPPED.has(condition);
        op[k] = direct;
        a[k] = exchanged ? right : left;
        b[k] = exchanged ? left : right;
        c[k] = 0;
      } else {
        op[k] = OP_CONDSUB;
        a[k] = left;
        b[k] = right;
        immLo[k] = size;
        immHi[k] = 0;
      }
    } else if (number === OP_BRCC) {
      if (((conditions >> (b[k] as number)) & 1) === 0) {
        if (!addsJustBefore(builder, k) || ((RESULT_ONLY >> (b[k] as number)) & 1) === 0) continue;
        // ADD and a condition on its result, which stands in a register
        size = (c[k - 2] as number) & 3;
        left = d[k - 1] as number;
        right = ZERO;
      }
      op[k] = OP_BRSUB;
      d[k] = left;
      a[k] = right;
      c[k] = (c[k] as number) | (size << 4);
    } else if ((bitsAt(builder, k) & (FLAGS_WRITE | FLAGS_MAY_WRITE)) !== 0) conditions = 0;
  }
}
