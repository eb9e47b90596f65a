/** BMI1, BMI2, ADX: three-operand integer instructions, without #UD rules of vectors. Flags marked undefined in the rows are left as they come. */
import { HI_PDEP, HI_PEXT, HI_SET_CARRY, HI_SET_OVERFLOW } from '../../machine/helpers/int.ts';
import { CC_LOGIC, CC_SHR, RDX, ZERO } from '../../machine/layout.ts';
import {
  OP_ADD,
  OP_ADDI,
  OP_AND,
  OP_ANDI,
  OP_CARRY,
  OP_COND,
  OP_HINT,
  OP_MUL,
  OP_MULHU,
  OP_NEG,
  OP_NOT,
  OP_OR,
  OP_ROR,
  OP_ROR32,
  OP_SAR,
  OP_SAR32,
  OP_SETEQ,
  OP_SETLTU,
  OP_SETNE,
  OP_SHL,
  OP_SHR,
  OP_SHR32,
  OP_SHRI,
  OP_XOR,
  OP_XORI,
  OP_ZX8,
  OP_ZX32,
} from '../../machine/ops.ts';
import type { Insn } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { sizeNumber } from './memory-operand.ts';
import { read, readZero, writeRegister, zeroExtend } from './operands.ts';

type LiftFunction = (b: Builder, i: Insn) => void;

/** Flags: SF and ZF of `result`, CF = slot `carry` (0 or 1), OF = 0. */
const resultAndCarry = (b: Builder, size: number, result: number, carry: number): void => {
  const t = b.temp();
  b.imm(OP_ANDI, t, result, -2);
  b.bin(OP_OR, t, t, carry);
  b.cc(CC_SHR + sizeNumber(size), t, result);
};

export function andn(b: Builder, i: Insn): void {
  const { reg, size } = i.o0;
  const t = b.temp();
  b.un(OP_NOT, t, read(b, i, i.o1));
  b.bin(OP_AND, t, t, read(b, i, i.o2));
  zeroExtend(b, reg, t, size);
  b.cci(CC_LOGIC + sizeNumber(size), reg, 0);
}

/** BLSR, BLSMSK, BLSI: of the source and the source minus one or negated. */
const lowest =
  (combine: number, negate: boolean, carryIfZero: boolean): LiftFunction =>
  (b, i) => {
    const { reg, size } = i.o0;
    const x = readZero(b, i, i.o1);
    const t = b.temp();
    const carry = b.temp();
    b.bin(carryIfZero ? OP_SETEQ : OP_SETNE, carry, x, ZERO);
    if (negate) b.un(OP_NEG, t, x);
    else b.imm(OP_ADDI, t, x, -1);
    b.bin(combine, t, t, x);
    zeroExtend(b, reg, t, size);
    resultAndCarry(b, size, reg, carry);
  };
export const blsr: LiftFunction = lowest(OP_AND, false, true);
export const blsmsk: LiftFunction = lowest(OP_XOR, false, true);
export const blsi: LiftFunction = lowest(OP_AND, true, false);

/** Slot with `x` if slot `count` is at least 64, else its low `count` bits. */
const lowBits = (b: Builder, x: number, count: number): number => {
  const t = b.temp();
  const limit = b.temp();
  const short = b.temp();
  b.movi(limit, 64);
  b.bin(OP_SETLTU, short, count, limit);
  b.movi(t, 1);
  b.bin(OP_SHL, t, t, count);
  b.imm(OP_ADDI, t, t, -1);
  b.bin(OP_AND, t, t, x);
  b.sel(t, short, t, x);
  return t;
};

export function bzhi(b: Builder, i: Insn): void {
  const { reg, size } = i.o0;
  const x = readZero(b, i, i.o1);
  const count = b.temp();
  const carry = b.temp();
  const limit = b.temp();
  b.un(OP_ZX8, count, read(b, i, i.o2));
  b.movi(limit, size * 8);
  b.bin(OP_SETLTU, carry, count, limit);
  b.imm(OP_XORI, carry, carry, 1);
  zeroExtend(b, reg, lowBits(b, x, count), size);
  resultAndCarry(b, size, reg, carry);
}

export function bextr(b: Builder, i: Insn): void {
  const { reg, size } = i.o0;
  const x = readZero(b, i, i.o1);
  const control = read(b, i, i.o2);
  const start = b.temp();
  const length = b.temp();
  const limit = b.temp();
  const t = b.temp();
  b.un(OP_ZX8, start, control);
  b.imm(OP_SHRI, length, control, 8);
  b.un(OP_ZX8, length, length);
  b.movi(limit, 64);
  b.bin(OP_SETLTU, limit, start, limit);
  b.bin(OP_SHR, t, x, start);
  b.sel(t, limit, t, ZERO);
  zeroExtend(b, reg, lowBits(b, t, length), size);
  b.cci(CC_LOGIC + sizeNumber(size), reg, 0);
}

const parallel =
  (number: number): LiftFunction =>
  (b, i) =>
    b.helper(OP_HINT, number, i.o0.reg, read(b, i, i.o1), read(b, i, i.o2), 0, sizeNumber(i.o0.size));
export const pdep: LiftFunction = parallel(HI_PDEP);
export const pext: LiftFunction = parallel(HI_PEXT);

/** MULX: the upper half wins where both go to one register. */
export function mulx(b: Builder, i: Insn): void {
  const { size } = i.o0;
  const x = readZero(b, i, i.o2);
  const low = b.temp();
  const high = b.temp();
  if (size === 8) {
    b.bin(OP_MULHU, high, x, RDX);
    b.bin(OP_MUL, low, x, RDX);
  } else {
    b.un(OP_ZX32, low, RDX);
    b.bin(OP_MUL, low, x, low);
    b.imm(OP_SHRI, high, low, 32);
  }
  writeRegister(b, i.o1.reg, size, low);
  writeRegister(b, i.o0.reg, size, high);
}

/** Shifts without flags, by a register's low bits. */
const shiftBy =
  (wide: number, narrow: number): LiftFunction =>
  (b, i) => {
    const x = read(b, i, i.o1);
    // the source of a 32-bit form is the value's low half whatever stands above
    if (i.o0.size === 8) b.bin(wide, i.o0.reg, x, i.o2.reg);
    else if (narrow !== OP_SHL) b.bin(narrow, i.o0.reg, x, i.o2.reg);
    else {
      const count = b.temp();
      b.imm(OP_ANDI, count, i.o2.reg, 31);
      b.bin(OP_SHL, count, x, count);
      b.un(OP_ZX32, i.o0.reg, count);
    }
  };
export const sarx: LiftFunction = shiftBy(OP_SAR, OP_SAR32);
export const shrx: LiftFunction = shiftBy(OP_SHR, OP_SHR32);
export const shlx: LiftFunction = shiftBy(OP_SHL, OP_SHL);

export function rorx(b: Builder, i: Insn): void {
  const x = read(b, i, i.o1);
  const count = b.temp();
  b.movi(count, i.immLo & 63);
  b.bin(i.o0.size === 8 ? OP_ROR : OP_ROR32, i.o0.reg, x, count);
}

/** ADCX and ADOX: one flag in and out, the others stay. */
const addWith =
  (overflow: boolean): LiftFunction =>
  (b, i) => {
    const { o0 } = i;
    const y = readZero(b, i, i.o1);
    const x = readZero(b, i, o0);
    const carry = b.temp();
    const t = b.temp();
    const out = b.temp();
    if (overflow) b.emit(OP_COND, carry, 0, 0, 0, 0, 0);
    else b.un(OP_CARRY, carry, 0);
    b.bin(OP_ADD, t, x, y);
    if (o0.size === 8) {
      const second = b.temp();
      b.bin(OP_SETLTU, out, t, y);
      b.bin(OP_ADD, t, t, carry);
      b.bin(OP_SETLTU, second, t, carry);
      b.bin(OP_OR, out, out, second);
    } else {
      b.bin(OP_ADD, t, t, carry);
      b.imm(OP_SHRI, out, t, 32);
    }
    writeRegister(b, o0.reg, o0.size, t);
    b.helper(OP_HINT, overflow ? HI_SET_OVERFLOW : HI_SET_CARRY, 0, out);
  };
export const adcx: LiftFunction = addWith(false);
export const adox: LiftFunction = addWith(true);
