/** Software interrupts, IRET, BOUND and the opcodes that are undefined on purpose. */
import { H_BOUND, H_INT, H_INTO, H_IRET } from '../../machine/helpers/system.ts';
import { OP_HSYS, OP_NEXT } from '../../machine/ops.ts';
import type { Insn } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { address, loadAt } from './memory-operand.ts';

const UD = 6;

const next = (b: Builder, i: Insn): number => b.instructionPos + i.len;

const interrupt = (b: Builder, i: Insn, vector: number, kind: number): void => {
  b.helper(OP_HSYS, H_INT, vector, kind, 0, 0, next(b, i));
  b.end(OP_NEXT, 0, 0, 0, 0, 0, 0);
};

/** INT n. */
export const int = (b: Builder, i: Insn): void => interrupt(b, i, i.immLo & 0xff, 0);
export const int3 = (b: Builder, i: Insn): void => interrupt(b, i, 3, 1);
/** INT1 (ICEBP). */
export const int1 = (b: Builder, i: Insn): void => interrupt(b, i, 1, 3);

export function into(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_INTO, 0, 0, 0, 0, next(b, i));
  b.end(OP_NEXT, 0, 0, 0, 0, 0, 0);
}

export function bound(b: Builder, i: Insn): void {
  const { opsize } = i;
  const low = b.temp();
  const high = b.temp();
  loadAt(b, low, address(b, i, opsize, false), opsize);
  loadAt(b, high, address(b, i, opsize, false, opsize), opsize);
  b.helper(OP_HSYS, H_BOUND, opsize, i.o0.reg, low, high);
}

export function iret(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_IRET, 0, 0, 0, i.opsize, next(b, i));
  b.end(OP_NEXT, 0, 0, 0, 0, 0, 0);
}

/** UD0, UD1, UD2 and opcodes nobody has. */
export const undefined_ = (b: Builder): void => b.raise(UD);
export { undefined_ as undefined };
