/** Sign extensions of the accumulator. */
import { RAX, RDX } from '../../machine/layout.ts';
import { OP_SARI } from '../../machine/ops.ts';
import type { Insn } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { signExtend, writeRegister } from './operands.ts';

/** CBW, CWDE, CDQE. */
export function cbw(b: Builder, i: Insn): void {
  const t = b.temp();
  signExtend(b, t, RAX, i.opsize >> 1);
  writeRegister(b, RAX, i.opsize, t);
}

/** CWD, CDQ, CQO: rDX = sign of rAX. */
export function cwd(b: Builder, i: Insn): void {
  const t = b.temp();
  signExtend(b, t, RAX, i.opsize);
  b.imm(OP_SARI, t, t, 63);
  writeRegister(b, RDX, i.opsize, t);
}
