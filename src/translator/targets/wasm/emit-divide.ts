/** DIV and IDIV whose dividend is one number of the operand's size or, unsigned, any of 64 bits. All others, and those that fault, are the core's. */
import { HI_IDIV } from '../../../machine/helpers/int.ts';
import { RAX, RDX } from '../../../machine/layout.ts';
import * as W from './code.ts';
import type { RegionEmitter } from './region-emitter.ts';

const SIZE_32 = 2;

/** Pushes the low 32 bits of `slot`, extended. */
const narrow = (e: RegionEmitter, slot: number, extension: number): void => {
  e.read(slot);
  e.code.byte(W.I32_WRAP);
  e.code.byte(extension);
};

const shift = (e: RegionEmitter, instruction: number, count: number): void => {
  e.code.i64(count);
  e.code.byte(instruction);
};

/** Operation k, a division by slot a in 32 or 64 bits; `otherwise` emits the call of the core. Flags stay as they are. */
export function emitDivide(e: RegionEmitter, k: number, otherwise: () => void): void {
  const { code, block } = e;
  const lo = block.immLo[k] as number;
  const signed = (lo & 0xffff) === HI_IDIV;
  const size = lo >>> 16;
  if (size < SIZE_32) return otherwise();
  const wide = size > SIZE_32;
  const extension = signed ? W.I64_EXTEND_I32_S : W.I64_EXTEND_I32_U;
  const [dividend, divisor, quotient] = ['dividend', 'divisor', 'quotient'].map((name) => e.scratchLocal(name, W.I64)) as [number, number, number];
  const operand = (slot: number): void => (wide ? e.read(slot) : narrow(e, slot, extension));
  e.settle();
  operand(block.a[k] as number);
  code.set(divisor);
  operand(RAX);
  if (!wide && !signed) {
    e.read(RDX);
    shift(e, W.I64_SHL, 32);
    code.byte(W.I64_OR);
  }
  code.set(dividend);
  operand(RDX);
  if (signed) {
    // the upper half is only the sign, and neither 0 nor -1 divides
    code.get(dividend);
    shift(e, W.I64_SHR_S, 63);
    code.byte(W.I64_EQ);
    code.get(divisor);
    code.i64(1);
    code.byte(W.I64_ADD);
    code.i64(1);
    code.byte(W.I64_GT_U);
    code.byte(W.I32_AND);
  } else if (wide) {
    code.byte(W.I64_EQZ);
    code.get(divisor);
    code.i64(0);
    code.byte(W.I64_NE);
    code.byte(W.I32_AND);
  } else {
    // the quotient fits, and 0 does not divide
    code.get(divisor);
    code.byte(W.I64_LT_U);
  }
  e.openHinted(true);
  code.get(dividend);
  code.get(divisor);
  code.byte(signed ? W.I64_DIV_S : W.I64_DIV_U);
  code.set(quotient);
  const result = (slot: number, push: () => void): void => {
    e.begin(slot);
    push();
    if (!wide) {
      code.i64(-1, 0);
      code.byte(W.I64_AND);
    }
    e.finish(slot);
  };
  result(RAX, () => code.get(quotient));
  result(RDX, () => {
    code.get(dividend);
    code.get(quotient);
    code.get(divisor);
    code.byte(W.I64_MUL);
    code.byte(W.I64_SUB);
  });
  code.byte(W.ELSE);
  otherwise();
  e.close();
}
