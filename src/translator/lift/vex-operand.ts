/** Vector operands of VEX instructions: 128 or 256 bits, unaligned in memory, and the check whether the system has switched AVX on. */
import { V_CHECK_AVX, V_POR, V_VEX128, V_VEX256 } from '../../machine/helpers/vec.ts';
import { MODE_AVX, MODE_FPU_TRAP, ZERO } from '../../machine/layout.ts';
import { OP_ALIGN, OP_HVEC, OP_VGET, OP_VLD32, OP_VLD64, OP_VLD128, OP_VLD256, OP_VPUT, OP_VST32, OP_VST64, OP_VST128, OP_VST256 } from '../../machine/ops.ts';
import { type Insn, OPK_IMM, OPK_MEM, OPK_NONE, OPK_VEC, type Operand } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { address, alignedBefore, ea, loadAt } from './memory-operand.ts';

/** First thing of every VEX instruction on vectors. CR0.EM and CR4.OSFXSR do not count. */
export function guard(b: Builder): void {
  if ((b.mode & (MODE_FPU_TRAP | MODE_AVX)) !== MODE_AVX) b.helper(OP_HVEC, V_CHECK_AVX);
}

/** What is added to a helper's number for this instruction's width. */
export const width = (i: Insn): number => (i.vexL !== 0 ? V_VEX256 : V_VEX128);

/** 64-bit lane `lane` (0..3) of a vector to a slot, and back. */
export const getLane = (b: Builder, slot: number, vector: number, lane: number): void => b.emit(OP_VGET, slot, vector, 0, lane, 0, 0);
export const putLane = (b: Builder, vector: number, lane: number, slot: number): void => b.emit(OP_VPUT, vector, slot, 0, lane, 0, 0);

/** Bits 128 and up of a vector become zero. */
export function clearUpper(b: Builder, vector: number): void {
  putLane(b, vector, 2, ZERO);
  putLane(b, vector, 3, ZERO);
}

/** Address of the memory operand in `ea`, without an index register. */
function plainAddress(b: Builder, i: Insn, size: number, write: boolean, aligned: boolean): void {
  if (aligned) alignedBefore(b, i, size);
  const at = address(b, i, size, write);
  if (at.indexed) {
    const t = b.temp();
    b.lea(t, at.a, at.b, at.scale, at.lo, at.hi);
    ea.set(t);
  }
  if (aligned) b.emit(OP_ALIGN, 0, ea.a, 0, size, ea.lo, ea.hi);
}

const LOADS: Readonly<Record<number, number>> = { 4: OP_VLD32, 8: OP_VLD64, 16: OP_VLD128, 32: OP_VLD256 };
const STORES: Readonly<Record<number, number>> = { 4: OP_VST32, 8: OP_VST64, 16: OP_VST128, 32: OP_VST256 };

/** Loads `size` (1, 2, 4, 8, 16, 32) bytes of the memory operand into vector `to`; below 32, bits from `size` to 128 become zero (1 and 2 bytes: to 64). */
export function loadVex(b: Builder, i: Insn, to: number, size: number, aligned = false): void {
  if (size < 4) {
    const t = b.temp();
    loadAt(b, t, address(b, i, size, false), size);
    return putLane(b, to, 0, t);
  }
  plainAddress(b, i, size, false, aligned);
  b.emit(LOADS[size] as number, to, ea.a, 0, 0, ea.lo, ea.hi);
}

/** Stores the low `size` (4, 8, 16, 32) bytes of vector `from` to the memory operand. */
export function storeVex(b: Builder, i: Insn, from: number, size: number, aligned = false): void {
  plainAddress(b, i, size, true, aligned);
  b.emit(STORES[size] as number, from, ea.a, 0, 0, ea.lo, ea.hi);
}

/** Number of a vector register that holds operand `o`: its own, or a temporary loaded from memory. */
export function source(b: Builder, i: Insn, o: Operand): number {
  if (o.kind === OPK_VEC) return o.reg;
  if (o.kind !== OPK_MEM) throw new Error(`lifter: operand kind ${o.kind} of ${i.row.mnemonic} is no vector`);
  const t = b.vectorTemp();
  loadVex(b, i, t, o.size);
  return t;
}

/** The vector operand that stands last: the second source, or the only one. */
export const lastVector = (i: Insn): Operand => (i.o2.kind === OPK_NONE || i.o2.kind === OPK_IMM ? i.o1 : i.o2);

/** V = H op W or V = op W, perhaps with an immediate, in 128 or 256 bits. */
export const lanewise =
  (helper: number) =>
  (b: Builder, i: Insn): void => {
    guard(b);
    const last = lastVector(i);
    const from = source(b, i, last);
    b.helper(OP_HVEC, helper + width(i), i.o0.reg, last === i.o2 ? i.o1.reg : from, from, 0, i.immLo & 0xff);
  };

/** As `lanewise` for operations whose VEX.L does not count (scalars), or is always 0. */
export const narrow =
  (helper: number) =>
  (b: Builder, i: Insn): void => {
    guard(b);
    const last = lastVector(i);
    const from = source(b, i, last);
    b.helper(OP_HVEC, helper + V_VEX128, i.o0.reg, last === i.o2 ? i.o1.reg : from, from, 0, i.immLo & 0xff);
  };

/** Vector `to` = vector `from`, zeros above the instruction's width. */
export const moveVector = (b: Builder, i: Insn, to: number, from: number): void => b.helper(OP_HVEC, V_POR + width(i), to, from, from);
