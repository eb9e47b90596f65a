/**
 * Forwards constants and copies held by temporaries within an instruction: operations on a known constant become their immediate forms,
 * readers of a copy read the original. What becomes unread is left to dead-code.
 */
import { T0, TEMPS } from '../../../machine/layout.ts';
import {
  OP_ADD,
  OP_ADD32,
  OP_ADDI,
  OP_ADDI32,
  OP_AND,
  OP_AND32,
  OP_ANDI,
  OP_ANDI32,
  OP_CC,
  OP_CCI,
  OP_MOV,
  OP_MOVI,
  OP_OR,
  OP_OR32,
  OP_ORI,
  OP_ORI32,
  OP_ROL,
  OP_ROL32,
  OP_ROLI,
  OP_ROLI32,
  OP_ROR,
  OP_ROR32,
  OP_RORI,
  OP_RORI32,
  OP_SAR,
  OP_SARI,
  OP_SHL,
  OP_SHLI,
  OP_SHR,
  OP_SHRI,
  OP_XOR,
  OP_XOR32,
  OP_XORI,
  OP_XORI32,
} from '../../../machine/ops.ts';
import type { Builder } from '../builder.ts';
import { bitsAt, CLOBBERS, D_OUT } from '../op-bits.ts';

/** Immediate form with the constant as second operand, by operation number (0: none). */
const immediateForm = new Uint8Array(256);
for (const [op, form] of [
  [OP_ADD, OP_ADDI],
  [OP_AND, OP_ANDI],
  [OP_OR, OP_ORI],
  [OP_XOR, OP_XORI],
  [OP_SHL, OP_SHLI],
  [OP_SHR, OP_SHRI],
  [OP_SAR, OP_SARI],
  [OP_ADD32, OP_ADDI32],
  [OP_AND32, OP_ANDI32],
  [OP_OR32, OP_ORI32],
  [OP_XOR32, OP_XORI32],
  [OP_ROL, OP_ROLI],
  [OP_ROR, OP_RORI],
  [OP_ROL32, OP_ROLI32],
  [OP_ROR32, OP_RORI32],
  [OP_CC, OP_CCI],
] as const) {
  immediateForm[op] = form;
}

const isTemp = (slot: number): boolean => slot >= T0 && slot < T0 + TEMPS;
// which operation last gave temporary n a constant, -1 if none
const constantAt = new Int32Array(TEMPS);

export function constants(builder: Builder): void {
  const { op, d, b, idx, immLo, immHi, count } = builder;
  let known = 0;
  let instruction = -1;
  for (let k = 0; k < count; k++) {
    if (idx[k] !== instruction) {
      instruction = idx[k] as number;
      known = 0;
    }
    const number = op[k] as number;
    if (number === OP_MOVI) {
      const slot = d[k] as number;
      if (isTemp(slot)) {
        known |= 1 << (slot - T0);
        constantAt[slot - T0] = k;
      }
      continue;
    }
    if (known === 0) continue;
    const form = immediateForm[number] as number;
    const slot = b[k] as number;
    if (form !== 0 && isTemp(slot) && ((known >> (slot - T0)) & 1) !== 0) {
      const from = constantAt[slot - T0] as number;
      op[k] = form;
      b[k] = 0;
      immLo[k] = immLo[from] as number;
      immHi[k] = immHi[from] as number;
    } else if (number === OP_MOV && isTemp(builder.a[k] as number) && ((known >> ((builder.a[k] as number) - T0)) & 1) !== 0) {
      const from = constantAt[(builder.a[k] as number) - T0] as number;
      op[k] = OP_MOVI;
      builder.a[k] = 0;
      immLo[k] = immLo[from] as number;
      immHi[k] = immHi[from] as number;
    }
    const bits = bitsAt(builder, k);
    if ((bits & CLOBBERS) !== 0) known = 0;
    else if ((bits & D_OUT) !== 0 && isTemp(d[k] as number)) known &= ~(1 << ((d[k] as number) - T0));
  }
}
