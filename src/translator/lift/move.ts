/** Moves, exchanges, conditional moves and address arithmetic. */

import { H_CLFLUSH } from '../../machine/helpers/system.ts';
import { RAX, RBX, RIP, ZERO } from '../../machine/layout.ts';
import { OP_ADDI, OP_ALIGN, OP_BSWAP, OP_BSWAP32, OP_COND, OP_HSYS, OP_MOV, OP_SHRI, OP_ZX8, OP_ZX16 } from '../../machine/ops.ts';
import { BASE_NONE, BASE_RIP, type Insn, OPK_GPR, OPK_IMM, OPK_MEM, type Operand } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import {
  Address,
  address,
  ea,
  linearSlot,
  loadAt,
  loadForWriteAt,
  loadSignedAt,
  offsetSlot,
  SEG_DS,
  SEG_ES,
  SEG_SS,
  segmentAddress,
  storeAt,
} from './memory-operand.ts';
import { read, readSigned, signExtend, write, writeRegister, zeroExtend } from './operands.ts';

const wideRegister = (o: Operand): boolean => o.kind === OPK_GPR && o.size >= 4;

/** MOV between general registers, memory and constants. */
export function mov(b: Builder, i: Insn): void {
  const { o0, o1 } = i;
  if (wideRegister(o0)) {
    if (o1.kind === OPK_MEM) return loadAt(b, o0.reg, address(b, i, o1.size, false), o1.size);
    if (o1.kind === OPK_IMM) return b.movi(o0.reg, i.immLo, o0.size === 4 ? 0 : i.immHi);
  }
  if (o0.kind === OPK_MEM && o1.kind === OPK_IMM && i.immLo === 0 && i.immHi === 0) return write(b, i, o0, ZERO);
  write(b, i, o0, read(b, i, o1));
}

/** MOVZX. */
export function movzx(b: Builder, i: Insn): void {
  const { o0, o1 } = i;
  if (wideRegister(o0)) {
    if (o1.kind === OPK_MEM) return loadAt(b, o0.reg, address(b, i, o1.size, false), o1.size);
    if (o1.kind === OPK_GPR) return zeroExtend(b, o0.reg, o1.reg, o1.size);
  }
  const slot = read(b, i, o1);
  const t = b.temp();
  zeroExtend(b, t, slot, o1.size);
  write(b, i, o0, t);
}

/** MOVSX and MOVSXD. */
export function movsx(b: Builder, i: Insn): void {
  const { o0, o1 } = i;
  if (o0.kind === OPK_GPR && o0.size === 8) {
    if (o1.kind === OPK_MEM) return loadSignedAt(b, o0.reg, address(b, i, o1.size, false), o1.size);
    if (o1.kind === OPK_GPR) return signExtend(b, o0.reg, o1.reg, o1.size);
  }
  write(b, i, o0, readSigned(b, i, o1));
}

/** LEA: the offset of the memory operand, whatever the segment. */
export function lea(b: Builder, i: Insn): void {
  const { o0 } = i;
  if (i.addrsize === 8 && o0.size >= 4 && o0.kind === OPK_GPR) {
    const index = i.memIndex === BASE_NONE ? ZERO : i.memIndex;
    const rip = i.memBase === BASE_RIP;
    const base = rip ? RIP : i.memBase === BASE_NONE ? ZERO : i.memBase;
    const sum = rip ? i.disp + b.instructionPos + i.len : i.disp;
    if (o0.size === 4) b.lea32(o0.reg, base, index, i.memScale, sum | 0);
    else if (index === ZERO) b.emit(OP_ADDI, o0.reg, base, 0, 0, sum | 0, Math.floor(sum / 0x100000000));
    else b.lea(o0.reg, base, index, i.memScale, sum | 0, Math.floor(sum / 0x100000000));
    return;
  }
  write(b, i, o0, offsetSlot(b, i));
}

/** XCHG; with memory always locked. */
export function xchg(b: Builder, i: Insn): void {
  const memory = i.o0.kind === OPK_MEM ? i.o0 : i.o1.kind === OPK_MEM ? i.o1 : undefined;
  if (memory !== undefined) {
    const other = memory === i.o0 ? i.o1 : i.o0;
    const value = read(b, i, other);
    const t = b.temp();
    b.locked = true;
    loadForWriteAt(b, t, address(b, i, memory.size, true), memory.size);
    storeAt(b, value, ea, memory.size);
    b.locked = false;
    write(b, i, other, t);
    return;
  }
  const x = read(b, i, i.o0);
  const y = read(b, i, i.o1);
  const t = b.temp();
  b.un(OP_MOV, t, x);
  write(b, i, i.o0, y);
  write(b, i, i.o1, t);
}

/** MOVBE: load or store with the bytes reversed. */
export function movbe(b: Builder, i: Insn): void {
  const { o0, o1 } = i;
  const x = read(b, i, o1);
  const t = b.temp();
  if (o0.size === 8) b.un(OP_BSWAP, t, x);
  else {
    b.un(OP_BSWAP32, t, x);
    if (o0.size === 2) b.imm(OP_SHRI, t, t, 16);
  }
  write(b, i, o0, t);
}

/** CMOVcc: the source is read in any case, a 32-bit destination zero-extended in any case. */
export function cmov(b: Builder, i: Insn): void {
  const { o0, o1 } = i;
  const x = read(b, i, o1);
  const condition = b.temp();
  b.emit(OP_COND, condition, 0, 0, i.cc, 0, 0);
  if (o0.size === 8) return b.sel(o0.reg, condition, x, o0.reg);
  const t = b.temp();
  b.sel(t, condition, x, o0.reg);
  writeRegister(b, o0.reg, o0.size, t);
}

const tableEntry = new Address();

/** XLAT: AL = byte at seg:[rBX + AL]. */
export function xlat(b: Builder, i: Insn): void {
  const t = b.temp();
  b.un(OP_ZX8, t, RAX);
  if (i.addrsize === 8) b.lea(t, RBX, t, 0, 0);
  else {
    b.lea32(t, RBX, t, 0, 0);
    if (i.addrsize === 2) b.un(OP_ZX16, t, t);
  }
  const segment = i.segPrefix < 0 || (b.code64 && i.segPrefix < 4) ? SEG_DS : i.segPrefix;
  segmentAddress(b, t, segment, 1, false, tableEntry, segment === SEG_SS);
  const value = b.temp();
  loadAt(b, value, tableEntry, 1);
  writeRegister(b, RAX, 1, value);
}

/** NOP, prefetches and hints: nothing, not even an access. */
export function nop(): void {}

/** CLFLUSH and its kin: only the read permission of the line shows. */
export function clflush(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_CLFLUSH, 0, linearSlot(b, i, 1, false));
}

/** MOVDIRI: a store that goes by the caches, of which there are none. */
export const movdiri = (b: Builder, i: Insn): void => write(b, i, i.o0, read(b, i, i.o1));

const lineTarget = new Address();
/** Bytes of a cache line. */
const LINE = 64;

/** MOVDIR64B: 64 bytes from memory to ES:[register], which must be a line's beginning. */
export function movdir64b(b: Builder, i: Insn): void {
  const offset = b.temp();
  zeroExtend(b, offset, i.o0.reg, i.addrsize);
  segmentAddress(b, offset, SEG_ES, LINE, true, lineTarget);
  b.emit(OP_ALIGN, 0, lineTarget.a, 0, LINE, lineTarget.lo, lineTarget.hi);
  const from = linearSlot(b, i, LINE, false);
  const parts: number[] = [];
  for (let at = 0; at < LINE; at += 8) {
    const t = b.temp();
    ea.set(from, at);
    loadAt(b, t, ea, 8);
    parts.push(t);
  }
  for (const t of parts) {
    storeAt(b, t, lineTarget, 8);
    lineTarget.lo += 8;
  }
}
