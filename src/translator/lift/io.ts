/** IN and OUT: the permission check, then an exit that the hypervisor completes (it moves the accumulator and RIP). */
import { H_IO_CHECK } from '../../machine/helpers/system.ts';
import { EXIT_IO, RDX } from '../../machine/layout.ts';
import { OP_HSYS } from '../../machine/ops.ts';
import { type Insn, OPK_IMM, type Operand } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';

const transfer = (b: Builder, i: Insn, port: Operand, size: number, out: number): void => {
  let slot = RDX;
  if (port.kind === OPK_IMM) {
    slot = b.temp();
    b.movi(slot, i.immLo & 0xff);
  }
  b.helper(OP_HSYS, H_IO_CHECK, size, slot, 0, out);
  b.exit(EXIT_IO, i.len);
};

/** IN accumulator, port. */
const input = (b: Builder, i: Insn): void => transfer(b, i, i.o1, i.o0.size, 0);

export { input as in };

/** OUT port, accumulator. */
export const out = (b: Builder, i: Insn): void => transfer(b, i, i.o0, i.o1.size, 1);
