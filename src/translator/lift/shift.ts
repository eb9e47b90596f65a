/** Shifts and rotates by one, by a constant and by CL. A masked count of 0 changes no flag. */

import { HI_ROTATE, HI_ROTATE_CARRY, HI_ROTATE_CARRY_FLAGS, HI_ROTATE_FLAGS, HI_SHIFT_DOUBLE } from '../../machine/helpers/int.ts';
import { CC_SHL, CC_SHR, RCX } from '../../machine/layout.ts';
import {
  OP_ADDI,
  OP_ANDI,
  OP_CCNZ,
  OP_HINT,
  OP_MOV,
  OP_OR,
  OP_OR32,
  OP_ROL,
  OP_ROL32,
  OP_ROR,
  OP_ROR32,
  OP_SAR,
  OP_SAR32,
  OP_SARI,
  OP_SARI32,
  OP_SHL,
  OP_SHL32,
  OP_SHLI,
  OP_SHLI32,
  OP_SHR,
  OP_SHR32,
  OP_SHRI,
  OP_SHRI32,
} from '../../machine/ops.ts';
import { type Insn, OPK_IMM, OPK_MEM, type Operand } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { sizeNumber } from './memory-operand.ts';
import { destination, finish, readForWrite, signExtend, writeBack, zeroExtend } from './operands.ts';

type LiftFunction = (b: Builder, i: Insn) => void;

interface Forms {
  readonly wide: number;
  readonly narrow: number;
  readonly wideConstant: number;
  readonly narrowConstant: number;
  /** How 8- and 16-bit values are widened first. */
  readonly extend: 'none' | 'zero' | 'sign';
  readonly flags: number;
}

const shlForms: Forms = { wide: OP_SHL, narrow: OP_SHL32, wideConstant: OP_SHLI, narrowConstant: OP_SHLI32, extend: 'none', flags: CC_SHL };
const shrForms: Forms = { wide: OP_SHR, narrow: OP_SHR32, wideConstant: OP_SHRI, narrowConstant: OP_SHRI32, extend: 'zero', flags: CC_SHR };
const sarForms: Forms = { wide: OP_SAR, narrow: OP_SAR32, wideConstant: OP_SARI, narrowConstant: OP_SARI32, extend: 'sign', flags: CC_SHR };

/** The count operand's constant value after masking, or -1 if it is CL. */
const constantCount = (o: Operand, i: Insn, size: number): number => (o.kind === OPK_IMM ? (o.reg === 1 ? i.imm2 : i.immLo) & (size === 8 ? 63 : 31) : -1);

/** Slot with the masked count in CL. */
const variableCount = (b: Builder, size: number): number => {
  const t = b.temp();
  b.imm(OP_ANDI, t, RCX, size === 8 ? 63 : 31);
  return t;
};

/** Value to shift, widened where 8 or 16 bits have to be seen as 32. */
const widened = (b: Builder, slot: number, size: number, extend: Forms['extend']): number => {
  if (size >= 4 || extend === 'none') return slot;
  const t = b.temp();
  if (extend === 'zero') zeroExtend(b, t, slot, size);
  else signExtend(b, t, slot, size);
  return t;
};

const shift =
  (forms: Forms): LiftFunction =>
  (b, i) => {
    const { o0, o1 } = i;
    const { size } = o0;
    const flags = forms.flags + sizeNumber(size);
    const count = constantCount(o1, i, size);
    const x = widened(b, readForWrite(b, i, o0), size, forms.extend);
    const before = b.temp();
    if (count >= 0) {
      const op = size === 8 ? forms.wideConstant : forms.narrowConstant;
      if (count === 0) return writeBack(b, i, o0, x);
      if (count === 1) b.un(OP_MOV, before, x);
      else b.imm(op, before, x, count - 1);
      const d = destination(b, o0);
      b.imm(op, d, x, count);
      finish(b, i, o0, d);
      return b.cc(flags, before, d);
    }
    // by CL: counts up to 31 exceed 8 and 16 bits, so that narrow values are shifted as 64 bits
    const op = size === 4 ? forms.narrow : forms.wide;
    const amount = variableCount(b, size);
    const less = b.temp();
    b.imm(OP_ADDI, less, amount, -1);
    b.bin(op, before, x, less);
    const d = destination(b, o0);
    // RCX may be the destination: the count was copied
    b.bin(op, d, x, amount);
    finish(b, i, o0, d);
    b.emit(OP_CCNZ, amount, before, d, flags, 0, 0);
  };

export const shl: LiftFunction = shift(shlForms);
export const shr: LiftFunction = shift(shrForms);
export const sar: LiftFunction = shift(sarForms);

/** Slot with the count, constant or from CL. */
const countSlot = (b: Builder, i: Insn, o: Operand, size: number): number => {
  const count = constantCount(o, i, size);
  if (count < 0) return variableCount(b, size);
  const t = b.temp();
  b.movi(t, count);
  return t;
};

const rotate =
  (right: boolean): LiftFunction =>
  (b, i) => {
    const { o0, o1 } = i;
    const { size } = o0;
    const how = sizeNumber(size) | (right ? 4 : 0);
    const x = readForWrite(b, i, o0);
    if (constantCount(o1, i, size) === 0) return writeBack(b, i, o0, x);
    const count = countSlot(b, i, o1, size);
    const d = destination(b, o0);
    if (size === 8) b.bin(right ? OP_ROR : OP_ROL, d, x, count);
    else if (size === 4) b.bin(right ? OP_ROR32 : OP_ROL32, d, x, count);
    else b.helper(OP_HINT, HI_ROTATE, d, x, count, 0, how);
    finish(b, i, o0, d);
    b.helper(OP_HINT, HI_ROTATE_FLAGS, 0, d, count, 0, how);
  };

export const rol: LiftFunction = rotate(false);
export const ror: LiftFunction = rotate(true);

const rotateCarry =
  (right: boolean): LiftFunction =>
  (b, i) => {
    const { o0, o1 } = i;
    const { size } = o0;
    const how = sizeNumber(size) | (right ? 4 : 0);
    const x = readForWrite(b, i, o0);
    if (constantCount(o1, i, size) === 0) return writeBack(b, i, o0, x);
    const count = countSlot(b, i, o1, size);
    const t = b.temp();
    b.helper(OP_HINT, HI_ROTATE_CARRY, t, x, count, 0, how);
    if (o0.kind === OPK_MEM) writeBack(b, i, o0, t);
    b.helper(OP_HINT, HI_ROTATE_CARRY_FLAGS, 0, x, count, 0, how);
    if (o0.kind !== OPK_MEM) writeBack(b, i, o0, t);
  };

export const rcl: LiftFunction = rotateCarry(false);
export const rcr: LiftFunction = rotateCarry(true);

/** SHLD and SHRD: shift with bits coming in from another register. */
const shiftDouble =
  (right: boolean): LiftFunction =>
  (b, i) => {
    const { o0, o1, o2 } = i;
    const { size } = o0;
    const forms = right ? shrForms : shlForms;
    const flags = forms.flags + sizeNumber(size);
    const count = constantCount(o2, i, size);
    const y = o1.reg;
    const x = widened(b, readForWrite(b, i, o0), size, 'zero');
    if (count === 0) return writeBack(b, i, o0, x);
    const before = b.temp();
    if (count > 0 && size >= 4) {
      const wide = size === 8;
      const into = right ? (wide ? OP_SHRI : OP_SHRI32) : wide ? OP_SHLI : OP_SHLI32;
      const from = right ? (wide ? OP_SHLI : OP_SHLI32) : wide ? OP_SHRI : OP_SHRI32;
      const filler = b.temp();
      b.imm(into, before, x, count - 1);
      b.imm(from, filler, y, size * 8 - count);
      const d = b.temp();
      b.imm(into, d, x, count);
      b.bin(wide ? OP_OR : OP_OR32, d, d, filler);
      writeBack(b, i, o0, d);
      return b.cc(flags, before, d);
    }
    const amount = countSlot(b, i, o2, size);
    const less = b.temp();
    const d = b.temp();
    b.imm(OP_ADDI, less, amount, -1);
    b.bin(size === 4 ? forms.narrow : forms.wide, before, x, less);
    b.helper(OP_HINT, HI_SHIFT_DOUBLE, d, x, y, amount, sizeNumber(size) | (right ? 4 : 0));
    writeBack(b, i, o0, d);
    b.emit(OP_CCNZ, amount, before, d, flags, 0, 0);
  };

export const shld: LiftFunction = shiftDouble(false);
export const shrd: LiftFunction = shiftDouble(true);
