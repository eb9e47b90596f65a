/** Two-operand and one-operand integer arithmetic and logic. Flags are emitted before a register is overwritten, after a store that may fault. */
import { CC_ADC1, CC_ADD, CC_DEC, CC_INC, CC_LOGIC, CC_SBB1, CC_SUB, ZERO } from '../../machine/layout.ts';
import {
  OP_ADD,
  OP_ADD32,
  OP_ADDI,
  OP_ADDI32,
  OP_AND,
  OP_AND32,
  OP_ANDI,
  OP_ANDI32,
  OP_CARRY,
  OP_CCNZ,
  OP_NEG,
  OP_NEG32,
  OP_NOT,
  OP_NOT32,
  OP_OR,
  OP_OR32,
  OP_ORI,
  OP_ORI32,
  OP_SUB,
  OP_SUB32,
  OP_XOR,
  OP_XOR32,
  OP_XORI,
  OP_XORI32,
} from '../../machine/ops.ts';
import { type Insn, OPK_GPR, OPK_IMM, OPK_MEM, type Operand } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { sizeNumber } from './memory-operand.ts';
import { destination, finish, read, readForWrite, writeBack, writeRegister } from './operands.ts';

type LiftFunction = (b: Builder, i: Insn) => void;

/** The operations of one instruction: on 64 bits, on 32 bits, and both with a constant (0: none). */
interface Forms {
  readonly wide: number;
  readonly narrow: number;
  readonly wideImmediate: number;
  readonly narrowImmediate: number;
}

const addForms: Forms = { wide: OP_ADD, narrow: OP_ADD32, wideImmediate: OP_ADDI, narrowImmediate: OP_ADDI32 };
const subForms: Forms = { wide: OP_SUB, narrow: OP_SUB32, wideImmediate: OP_ADDI, narrowImmediate: OP_ADDI32 };
const andForms: Forms = { wide: OP_AND, narrow: OP_AND32, wideImmediate: OP_ANDI, narrowImmediate: OP_ANDI32 };
const orForms: Forms = { wide: OP_OR, narrow: OP_OR32, wideImmediate: OP_ORI, narrowImmediate: OP_ORI32 };
const xorForms: Forms = { wide: OP_XOR, narrow: OP_XOR32, wideImmediate: OP_XORI, narrowImmediate: OP_XORI32 };

const sameRegister = (x: Operand, y: Operand): boolean => x.kind === OPK_GPR && y.kind === OPK_GPR && x.reg === y.reg;

/** d = x op constant of the instruction (subtraction adds the negated constant). */
const emitImmediate = (b: Builder, i: Insn, forms: Forms, size: number, d: number, x: number): void => {
  const op = size === 8 ? forms.wideImmediate : forms.narrowImmediate;
  if (forms === subForms) {
    const lo = -i.immLo | 0;
    b.emit(op, d, x, 0, 0, lo, (~i.immHi + (i.immLo === 0 ? 1 : 0)) | 0);
  } else b.emit(op, d, x, 0, 0, i.immLo, i.immHi);
};

/** ADD and SUB: flags from both operands. */
const arithmetic =
  (forms: Forms, kind: number): LiftFunction =>
  (b, i) => {
    const { o0, o1 } = i;
    const { size } = o0;
    const flags = kind + sizeNumber(size);
    const op = size === 8 ? forms.wide : forms.narrow;
    const constant = o1.kind === OPK_IMM;
    if (o0.kind === OPK_MEM) {
      const y = constant ? ZERO : read(b, i, o1);
      const x = readForWrite(b, i, o0);
      const t = b.temp();
      if (constant) emitImmediate(b, i, forms, size, t, x);
      else b.bin(op, t, x, y);
      writeBack(b, i, o0, t);
      if (constant) b.cci(flags, x, i.immLo, i.immHi);
      else b.cc(flags, x, y);
      return;
    }
    if (kind === CC_SUB && size >= 4 && sameRegister(o0, o1)) return clear(b, o0);
    const y = constant ? ZERO : read(b, i, o1);
    const x = read(b, i, o0);
    const d = destination(b, o0);
    if (constant) {
      b.cci(flags, x, i.immLo, i.immHi);
      emitImmediate(b, i, forms, size, d, x);
    } else {
      b.cc(flags, x, y);
      b.bin(op, d, x, y);
    }
    finish(b, i, o0, d);
  };

/** A register (4 or 8 bytes) set to zero by XOR or SUB with itself. */
const clear = (b: Builder, o: Operand): void => {
  b.movi(o.reg, 0);
  b.cci(CC_LOGIC + sizeNumber(o.size), ZERO, 0);
};

/** AND, OR, XOR: flags from the result. */
const logic =
  (forms: Forms): LiftFunction =>
  (b, i) => {
    const { o0, o1 } = i;
    const { size } = o0;
    const flags = CC_LOGIC + sizeNumber(size);
    const op = size === 8 ? forms.wide : forms.narrow;
    const constant = o1.kind === OPK_IMM;
    if (o0.kind !== OPK_MEM && size >= 4 && sameRegister(o0, o1)) {
      if (forms === xorForms) return clear(b, o0);
      if (size === 4) writeRegister(b, o0.reg, 4, o0.reg);
      return b.cci(flags, o0.reg, 0);
    }
    const y = constant ? ZERO : read(b, i, o1);
    const x = readForWrite(b, i, o0);
    const d = destination(b, o0);
    if (constant) emitImmediate(b, i, forms, size, d, x);
    else b.bin(op, d, x, y);
    finish(b, i, o0, d);
    b.cci(flags, d, 0);
  };

/** ADC and SBB: one of two flag operations, chosen by the carry that came in. */
const withCarry =
  (op32: number, op64: number, kind: number, kindCarry: number): LiftFunction =>
  (b, i) => {
    const { o0, o1 } = i;
    const { size } = o0;
    const n = sizeNumber(size);
    const op = size === 8 ? op64 : op32;
    const carry = b.temp();
    const y = read(b, i, o1);
    const x = readForWrite(b, i, o0);
    const d = destination(b, o0);
    b.un(OP_CARRY, carry, 0);
    if (o0.kind === OPK_MEM) {
      b.bin(op, d, x, y);
      b.bin(op, d, d, carry);
      writeBack(b, i, o0, d);
      b.cc(kind + n, x, y);
      b.emit(OP_CCNZ, carry, x, y, kindCarry + n, 0, 0);
      return;
    }
    b.cc(kind + n, x, y);
    b.emit(OP_CCNZ, carry, x, y, kindCarry + n, 0, 0);
    if (kind === CC_SUB && sameRegister(o0, o1)) b.un(size === 8 ? OP_NEG : OP_NEG32, d, carry);
    else {
      b.bin(op, d, x, y);
      b.bin(op, d, d, carry);
    }
    finish(b, i, o0, d);
  };

/** INC and DEC keep CF, which goes into the second flag operand. */
const step =
  (delta: number, kind: number): LiftFunction =>
  (b, i) => {
    const { o0 } = i;
    const carry = b.temp();
    const x = readForWrite(b, i, o0);
    const d = destination(b, o0);
    b.un(OP_CARRY, carry, 0);
    b.imm(o0.size === 8 ? OP_ADDI : OP_ADDI32, d, x, delta);
    finish(b, i, o0, d);
    b.cc(kind + sizeNumber(o0.size), d, carry);
  };

export const add: LiftFunction = arithmetic(addForms, CC_ADD);
export const sub: LiftFunction = arithmetic(subForms, CC_SUB);
export const and: LiftFunction = logic(andForms);
export const or: LiftFunction = logic(orForms);
export const xor: LiftFunction = logic(xorForms);
export const adc: LiftFunction = withCarry(OP_ADD32, OP_ADD, CC_ADD, CC_ADC1);
export const sbb: LiftFunction = withCarry(OP_SUB32, OP_SUB, CC_SUB, CC_SBB1);
export const inc: LiftFunction = step(1, CC_INC);
export const dec: LiftFunction = step(-1, CC_DEC);

/** CMP: the flags of SUB. */
export function cmp(b: Builder, i: Insn): void {
  const { o0, o1 } = i;
  const flags = CC_SUB + sizeNumber(o0.size);
  if (o1.kind === OPK_IMM) b.cci(flags, read(b, i, o0), i.immLo, i.immHi);
  else {
    const x = read(b, i, o0);
    b.cc(flags, x, read(b, i, o1));
  }
}

/** TEST: the flags of AND. */
export function test(b: Builder, i: Insn): void {
  const { o0, o1 } = i;
  const flags = CC_LOGIC + sizeNumber(o0.size);
  const x = read(b, i, o0);
  if (sameRegister(o0, o1)) return b.cci(flags, x, 0);
  const t = b.temp();
  if (o1.kind === OPK_IMM) b.emit(OP_ANDI, t, x, 0, 0, i.immLo, i.immHi);
  else b.bin(OP_AND, t, x, read(b, i, o1));
  b.cci(flags, t, 0);
}

/** NEG: 0 - x. */
export function neg(b: Builder, i: Insn): void {
  const { o0 } = i;
  const flags = CC_SUB + sizeNumber(o0.size);
  const op = o0.size === 8 ? OP_NEG : OP_NEG32;
  const x = readForWrite(b, i, o0);
  const d = destination(b, o0);
  if (o0.kind === OPK_MEM) {
    b.un(op, d, x);
    writeBack(b, i, o0, d);
    b.cc(flags, ZERO, x);
  } else {
    b.cc(flags, ZERO, x);
    b.un(op, d, x);
    finish(b, i, o0, d);
  }
}

/** NOT leaves the flags. */
export function not(b: Builder, i: Insn): void {
  const x = readForWrite(b, i, i.o0);
  const d = destination(b, i.o0);
  b.un(i.o0.size === 8 ? OP_NOT : OP_NOT32, d, x);
  finish(b, i, i.o0, d);
}
