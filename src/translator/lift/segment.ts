/** Segment registers, descriptor tables' registers, questions about selectors, far JMP, CALL and RET. */
import {
  H_ARPL,
  H_ARPL_MEMORY,
  H_FAR_CALL,
  H_FAR_JMP,
  H_LAR,
  H_LLDT,
  H_LOAD_SEG,
  H_LSL,
  H_LTR,
  H_RDSEGBASE,
  H_RETF,
  H_SLDT,
  H_STR,
  H_VERR,
  H_VERW,
  H_WRSEGBASE,
} from '../../machine/helpers/system.ts';
import { SEG_SEL } from '../../machine/layout.ts';
import { OP_HSYS, OP_MOV, OP_NEXT } from '../../machine/ops.ts';
import { type Insn, OPK_FAR, OPK_MEM } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { address, loadAt, offsetSlot, SEG_SS } from './memory-operand.ts';
import { read, readForWrite, write, writeBack, writeRegister } from './operands.ts';
import { loadStack, moveStack } from './stack-access.ts';

const FS = 4;
const GS = 5;

const next = (b: Builder, i: Insn): number => b.instructionPos + i.len;

const endAnew = (b: Builder): void => b.end(OP_NEXT, 0, 0, 0, 0, 0, 0);

/**
 * Loads a segment register; the mode word depends on it outside 64-bit code, and SS holds interrupts back for an instruction.
 * True if the helper set RIP, so that the block must end.
 */
const loadRegister = (b: Builder, i: Insn, segment: number, slot: number, shadow: boolean): boolean => {
  const ends = !b.code64 || segment === SEG_SS;
  b.helper(OP_HSYS, H_LOAD_SEG, segment, slot, 0, shadow ? 1 : 0, ends ? next(b, i) : 0);
  return ends;
};

/** MOV Sreg, r/m16. */
export function load(b: Builder, i: Insn): void {
  const segment = i.o0.reg;
  if (loadRegister(b, i, segment, read(b, i, i.o1), segment === SEG_SS)) endAnew(b);
}

/** POP Sreg: the stack pointer moves when the load has succeeded. */
export function pop(b: Builder, i: Insn): void {
  const segment = i.o0.reg;
  const t = b.temp();
  loadStack(b, t, 0, i.opsize);
  const ends = loadRegister(b, i, segment, t, segment === SEG_SS);
  moveStack(b, i.opsize);
  if (ends) endAnew(b);
}

const farRegisters: Readonly<Record<string, number>> = { LES: 0, LSS: SEG_SS, LDS: 3, LFS: FS, LGS: GS };

/** LES, LDS, LSS, LFS, LGS. */
export function loadFar(b: Builder, i: Insn): void {
  const { opsize } = i;
  const offset = b.temp();
  const selector = b.temp();
  loadAt(b, offset, address(b, i, opsize, false), opsize);
  loadAt(b, selector, address(b, i, 2, false, opsize), 2);
  const ends = loadRegister(b, i, farRegisters[i.row.mnemonic] as number, selector, false);
  writeRegister(b, i.o0.reg, opsize, offset);
  if (ends) endAnew(b);
}

/** MOV r/m, Sreg: registers get it zero-extended. */
export function store(b: Builder, i: Insn): void {
  write(b, i, i.o0, SEG_SEL + i.o1.reg);
}

/** ARPL: memory is written only if it changes. */
export function arpl(b: Builder, i: Insn): void {
  const source = read(b, i, i.o1);
  if (i.o0.kind === OPK_MEM) return b.helper(OP_HSYS, H_ARPL_MEMORY, i.memSeg, offsetSlot(b, i), source);
  const t = b.temp();
  b.un(OP_MOV, t, readForWrite(b, i, i.o0));
  b.helper(OP_HSYS, H_ARPL, t, source);
  writeBack(b, i, i.o0, t);
}

const query =
  (helper: number) =>
  (b: Builder, i: Insn): void =>
    b.helper(OP_HSYS, helper, i.o0.reg, read(b, i, i.o1), 0, i.opsize);

export const lar: (b: Builder, i: Insn) => void = query(H_LAR);
export const lsl: (b: Builder, i: Insn) => void = query(H_LSL);

const withSelector =
  (helper: number) =>
  (b: Builder, i: Insn): void =>
    b.helper(OP_HSYS, helper, 0, read(b, i, i.o0));

export const verr: (b: Builder, i: Insn) => void = withSelector(H_VERR);
export const verw: (b: Builder, i: Insn) => void = withSelector(H_VERW);
export const lldt: (b: Builder, i: Insn) => void = withSelector(H_LLDT);
export const ltr: (b: Builder, i: Insn) => void = withSelector(H_LTR);

const storeSelector =
  (helper: number) =>
  (b: Builder, i: Insn): void => {
    const t = b.temp();
    b.helper(OP_HSYS, helper, t);
    write(b, i, i.o0, t);
  };

export const sldt: (b: Builder, i: Insn) => void = storeSelector(H_SLDT);
export const str: (b: Builder, i: Insn) => void = storeSelector(H_STR);

const readBase =
  (segment: number) =>
  (b: Builder, i: Insn): void =>
    b.helper(OP_HSYS, H_RDSEGBASE, i.o0.reg, 0, segment, i.o0.size);

const writeBase =
  (segment: number) =>
  (b: Builder, i: Insn): void =>
    b.helper(OP_HSYS, H_WRSEGBASE, 0, i.o0.reg, segment, i.o0.size);

export const rdfsbase: (b: Builder, i: Insn) => void = readBase(FS);
export const rdgsbase: (b: Builder, i: Insn) => void = readBase(GS);
export const wrfsbase: (b: Builder, i: Insn) => void = writeBase(FS);
export const wrgsbase: (b: Builder, i: Insn) => void = writeBase(GS);

/** Far pointer in the instruction or in memory, then the transfer. */
const farTransfer =
  (helper: number) =>
  (b: Builder, i: Insn): void => {
    const { opsize, o0 } = i;
    const offset = b.temp();
    const selector = b.temp();
    if (o0.kind === OPK_FAR) {
      b.movi(offset, i.immLo, 0);
      b.movi(selector, i.imm2 & 0xffff);
    } else {
      loadAt(b, offset, address(b, i, opsize, false), opsize);
      loadAt(b, selector, address(b, i, 2, false, opsize), 2);
    }
    // AMD: REX.W does not widen a pointer in memory, but what a call pushes
    const size = b.code64 && (i.rex & 8) !== 0 ? 8 : opsize;
    b.helper(OP_HSYS, helper, 0, selector, offset, size, next(b, i));
    endAnew(b);
  };

export const jmpFar: (b: Builder, i: Insn) => void = farTransfer(H_FAR_JMP);
export const callFar: (b: Builder, i: Insn) => void = farTransfer(H_FAR_CALL);

/** RETF, with or without dropping parameters. */
export function retFar(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_RETF, 0, 0, 0, i.opsize, i.operands > 0 ? i.immLo & 0xffff : 0);
  endAnew(b);
}
