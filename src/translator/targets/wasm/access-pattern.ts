/**
 * Which memory accesses of a region walk: in a loop, at an address that moves by small steps or stays within a small range.
 * Such a site keeps its last page in locals; elsewhere the second comparison would cost more than it saves.
 */
import { RIP, ZERO } from '../../../machine/layout.ts';
import * as O from '../../../machine/ops.ts';
import { CLOBBERS, D_OUT } from '../../ir/op-bits.ts';
import type { Loop } from './loops.ts';
import type { RegionBlock } from './region-block.ts';

/** Largest step in bytes. */
const STEP = 256;
/** Sites of a region that get locals. */
const MAX_SITES = 16;
const isRegister = (slot: number): boolean => slot < 16;

/** Registers that the loop's blocks change otherwise than by small steps. */
function jumping(loop: Loop, blocks: readonly RegionBlock[]): Set<number> {
  const found = new Set<number>();
  for (const n of loop.nodes) {
    const block = blocks[n];
    if (block === undefined) continue;
    for (let k = 0; k < block.count; k++) {
      const d = block.d[k] as number;
      if (((block.bits[k] as number) & D_OUT) === 0 || !isRegister(d)) continue;
      const op = block.op[k];
      const step = block.immLo[k] as number;
      const small = (op === O.OP_ADDI || op === O.OP_ADDI32) && block.a[k] === d && Math.abs(step) <= STEP && block.immHi[k] === step >> 31;
      if (!small) found.add(d);
    }
  }
  return found;
}

/** The operation before k in its block that wrote `slot`, or -1. */
function definition(block: RegionBlock, k: number, slot: number): number {
  for (let j = k - 1; j > 0; j--) if (block.d[j] === slot && ((block.bits[j] as number) & D_OUT) !== 0) return j;
  return -1;
}

const indexedOps = new Set([
  O.OP_LDX8,
  O.OP_LDX16,
  O.OP_LDX32,
  O.OP_LDX64,
  O.OP_LDXS8,
  O.OP_LDXS16,
  O.OP_LDXS32,
  O.OP_STX8,
  O.OP_STX16,
  O.OP_STX32,
  O.OP_STX64,
  O.OP_LDMX8,
  O.OP_LDMX16,
  O.OP_LDMX32,
  O.OP_LDMX64,
]);
const isAccess = (op: number): boolean => (op >= O.OP_LD8 && op <= O.OP_VST128) || op === O.OP_VLD256 || op === O.OP_VST256;

/** Per node the operations whose site keeps its page; none if a helper in the region might change the soft TLB. */
export function walkingAccesses(blocks: readonly RegionBlock[], loops: readonly Loop[]): Map<number, Set<number>> {
  const result = new Map<number, Set<number>>();
  for (const { bits, op } of blocks) for (const [k, is] of bits.entries()) if ((is & CLOBBERS) !== 0 && op[k] !== O.OP_HVEC) return result;
  let sites = 0;
  for (const loop of loops) {
    const jumps = jumping(loop, blocks);
    for (const n of loop.nodes) {
      const block = blocks[n];
      if (block === undefined || result.has(n)) continue;
      const chosen = new Set<number>();
      const steady = (k: number, slot: number, depth = 0): boolean => {
        if (slot === RIP || slot === ZERO) return true;
        if (isRegister(slot) && !jumps.has(slot)) return true;
        const j = definition(block, k, slot);
        if (j < 0 || depth > 3) return false;
        const { op, a, b, immLo, immHi } = block;
        switch (op[j]) {
          case O.OP_ZX8:
            return true;
          case O.OP_ANDI:
          case O.OP_ANDI32:
            return immHi[j] === 0 && (immLo[j] as number) >>> 0 < 0x400;
          case O.OP_MOV:
          case O.OP_ADDI:
          case O.OP_ADDI32:
          case O.OP_ZX32:
          case O.OP_SX32:
            return steady(j, a[j] as number, depth + 1);
          case O.OP_ADD:
          case O.OP_LEA:
          case O.OP_LEA32:
            return steady(j, a[j] as number, depth + 1) && steady(j, b[j] as number, depth + 1);
          default:
            return false;
        }
      };
      for (let k = 1; k < block.count && sites < MAX_SITES; k++) {
        const op = block.op[k] as number;
        if (!isAccess(op) || !steady(k, block.a[k] as number)) continue;
        if (indexedOps.has(op) && !steady(k, block.b[k] as number)) continue;
        chosen.add(k);
        sites++;
      }
      result.set(n, chosen);
    }
  }
  return result;
}
