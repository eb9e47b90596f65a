/**
 * Which memory accesses of a region walk: in a loop, at an address that moves by small steps or stays within a small range.
 * Such a site keeps its last page in locals; elsewhere the second comparison would cost more than it saves.
 *
 * All of this is a guess: a site that is wrongly taken for one that walks is slower, no more.
 */
import { RAX, RDX, RIP, ZERO } from '../../../machine/layout.ts';
import * as O from '../../../machine/ops.ts';
import { CLOBBERS, D_OUT } from '../../ir/op-bits.ts';
import { isIndexed } from './access-groups.ts';
import type { Loop } from './loops.ts';
import { isDivision, type RegionBlock } from './region-block.ts';

/** Largest constant step in bytes, and largest one that is computed, as the length of what is walked over. */
const STEP = 256;
const LENGTH = 0x10000;
/** Sites of a region that get locals. */
const MAX_SITES = 16;
const isRegister = (slot: number): boolean => slot < 16;
const isAccess = (op: number): boolean => (op >= O.OP_LD8 && op <= O.OP_VST128) || op === O.OP_VLD256 || op === O.OP_VST256;

/** Registers that divisions write. */
const DIVIDED = [RAX, RDX];

/** The operation before k in its block that wrote `slot`, or -1. */
function definition(block: RegionBlock, k: number, slot: number): number {
  for (let j = k - 1; j > 0; j--) {
    if (block.d[j] === slot && ((block.bits[j] as number) & D_OUT) !== 0) return j;
    if (isDivision(block, j) && DIVIDED.includes(slot)) return j;
  }
  return -1;
}

/** Does operation k leave the soft TLB as it is? */
const keepsTlb = (block: RegionBlock, k: number): boolean => {
  const is = block.bits[k] as number;
  return (is & CLOBBERS) === 0 || block.op[k] === O.OP_HVEC || isDivision(block, k);
};

/** Values as a loop computes them. */
class LoopValues {
  /** Operations of the loop that write each register. */
  private readonly writers = new Map<number, (readonly [RegionBlock, number])[]>();
  private readonly known = new Map<number, boolean>();
  /** Registers whose writers are being looked at: one that depends on itself otherwise than by a step is not steady. */
  private readonly open = new Set<number>();

  constructor(loop: Loop, blocks: readonly RegionBlock[]) {
    for (const n of loop.nodes) {
      const block = blocks[n];
      if (block === undefined) continue;
      for (let k = 0; k < block.count; k++) {
        const d = block.d[k] as number;
        const written = isDivision(block, k) ? DIVIDED : ((block.bits[k] as number) & D_OUT) !== 0 && isRegister(d) ? [d] : [];
        for (const slot of written) {
          const list = this.writers.get(slot);
          if (list === undefined) this.writers.set(slot, [[block, k]]);
          else list.push([block, k]);
        }
      }
    }
  }

  /** What operation k of a block finds in `slot` stays the same in the loop, moves by small steps, or comes of such. */
  steady(block: RegionBlock, k: number, slot: number): boolean {
    if (slot === RIP || slot === ZERO) return true;
    const j = definition(block, k, slot);
    return j < 0 ? this.steadyRegister(slot) : this.computed(block, j);
  }

  private steadyRegister(slot: number): boolean {
    const writers = this.writers.get(slot);
    if (writers === undefined) return true;
    if (this.open.has(slot)) return false;
    let is = this.known.get(slot);
    if (is !== undefined) return is;
    this.open.add(slot);
    is = writers.every(([block, k]) => this.steps(block, k) || this.computed(block, k));
    this.open.delete(slot);
    this.known.set(slot, is);
    return is;
  }

  /** Operation k moves a register a little. */
  private steps(block: RegionBlock, k: number): boolean {
    const { op, d, a, b, immLo, immHi } = block;
    const [step, high] = [immLo[k] as number, immHi[k]];
    switch (op[k]) {
      case O.OP_ADDI:
      case O.OP_ADDI32:
        return a[k] === d[k] && Math.abs(step) <= STEP && high === step >> 31;
      case O.OP_ADD:
      case O.OP_ADD32:
      case O.OP_LEA:
      case O.OP_LEA32:
        return (a[k] === d[k] && this.bound(block, k, b[k] as number) <= LENGTH) || (b[k] === d[k] && this.bound(block, k, a[k] as number) <= LENGTH);
      default:
        return false;
    }
  }

  /** Operation j's result is steady. */
  private computed(block: RegionBlock, j: number): boolean {
    const { op, a, b, immLo, immHi } = block;
    const first = (): boolean => this.steady(block, j, a[j] as number);
    switch (op[j]) {
      case O.OP_ZX8:
        return true;
      case O.OP_ANDI:
      case O.OP_ANDI32:
        return immHi[j] === 0 && (immLo[j] as number) >>> 0 < 0x400;
      case O.OP_MOV:
      case O.OP_ADDI:
      case O.OP_ADDI32:
      case O.OP_SHLI:
      case O.OP_ZX32:
      case O.OP_SX32:
        return first();
      case O.OP_ADD:
      case O.OP_ADD32:
      case O.OP_SUB:
      case O.OP_SUB32:
      case O.OP_LEA:
      case O.OP_LEA32:
        return first() && this.steady(block, j, b[j] as number);
      default:
        return false;
    }
  }

  /** The most that operation k finds in `slot`, as far as that is written in the loop; a register's dependence on itself counts as nothing. */
  private bound(block: RegionBlock, k: number, slot: number, open: ReadonlySet<number> = new Set()): number {
    const j = definition(block, k, slot);
    if (j >= 0) return this.resultBound(block, j, open);
    if (open.has(slot)) return 0;
    const inner = new Set([...open, slot]);
    const writers = this.writers.get(slot);
    return writers === undefined ? Number.POSITIVE_INFINITY : Math.max(...writers.map(([at, w]) => this.resultBound(at, w, inner)));
  }

  private resultBound(block: RegionBlock, j: number, open: ReadonlySet<number>): number {
    const { op, a, b, immLo, immHi } = block;
    const first = (): number => this.bound(block, j, a[j] as number, open);
    const second = (): number => this.bound(block, j, b[j] as number, open);
    const constant = immHi[j] === 0 ? (immLo[j] as number) >>> 0 : Number.POSITIVE_INFINITY;
    switch (op[j]) {
      case O.OP_LD8:
      case O.OP_LDX8:
      case O.OP_ZX8:
        return 0xff;
      case O.OP_ANDI:
      case O.OP_ANDI32:
        return constant;
      case O.OP_MOV:
      case O.OP_ZX32:
      case O.OP_SX32:
        return first();
      case O.OP_SHLI:
      case O.OP_SHLI32:
        return first() * 2 ** constant;
      case O.OP_ADDI:
      case O.OP_ADDI32:
        return first() + constant;
      case O.OP_ADD:
      case O.OP_ADD32:
      case O.OP_OR:
      case O.OP_OR32:
        return first() + second();
      default:
        return Number.POSITIVE_INFINITY;
    }
  }
}

/** Per node the operations whose site keeps its page; none if a helper in the region might change the soft TLB. */
export function walkingAccesses(blocks: readonly RegionBlock[], loops: readonly Loop[]): Map<number, Set<number>> {
  const result = new Map<number, Set<number>>();
  for (const block of blocks) for (let k = 0; k < block.count; k++) if (!keepsTlb(block, k)) return result;
  let sites = 0;
  for (const loop of loops) {
    const values = new LoopValues(loop, blocks);
    for (const n of loop.nodes) {
      const block = blocks[n];
      if (block === undefined || result.has(n)) continue;
      const chosen = new Set<number>();
      for (let k = 1; k < block.count && sites < MAX_SITES; k++) {
        const op = block.op[k] as number;
        if (!isAccess(op) || !values.steady(block, k, block.a[k] as number)) continue;
        if (isIndexed(op) && !values.steady(block, k, block.b[k] as number)) continue;
        chosen.add(k);
        sites++;
      }
      result.set(n, chosen);
    }
  }
  return result;
}
