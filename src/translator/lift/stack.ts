/** PUSH, POP and frames. The pointer moves after the last access that may fault. */
import { HI_ENTER } from '../../machine/helpers/int.ts';
import { RAX, RBP, RSP, SEG_SEL } from '../../machine/layout.ts';
import { OP_ADDI, OP_ADDI32, OP_HINT, OP_INS16, OP_ZX16, OP_ZX32 } from '../../machine/ops.ts';
import { type Insn, OPK_GPR, OPK_MEM } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { address, loadAt, loadForWriteAt, storeAt } from './memory-operand.ts';
import { read, write, writeRegister } from './operands.ts';
import { loadStack, moveStack, push as pushSlot, setStack, stackAddress, stackWidth, storeStack } from './stack-access.ts';

/** PUSH of a register, memory or a constant. */
export function push(b: Builder, i: Insn): void {
  pushSlot(b, read(b, i, i.o0), i.opsize);
}

/** PUSH of a segment register, zero-extended. */
export function pushSeg(b: Builder, i: Insn): void {
  pushSlot(b, SEG_SEL + i.o0.reg, i.opsize);
}

/** POP into a register or memory (segment registers: segment family). */
export function pop(b: Builder, i: Insn): void {
  const { o0, opsize } = i;
  if (o0.kind === OPK_GPR && opsize >= 4 && o0.reg !== RSP) {
    loadStack(b, o0.reg, 0, opsize);
    return moveStack(b, opsize);
  }
  const t = b.temp();
  loadStack(b, t, 0, opsize);
  if (o0.kind === OPK_MEM) {
    // rSP as a base counts after the pop
    storeAt(b, t, address(b, i, opsize, true, i.memBase === RSP ? opsize : 0), opsize);
    return moveStack(b, opsize);
  }
  moveStack(b, opsize);
  write(b, i, o0, t);
}

/** PUSHA: AX CX DX BX, the old SP, BP SI DI. */
export function pusha(b: Builder, i: Insn): void {
  const { opsize } = i;
  for (let k = 0; k < 8; k++) storeStack(b, RAX + k, -opsize * (k + 1), opsize);
  moveStack(b, -opsize * 8);
}

/** POPA: SP's image is skipped. */
export function popa(b: Builder, i: Insn): void {
  const { opsize } = i;
  const values: number[] = [];
  for (let k = 0; k < 8; k++) {
    const reg = 7 - k;
    if (reg === RSP) continue;
    // the values stay in temporaries until the last load has succeeded
    const t = b.temp();
    loadStack(b, t, opsize * k, opsize);
    values[reg] = t;
  }
  for (let reg = 0; reg < 8; reg++) if (reg !== RSP) writeRegister(b, reg, opsize, values[reg] as number);
  moveStack(b, opsize * 8);
}

/** LEAVE: rSP = rBP in the stack's width, then POP rBP. */
export function leave(b: Builder, i: Insn): void {
  const { opsize } = i;
  const t = b.temp();
  loadAt(b, t, stackAddress(b, 0, opsize, false, RBP), opsize);
  const width = stackWidth(b);
  const pointer = b.temp();
  b.imm(width === 8 ? OP_ADDI : OP_ADDI32, pointer, RBP, opsize);
  setStack(b, pointer);
  writeRegister(b, RBP, opsize, t);
}

/** ENTER: with nesting levels by a helper, else composed. */
export function enter(b: Builder, i: Insn): void {
  const { opsize } = i;
  const level = i.imm2 & 31;
  const bytes = i.immLo & 0xffff;
  if (level !== 0) return b.helper(OP_HINT, HI_ENTER, 0, 0, 0, 0, opsize | (level << 8) | (bytes << 16));
  const width = stackWidth(b);
  const frame = b.temp();
  storeStack(b, RBP, -opsize, opsize);
  b.imm(width === 8 ? OP_ADDI : OP_ADDI32, frame, RSP, -opsize);
  if (width === 2) b.un(OP_ZX16, frame, frame);
  let base = frame;
  if (width === 2 && opsize === 4) {
    // EBP takes all of ESP, of which a 16-bit stack moves the lower half
    base = b.temp();
    b.un(OP_ZX32, base, RSP);
    b.un(OP_INS16, base, frame);
  }
  const pointer = b.temp();
  b.imm(width === 8 ? OP_ADDI : OP_ADDI32, pointer, frame, -bytes);
  // the new top of the stack must be writable, although nothing is written there
  loadForWriteAt(b, b.temp(), stackAddress(b, 0, opsize, true, pointer), opsize);
  writeRegister(b, RBP, opsize, base);
  setStack(b, pointer);
}
