/** Vector operands of SSE instructions: registers and memory, the trap check, helper calls. */

import { V_CHECK } from '../../machine/helpers/vec.ts';
import { MODE_FPU_TRAP, MODE_SSE } from '../../machine/layout.ts';
import { OP_ALIGN, OP_HVEC, OP_VLD32, OP_VLD64, OP_VLD128, OP_VPUT, OP_VST32, OP_VST64, OP_VST128 } from '../../machine/ops.ts';
import { type Insn, OPK_MEM, OPK_VEC, type Operand } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { address, alignedBefore, ea, loadAt } from './memory-operand.ts';

/** First thing of every SSE instruction: #UD or #NM where the block's mode says that control registers forbid it. */
export function guard(b: Builder): void {
  if ((b.mode & (MODE_FPU_TRAP | MODE_SSE)) !== MODE_SSE) b.helper(OP_HVEC, V_CHECK);
}

/** Legacy SSE demands 16-byte operands to be aligned unless the row says otherwise. */
const mustAlign = (i: Insn, size: number): boolean => size === 16 && i.row.unaligned !== true;

/** Address of the memory operand in `ea`, without an index register: vector loads and stores have none. */
function plainAddress(b: Builder, i: Insn, size: number, write: boolean): void {
  if (mustAlign(i, size)) alignedBefore(b, i, size);
  const at = address(b, i, size, write);
  if (at.indexed) {
    const t = b.temp();
    b.lea(t, at.a, at.b, at.scale, at.lo, at.hi);
    ea.set(t);
  }
}

function checkAlignment(b: Builder, i: Insn, size: number): void {
  if (mustAlign(i, size)) b.emit(OP_ALIGN, 0, ea.a, 0, 16, ea.lo, ea.hi);
}

/** Loads `size` (2, 4, 8, 16) bytes of the memory operand into vector `to`; shorter ones are zero-extended to 128 bits (2 bytes: the low 64 bits only). */
export function loadVector(b: Builder, i: Insn, to: number, size: number): void {
  if (size === 2) {
    const t = b.temp();
    loadAt(b, t, address(b, i, 2, false), 2);
    b.emit(OP_VPUT, to, t, 0, 0, 0, 0);
    return;
  }
  plainAddress(b, i, size, false);
  checkAlignment(b, i, size);
  b.emit(size === 16 ? OP_VLD128 : size === 8 ? OP_VLD64 : OP_VLD32, to, ea.a, 0, 0, ea.lo, ea.hi);
}

/** Stores the low `size` (4, 8, 16) bytes of vector `from` to the memory operand. */
export function storeVector(b: Builder, i: Insn, from: number, size: number): void {
  plainAddress(b, i, size, true);
  checkAlignment(b, i, size);
  b.emit(size === 16 ? OP_VST128 : size === 8 ? OP_VST64 : OP_VST32, from, ea.a, 0, 0, ea.lo, ea.hi);
}

/** Number of a vector register that holds operand `o`: its own, or a temporary loaded from memory. */
export function source(b: Builder, i: Insn, o: Operand): number {
  if (o.kind === OPK_VEC) return o.reg;
  if (o.kind !== OPK_MEM) throw new Error(`lifter: operand kind ${o.kind} of ${i.row.mnemonic} is no vector`);
  const t = b.vectorTemp();
  loadVector(b, i, t, o.size);
  return t;
}

/** V, W = V op W, perhaps with an immediate: what most of SSE is. */
export const binary =
  (helper: number) =>
  (b: Builder, i: Insn): void => {
    guard(b);
    const from = source(b, i, i.o1);
    b.helper(OP_HVEC, helper, i.o0.reg, i.o0.reg, from, 0, i.immLo & 0xff);
  };
