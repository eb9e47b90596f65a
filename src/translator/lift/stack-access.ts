/** The stack in all its widths: RSP in 64-bit code, ESP or SP by SS.B elsewhere. */
import { MODE_STACK32, RSP } from '../../machine/layout.ts';
import { OP_ADDI, OP_ADDI32, OP_INS16, OP_MOV, OP_ZX16, OP_ZX32 } from '../../machine/ops.ts';
import type { Builder } from '../ir/builder.ts';
import { Address, loadAt, SEG_SS, segmentAddress, storeAt } from './memory-operand.ts';

const stackEa = new Address();

/** Width in bytes of the stack pointer: 8, 4 or 2. */
export const stackWidth = (b: Builder): number => (b.code64 ? 8 : (b.mode & MODE_STACK32) !== 0 ? 4 : 2);

/** Address of the stack `delta` bytes from where `pointer` (RSP, or a slot with a stack pointer) points, for an access of `size` bytes. */
export function stackAddress(b: Builder, delta: number, size: number, write: boolean, pointer: number = RSP): Address {
  const width = stackWidth(b);
  if (width === 8) {
    stackEa.set(pointer, delta);
    return stackEa;
  }
  const offset = b.temp();
  b.imm(OP_ADDI32, offset, pointer, delta);
  if (width === 2) b.un(OP_ZX16, offset, offset);
  segmentAddress(b, offset, SEG_SS, size, write, stackEa);
  return stackEa;
}

/** Stores `size` bytes of `slot` at `delta` from the stack pointer. */
export function storeStack(b: Builder, slot: number, delta: number, size: number): void {
  storeAt(b, slot, stackAddress(b, delta, size, true), size);
}

/** Loads `size` bytes, zero-extended, at `delta` from the stack pointer. */
export function loadStack(b: Builder, slot: number, delta: number, size: number): void {
  loadAt(b, slot, stackAddress(b, delta, size, false), size);
}

/** Adds `delta` to the stack pointer in its width. */
export function moveStack(b: Builder, delta: number): void {
  const width = stackWidth(b);
  if (width === 8) b.imm(OP_ADDI, RSP, RSP, delta);
  else if (width === 4) b.imm(OP_ADDI32, RSP, RSP, delta);
  else {
    const t = b.temp();
    b.imm(OP_ADDI32, t, RSP, delta);
    b.un(OP_INS16, RSP, t);
  }
}

/** Sets the stack pointer in its width to `slot`. */
export function setStack(b: Builder, slot: number): void {
  const width = stackWidth(b);
  b.un(width === 8 ? OP_MOV : width === 4 ? OP_ZX32 : OP_INS16, RSP, slot);
}

/** Pushes the low `size` bytes of `slot`. The only fault is in the store; the pointer moves afterwards. */
export function push(b: Builder, slot: number, size: number): void {
  storeStack(b, slot, -size, size);
  moveStack(b, -size);
}
