/**
 * Conditions that follow a known flag operation compare its operands directly, without the flags' way: COND becomes CONDSUB, BRCC
 * becomes BRSUB. The operands are read from the lazy flags' own slots, which hold them as long as no other flag operation
 * comes between.
 */
import { CC_A, CC_B, CC_DEC, CC_INC, CC_LOGIC, CC_SHL, CC_SHR, CC_SUB, ZERO } from '../../../machine/layout.ts';
import { OP_BRCC, OP_BRSUB, OP_CC, OP_CCI, OP_COND, OP_CONDSUB } from '../../../machine/ops.ts';
import type { Builder } from '../builder.ts';
import { bitsAt, FLAGS_MAY_WRITE, FLAGS_WRITE } from '../op-bits.ts';

/** Conditions that look at the result alone: E NE S NS P NP. */
const RESULT_ONLY = (1 << 4) | (1 << 5) | (1 << 8) | (1 << 9) | (1 << 10) | (1 << 11);
const ALL = 0xffff;

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
      op[k] = OP_CONDSUB;
      a[k] = left;
      b[k] = right;
      immLo[k] = size;
      immHi[k] = 0;
    } else if (number === OP_BRCC) {
      if (((conditions >> (b[k] as number)) & 1) === 0) continue;
      op[k] = OP_BRSUB;
      d[k] = left;
      a[k] = right;
      c[k] = (c[k] as number) | (size << 4);
    } else if ((bitsAt(builder, k) & (FLAGS_WRITE | FLAGS_MAY_WRITE)) !== 0) conditions = 0;
  }
}
