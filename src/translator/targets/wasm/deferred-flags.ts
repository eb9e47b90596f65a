/**
 * Which operations of a block only serve flags that are seldom looked at: a region computes these where somebody looks, that is mostly
 * in the ways out that are hardly ever taken.
 */
import { HI_ROTATE_FLAGS, HI_SET_CARRY, HI_SET_OVERFLOW, HI_SET_ZERO } from '../../../machine/helpers/int.ts';
import { CC_B, CC_OP, T0, TEMPS } from '../../../machine/layout.ts';
import { OP_CC, OP_CCI, OP_CCNZ, OP_HINT, OP_HVEC, OP_MOVI, OP_SETFLAGS, OP_VGET } from '../../../machine/ops.ts';
import { A_IN, B_IN, C_IN, D_IN, D_OUT, FLAGS_READ, PURE } from '../../ir/op-bits.ts';
import type { RegionBlock } from './region-block.ts';

/** An operation put off. */
export interface Deferred {
  readonly block: RegionBlock;
  readonly k: number;
  /** Locals that hold what its slots held. */
  readonly sources: ReadonlyMap<number, number>;
  /** Local for its result, -1 if it changes the flags. */
  readonly target: number;
}

const isTemp = (slot: number): boolean => slot >= T0 && slot < T0 + TEMPS;
const isFlag = (slot: number): boolean => slot >= CC_OP && slot <= CC_B;

const flagHelpers: ReadonlySet<number> = new Set([HI_ROTATE_FLAGS, HI_SET_CARRY, HI_SET_OVERFLOW, HI_SET_ZERO]);

/** Slots that operation k reads. */
export function slotsRead({ bits, d, a, b, c }: RegionBlock, k: number): number[] {
  const is = bits[k] as number;
  const slots: number[] = [];
  if ((is & A_IN) !== 0) slots.push(a[k] as number);
  if ((is & B_IN) !== 0) slots.push(b[k] as number);
  if ((is & C_IN) !== 0) slots.push(c[k] as number);
  if ((is & D_IN) !== 0) slots.push(d[k] as number);
  return slots;
}

/** What an operation means for the flags: it computes them at some cost, copies two operands for them, or has to do with other things. */
const flagWork = ({ op, immLo }: RegionBlock, k: number): 'costs' | 'copies' | 'none' => {
  switch (op[k]) {
    case OP_CCNZ:
      return 'costs';
    case OP_HINT:
      return flagHelpers.has((immLo[k] as number) & 0xffff) ? 'costs' : 'none';
    case OP_CC:
    case OP_CCI:
    case OP_SETFLAGS:
      return 'copies';
    default:
      return 'none';
  }
};

/** True for a computation into a temporary that may just as well be made later from the same operands. */
const movable = ({ op, bits, d }: RegionBlock, k: number): boolean =>
  ((bits[k] as number) & PURE) !== 0 && isTemp(d[k] as number) && op[k] !== OP_HINT && op[k] !== OP_HVEC && op[k] !== OP_VGET && op[k] !== OP_MOVI;

/** The operations of `block` to put off. */
export function deferrable(block: RegionBlock): ReadonlySet<number> {
  const { count, idx, d, bits } = block;
  const found = new Set<number>();
  // temporaries that something else than deferred operations reads further down
  let needed = 0;
  let instruction = -1;
  for (let k = count - 1; k > 0; k--) {
    if (idx[k] !== instruction) {
      instruction = idx[k] as number;
      needed = 0;
    }
    const target = d[k] as number;
    const writes = ((bits[k] as number) & D_OUT) !== 0 && isTemp(target);
    const mask = writes ? 1 << (target - T0) : 0;
    const reads = slotsRead(block, k);
    if (flagWork(block, k) !== 'none' || (movable(block, k) && (needed & mask) === 0 && !reads.some(isFlag))) {
      found.add(k);
      continue;
    }
    needed &= ~mask;
    for (const slot of reads) if (isTemp(slot)) needed |= 1 << (slot - T0);
  }
  return found;
}

/** True if operation k, one of the deferrable ones, costs something itself. */
export const costs = (block: RegionBlock, k: number): boolean => flagWork(block, k) !== 'copies';

/** Those of `before` that `next`, which replaces all flags, still needs, and those that compute the locals `wanted`. */
export function stillNeeded(before: readonly Deferred[], next: Deferred, wanted: Iterable<number>): readonly Deferred[] {
  const locals = new Set([...next.sources.values(), ...wanted]);
  const kept: Deferred[] = [];
  for (const one of [...before].reverse()) {
    if (one.target < 0 || !locals.has(one.target)) continue;
    if (((one.block.bits[one.k] as number) & FLAGS_READ) !== 0) return before;
    for (const local of one.sources.values()) locals.add(local);
    kept.push(one);
  }
  return kept.reverse();
}
