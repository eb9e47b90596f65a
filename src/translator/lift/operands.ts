/**
 * Reading and writing an instruction's operands in the IR.
 *
 * Readers return a slot. `read` promises the low `size` bytes only: what stands above is garbage unless the operand came from
 * memory. `readZero` and `readSigned` extend to 64 bits. A destination is written last, after everything that may fault.
 */
import { T0, TEMPS } from '../../machine/layout.ts';
import { OP_INS8, OP_INS8H, OP_INS16, OP_SX8, OP_SX16, OP_SX32, OP_ZX8, OP_ZX8H, OP_ZX16, OP_ZX32 } from '../../machine/ops.ts';
import { type Insn, OPK_GPR, OPK_HIGH, OPK_IMM, OPK_MEM, type Operand } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { address, ea, loadAt, loadForWriteAt, loadSignedAt, storeAt } from './memory-operand.ts';

/** d = low `size` bytes (1, 2, 4, 8) of slot a, zero-extended. */
export function zeroExtend(b: Builder, d: number, a: number, size: number): void {
  if (size === 8) b.mov(d, a);
  else b.un(size === 4 ? OP_ZX32 : size === 2 ? OP_ZX16 : OP_ZX8, d, a);
}

/** d = low `size` bytes (1, 2, 4, 8) of slot a, sign-extended. */
export function signExtend(b: Builder, d: number, a: number, size: number): void {
  if (size === 8) b.mov(d, a);
  else b.un(size === 4 ? OP_SX32 : size === 2 ? OP_SX16 : OP_SX8, d, a);
}

const isTemp = (slot: number): boolean => slot >= T0 && slot < T0 + TEMPS;

/** Slot with operand `o`; bits above its size are garbage. May be the guest register itself: read it before writing registers. */
export function read(b: Builder, i: Insn, o: Operand): number {
  if (o.kind === OPK_GPR) return o.reg;
  const t = b.temp();
  if (o.kind === OPK_MEM) loadAt(b, t, address(b, i, o.size, false), o.size);
  else if (o.kind === OPK_HIGH) b.un(OP_ZX8H, t, o.reg);
  else if (o.kind === OPK_IMM) {
    if (o.reg === 1) b.movi(t, i.imm2);
    else b.movi(t, i.immLo, i.immHi);
  } else throw new Error(`lifter: operand kind ${o.kind} of ${i.row.mnemonic} is not a general one`);
  return t;
}

/** Slot with operand `o` zero-extended to 64 bits. */
export function readZero(b: Builder, i: Insn, o: Operand): number {
  const slot = read(b, i, o);
  if (o.size === 8 || o.kind === OPK_MEM || o.kind === OPK_HIGH) return slot;
  const t = isTemp(slot) ? slot : b.temp();
  zeroExtend(b, t, slot, o.size);
  return t;
}

/** Slot with operand `o` sign-extended to 64 bits. */
export function readSigned(b: Builder, i: Insn, o: Operand): number {
  if (o.kind === OPK_MEM) {
    const t = b.temp();
    loadSignedAt(b, t, address(b, i, o.size, false), o.size);
    return t;
  }
  const slot = read(b, i, o);
  if (o.size === 8 || o.kind === OPK_IMM) return slot;
  const t = isTemp(slot) ? slot : b.temp();
  signExtend(b, t, slot, o.size);
  return t;
}

/** As `read`, for a destination that is written afterwards with `writeBack`: memory faults as a write, and `ea` is kept. */
export function readForWrite(b: Builder, i: Insn, o: Operand): number {
  if (o.kind !== OPK_MEM) return read(b, i, o);
  const t = b.temp();
  b.locked = i.lock !== 0;
  loadForWriteAt(b, t, address(b, i, o.size, true), o.size);
  return t;
}

/** Writes the low `size` bytes of `slot` to a general register; 4 bytes are zero-extended. */
export function writeRegister(b: Builder, reg: number, size: number, slot: number): void {
  if (size === 8) b.mov(reg, slot);
  else b.un(size === 4 ? OP_ZX32 : size === 2 ? OP_INS16 : OP_INS8, reg, slot);
}

/** Writes operand `o` (a general register or memory). */
export function write(b: Builder, i: Insn, o: Operand, slot: number): void {
  if (o.kind === OPK_GPR) writeRegister(b, o.reg, o.size, slot);
  else if (o.kind === OPK_HIGH) b.un(OP_INS8H, o.reg, slot);
  else if (o.kind === OPK_MEM) storeAt(b, slot, address(b, i, o.size, true), o.size);
  else throw new Error(`lifter: operand kind ${o.kind} of ${i.row.mnemonic} cannot be written`);
}

/** Writes operand `o` after `readForWrite`: memory by the address in `ea`. */
export function writeBack(b: Builder, i: Insn, o: Operand, slot: number): void {
  if (o.kind === OPK_MEM) {
    storeAt(b, slot, ea, o.size);
    b.locked = false;
  } else write(b, i, o, slot);
}

/**
 * Slot to compute a destination into: the register itself where a 64-bit or zero-extended 32-bit result may be put there at once,
 * else a temporary. `finish` it. Whatever reads the old value must have been emitted before the operation that writes it.
 */
export function destination(b: Builder, o: Operand): number {
  return o.kind === OPK_GPR && o.size >= 4 ? o.reg : b.temp();
}

/** Completes a write to `destination`'s slot; 4-byte results in it must be zero-extended. */
export function finish(b: Builder, i: Insn, o: Operand, slot: number): void {
  if (o.kind === OPK_GPR && slot === o.reg) return;
  writeBack(b, i, o, slot);
}
