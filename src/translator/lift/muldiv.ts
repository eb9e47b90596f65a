/** Multiplication and division. CF and OF of a product say that its upper half is significant. */
import { HI_DIV, HI_IDIV } from '../../machine/helpers/int.ts';
import { CC_MUL, RAX, RDX } from '../../machine/layout.ts';
import { OP_HINT, OP_MUL, OP_MULHS, OP_MULHU, OP_SARI, OP_SETNE, OP_SHRI } from '../../machine/ops.ts';
import { type Insn, OPK_NONE } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { sizeNumber } from './memory-operand.ts';
import { read, readSigned, readZero, signExtend, writeRegister, zeroExtend } from './operands.ts';

/** rDX:rAX (AX for bytes) = the product's halves. */
const writePair = (b: Builder, size: number, low: number, high: number): void => {
  if (size === 1) return writeRegister(b, RAX, 2, low);
  writeRegister(b, RAX, size, low);
  writeRegister(b, RDX, size, high);
};

/** MUL: rDX:rAX = rAX * operand, unsigned. */
export function mul(b: Builder, i: Insn): void {
  const { size } = i.o0;
  const x = readZero(b, i, i.o0);
  const low = b.temp();
  const high = b.temp();
  if (size === 8) {
    b.bin(OP_MULHU, high, x, RAX);
    b.bin(OP_MUL, low, x, RAX);
  } else {
    zeroExtend(b, low, RAX, size);
    b.bin(OP_MUL, low, x, low);
    b.imm(OP_SHRI, high, low, size * 8);
  }
  writePair(b, size, low, high);
  b.cc(CC_MUL + sizeNumber(size), low, high);
}

/** overflow = the product in low (and high, for 64 bits) is not the sign extension of its low half. */
const signedOverflow = (b: Builder, size: number, low: number, high: number): number => {
  const overflow = b.temp();
  if (size === 8) {
    b.imm(OP_SARI, overflow, low, 63);
    b.bin(OP_SETNE, overflow, overflow, high);
  } else {
    signExtend(b, overflow, low, size);
    b.bin(OP_SETNE, overflow, overflow, low);
  }
  return overflow;
};

/** IMUL with one operand: rDX:rAX = rAX * operand, signed. */
export function imulWide(b: Builder, i: Insn): void {
  const { size } = i.o0;
  const low = b.temp();
  const high = b.temp();
  const x = readSigned(b, i, i.o0);
  if (size === 8) {
    b.bin(OP_MULHS, high, x, RAX);
    b.bin(OP_MUL, low, x, RAX);
  } else {
    signExtend(b, low, RAX, size);
    b.bin(OP_MUL, low, x, low);
    b.imm(OP_SHRI, high, low, size * 8);
  }
  const overflow = signedOverflow(b, size, low, high);
  writePair(b, size, low, high);
  b.cc(CC_MUL + sizeNumber(size), low, overflow);
}

/** IMUL with two operands, or three (the last one constant). */
export function imul(b: Builder, i: Insn): void {
  const { reg, size } = i.o0;
  const x = readSigned(b, i, i.o1);
  const y = i.o2.kind === OPK_NONE ? readSigned(b, i, i.o0) : read(b, i, i.o2);
  const low = size === 8 ? reg : b.temp();
  const high = b.temp();
  // the destination may be a source too: the upper half first
  if (size === 8) b.bin(OP_MULHS, high, x, y);
  b.bin(OP_MUL, low, x, y);
  const overflow = signedOverflow(b, size, low, high);
  writeRegister(b, reg, size, low);
  b.cc(CC_MUL + sizeNumber(size), low, overflow);
}

const divide =
  (number: number) =>
  (b: Builder, i: Insn): void =>
    b.helper(OP_HINT, number, 0, read(b, i, i.o0), 0, 0, sizeNumber(i.o0.size));

/** DIV: unsigned; flags stay as they are. */
export const div: (b: Builder, i: Insn) => void = divide(HI_DIV);
/** IDIV: signed. */
export const idiv: (b: Builder, i: Insn) => void = divide(HI_IDIV);
