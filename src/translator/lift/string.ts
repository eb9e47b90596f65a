/** String instructions: one helper call each. Repeated forms and port transfers end the block, because they may stop half-way. */
import { H_CMPS, H_INS, H_LODS, H_MOVS, H_OUTS, H_SCAS, H_STOS } from '../../machine/helpers/string.ts';
import { OP_HSTR, OP_NEXT } from '../../machine/ops.ts';
import type { Insn } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { sizeNumber } from './memory-operand.ts';

/** Field b of the helpers: 0, 1, 2 for addresses of 64, 32, 16 bits. */
const addressNumber = (i: Insn): number => (i.addrsize === 8 ? 0 : i.addrsize === 4 ? 1 : 2);

const emit = (b: Builder, i: Insn, helper: number, size: number, ends: boolean): void => {
  const repeat = i.rep === 0xf3 ? 1 : i.rep === 0xf2 ? 2 : 0;
  const extra = b.instructionPos | ((b.instructionPos + i.len) << 8);
  b.helper(OP_HSTR, helper, sizeNumber(size) | (repeat << 4), i.memSeg, addressNumber(i), 0, extra);
  if (ends || repeat !== 0) b.end(OP_NEXT, 0, 0, 0, 0, 0, 0);
};

export const movs = (b: Builder, i: Insn): void => emit(b, i, H_MOVS, i.o0.size, false);
export const stos = (b: Builder, i: Insn): void => emit(b, i, H_STOS, i.o0.size, false);
export const lods = (b: Builder, i: Insn): void => emit(b, i, H_LODS, i.o1.size, false);
export const cmps = (b: Builder, i: Insn): void => emit(b, i, H_CMPS, i.o0.size, false);
export const scas = (b: Builder, i: Insn): void => emit(b, i, H_SCAS, i.o1.size, false);
export const ins = (b: Builder, i: Insn): void => emit(b, i, H_INS, i.o0.size, true);
export const outs = (b: Builder, i: Insn): void => emit(b, i, H_OUTS, i.o1.size, true);
