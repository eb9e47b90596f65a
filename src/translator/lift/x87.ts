/** x87 instructions: each is one helper call, which makes its memory access itself. */
import {
  X_ARITH_MEM,
  X_ARITH_ST,
  X_CHECK,
  X_CLEX,
  X_CMOV,
  X_COMPARE,
  X_COMPARE_FLAGS,
  X_CONSTANT,
  X_FREE,
  X_INIT,
  X_LDCW,
  X_LDENV,
  X_LOAD_MEM,
  X_LOAD_ST,
  X_NOP,
  X_RSTOR,
  X_SAVE,
  X_STENV,
  X_STORE_MEM,
  X_STORE_ST,
  X_TYPE_BCD,
  X_TYPE_F32,
  X_TYPE_F64,
  X_TYPE_F80,
  X_TYPE_I16,
  X_TYPE_I32,
  X_TYPE_I64,
  X_UNARY,
  X_WAIT,
  X_XCH,
} from '../../machine/helpers/x87.ts';
import { FCW, FSW, MODE_FPU_TRAP, MODE_PROTECTED, MODE_VM86 } from '../../machine/layout.ts';
import { OP_COND, OP_HX87, OP_SETFLAGS } from '../../machine/ops.ts';
import { type Insn, OPK_MEM } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { linearSlot, namesOtherSegment, offsetSlot, SEG_CS, SEG_FS } from './memory-operand.ts';
import { read, write } from './operands.ts';

// operations of X_ARITH_*
const ADD = 0;
const MUL = 1;
const COM = 2;
const COMP = 3;
const SUB = 4;
const SUBR = 5;
const DIV = 6;
const DIVR = 7;

const POP = 1;
const TRUNCATE = 2;
/** FSTPNCE: no stack check. */
const UNCHECKED = 2;

/** #NM where the block's mode says that CR0 keeps the x87 from running. */
function guard(b: Builder, wait = 0): void {
  if ((b.mode & MODE_FPU_TRAP) !== 0) b.helper(OP_HX87, X_CHECK, wait);
}

/** `extra` of the helpers: where the instruction is and which. */
const place = (b: Builder, i: Insn): number => b.instructionPos | ((((i.opcode & 7) << 8) | i.modrm) << 8);

/** A helper without memory operand. */
function call(b: Builder, i: Insn, number: number, d = 0, a = 0, from = 0, c = 0): void {
  guard(b);
  b.helper(OP_HX87, number, d, a, from, c, place(b, i));
}

/** A helper with the memory operand of `size` bytes. */
function callMemory(b: Builder, i: Insn, number: number, d: number, type: number, size: number, store: boolean): void {
  guard(b);
  // a pending exception comes before the segment's
  if (!b.code64 && !(b.flat && i.memSeg < SEG_FS && i.memSeg !== SEG_CS && !namesOtherSegment(i))) b.helper(OP_HX87, X_WAIT);
  const linear = linearSlot(b, i, size, store);
  const offset = b.flat && i.memSeg < SEG_FS ? linear : offsetSlot(b, i);
  b.helper(OP_HX87, number, d, linear, type, offset, place(b, i) | (i.memSeg << 20) | 0x800000);
}

const realType = (size: number): number => (size === 4 ? X_TYPE_F32 : size === 8 ? X_TYPE_F64 : X_TYPE_F80);
const integerType = (size: number): number => (size === 2 ? X_TYPE_I16 : size === 4 ? X_TYPE_I32 : X_TYPE_I64);

// ---- arithmetic and comparisons -------------------------------------------------------------------------------------

const arithmetic =
  (op: number, pop: number) =>
  (b: Builder, i: Insn): void => {
    if (i.o1.kind === OPK_MEM) callMemory(b, i, X_ARITH_MEM, op, realType(i.o1.size), i.o1.size, false);
    else call(b, i, X_ARITH_ST, op, i.o0.reg, i.o1.reg, pop);
  };
export const fadd = arithmetic(ADD, 0);
export const fmul = arithmetic(MUL, 0);
export const fsub = arithmetic(SUB, 0);
export const fsubr = arithmetic(SUBR, 0);
export const fdiv = arithmetic(DIV, 0);
export const fdivr = arithmetic(DIVR, 0);
export const faddp = arithmetic(ADD, POP);
export const fmulp = arithmetic(MUL, POP);
export const fsubp = arithmetic(SUB, POP);
export const fsubrp = arithmetic(SUBR, POP);
export const fdivp = arithmetic(DIV, POP);
export const fdivrp = arithmetic(DIVR, POP);

const integerArithmetic =
  (op: number) =>
  (b: Builder, i: Insn): void =>
    callMemory(b, i, X_ARITH_MEM, op, integerType(i.o1.size), i.o1.size, false);
export const fiadd = integerArithmetic(ADD);
export const fimul = integerArithmetic(MUL);
export const ficom = integerArithmetic(COM);
export const ficomp = integerArithmetic(COMP);
export const fisub = integerArithmetic(SUB);
export const fisubr = integerArithmetic(SUBR);
export const fidiv = integerArithmetic(DIV);
export const fidivr = integerArithmetic(DIVR);

const comparison =
  (quiet: number, pops: number) =>
  (b: Builder, i: Insn): void => {
    if (i.o1.kind === OPK_MEM) callMemory(b, i, X_ARITH_MEM, pops ? COMP : COM, realType(i.o1.size), i.o1.size, false);
    else call(b, i, X_COMPARE, quiet, i.operands === 0 ? 1 : i.o1.reg, 0, pops);
  };
export const fcom = comparison(0, 0);
export const fcomp = comparison(0, 1);
export const fcompp = comparison(0, 2);
export const fucom = comparison(1, 0);
export const fucomp = comparison(1, 1);
export const fucompp = comparison(1, 2);

const comparisonToFlags =
  (quiet: number, pops: number) =>
  (b: Builder, i: Insn): void => {
    const t = b.temp();
    call(b, i, X_COMPARE_FLAGS, t, i.o1.reg, quiet, pops);
    b.un(OP_SETFLAGS, 0, t);
  };
export const fcomi = comparisonToFlags(0, 0);
export const fcomip = comparisonToFlags(0, 1);
export const fucomi = comparisonToFlags(1, 0);
export const fucomip = comparisonToFlags(1, 1);

const unary = (b: Builder, i: Insn): void => call(b, i, X_UNARY, i.modrm & 31);

export {
  unary as fchs,
  unary as fabs,
  unary as ftst,
  unary as fxam,
  unary as f2xm1,
  unary as fyl2x,
  unary as fptan,
  unary as fpatan,
  unary as fxtract,
  unary as fprem1,
  unary as fdecstp,
  unary as fincstp,
  unary as fprem,
  unary as fyl2xp1,
  unary as fsqrt,
  unary as fsincos,
  unary as frndint,
  unary as fscale,
  unary as fsin,
  unary as fcos,
};

// ---- loads, stores, moves ----------------------------------------------------------------------------------------------

/** FLD of memory or a stack register. */
export function fld(b: Builder, i: Insn): void {
  const { o0 } = i;
  if (o0.kind === OPK_MEM) callMemory(b, i, X_LOAD_MEM, 0, realType(o0.size), o0.size, false);
  else call(b, i, X_LOAD_ST, 0, o0.reg);
}

export function fild(b: Builder, i: Insn): void {
  callMemory(b, i, X_LOAD_MEM, 0, integerType(i.o0.size), i.o0.size, false);
}

export function fbld(b: Builder, i: Insn): void {
  callMemory(b, i, X_LOAD_MEM, 0, X_TYPE_BCD, 10, false);
}

const store =
  (pop: number) =>
  (b: Builder, i: Insn): void => {
    const { o0 } = i;
    if (o0.kind === OPK_MEM) callMemory(b, i, X_STORE_MEM, pop, realType(o0.size), o0.size, true);
    else call(b, i, X_STORE_ST, i.opcode === 0xd9 ? pop | UNCHECKED : pop, o0.reg);
  };
export const fst = store(0);
export const fstp = store(POP);

const storeInteger =
  (how: number) =>
  (b: Builder, i: Insn): void =>
    callMemory(b, i, X_STORE_MEM, how, integerType(i.o0.size), i.o0.size, true);
export const fist = storeInteger(0);
export const fistp = storeInteger(POP);
export const fisttp = storeInteger(POP | TRUNCATE);

export function fbstp(b: Builder, i: Insn): void {
  callMemory(b, i, X_STORE_MEM, POP, X_TYPE_BCD, 10, true);
}

export function fxch(b: Builder, i: Insn): void {
  call(b, i, X_XCH, 0, i.o1.reg);
}

const conditionalMove =
  (condition: number) =>
  (b: Builder, i: Insn): void => {
    const t = b.temp();
    b.emit(OP_COND, t, 0, 0, condition, 0, 0);
    call(b, i, X_CMOV, t, i.o1.reg);
  };
export const fcmovb = conditionalMove(2);
export const fcmovnb = conditionalMove(3);
export const fcmove = conditionalMove(4);
export const fcmovne = conditionalMove(5);
export const fcmovbe = conditionalMove(6);
export const fcmovnbe = conditionalMove(7);
export const fcmovu = conditionalMove(10);
export const fcmovnu = conditionalMove(11);

const constant = (b: Builder, i: Insn): void => call(b, i, X_CONSTANT, i.modrm & 7);

export { constant as fld1, constant as fldl2e, constant as fldl2t, constant as fldlg2, constant as fldln2, constant as fldpi, constant as fldz };

export function ffree(b: Builder, i: Insn): void {
  call(b, i, X_FREE, 0, i.o0.reg);
}

/** FFREEP: undocumented, FFREE and then a pop. */
export function ffreep(b: Builder, i: Insn): void {
  call(b, i, X_FREE, POP, i.o0.reg);
}

/** FNOP; and the controls of older coprocessors (opcode DB), which do nothing now and wait for nothing. */
export function fnop(b: Builder, i: Insn): void {
  if (i.opcode === 0xdb) guard(b);
  else call(b, i, X_NOP);
}

// ---- control -------------------------------------------------------------------------------------------------------------

export function fwait(b: Builder): void {
  guard(b, 1);
  b.helper(OP_HX87, X_WAIT);
}

export function fnclex(b: Builder): void {
  guard(b);
  b.helper(OP_HX87, X_CLEX);
}

export function fninit(b: Builder): void {
  guard(b);
  b.helper(OP_HX87, X_INIT);
}

export function fldcw(b: Builder, i: Insn): void {
  guard(b);
  b.helper(OP_HX87, X_WAIT);
  b.helper(OP_HX87, X_LDCW, 0, read(b, i, i.o0));
}

export function fnstcw(b: Builder, i: Insn): void {
  guard(b);
  write(b, i, i.o0, FCW);
}

export function fnstsw(b: Builder, i: Insn): void {
  guard(b);
  write(b, i, i.o0, FSW);
}

/** FLDENV, FNSTENV, FNSAVE, FRSTOR: the format depends on operand size and mode. */
const image =
  (number: number, stack: number, isStore: boolean) =>
  (b: Builder, i: Insn): void => {
    guard(b);
    const wide = i.opsize === 2 ? 0 : 1;
    const isProtected = (b.mode & MODE_PROTECTED) !== 0 && (b.mode & MODE_VM86) === 0 ? 2 : 0;
    // a pending exception comes before the segment's
    if (number === X_LDENV || number === X_RSTOR) b.helper(OP_HX87, X_WAIT);
    const address = linearSlot(b, i, (wide ? 28 : 14) + stack, isStore);
    b.helper(OP_HX87, number, wide | isProtected, address);
  };
export const fldenv = image(X_LDENV, 0, false);
export const fnstenv = image(X_STENV, 0, true);
export const fnsave = image(X_SAVE, 80, true);
export const frstor = image(X_RSTOR, 80, false);
