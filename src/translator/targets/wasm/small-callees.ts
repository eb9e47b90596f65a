/**
 * Small functions of other pages that a region calls: they become part of it, so that nothing is written back and looked up on the way there and
 * back. What is found here is a guess from the soft TLB as it is at the moment, which the guest's thread may be changing: the region looks before
 * it goes to another page whether that block lives and is mapped there (`pushMapped`).
 */
import { BLK_FLAGS, BLK_MODE, BLK_PHYS, BLK_PHYS2, BLKF_DEAD, TLB_ADDEND, TLB_ENTRIES, TLB_EXEC, TLB_STRIDE } from '../../../machine/layout.ts';
import type { Memories } from '../../../machine/memories.ts';
import { CLOBBERS } from '../../ir/op-bits.ts';
import { endsFunction, returnDelta, successorDeltas } from './compile-region.ts';
import { blocksOfFrame } from './frame-blocks.ts';
import type { RegionBlock } from './region-block.ts';

/** What a function may have to be small. */
const MAX_BLOCKS = 10;
const MAX_OPERATIONS = 160;
/** Longest list of a frame's blocks that is followed: it may change under way. */
const LIST_MAX = 4096;
const PAGE = 4096;

/** Where the guest was when a region was wanted. */
export interface GuestPlace {
  /** Guest address of the region's first block, signed. */
  readonly rip: number;
  /** Address of the soft TLB, and the low bits of its tags. */
  readonly tlb: number;
  readonly asid: number;
}

/** The living block at an offset in `frames`; 0: there is none. */
function blockAt(words: Int32Array, phys: number, mode: number): number {
  for (const at of blocksOfFrame(words, phys, LIST_MAX)) {
    const alive = ((words[(at + BLK_FLAGS) >>> 2] as number) & BLKF_DEAD) === 0;
    if ((words[(at + BLK_PHYS) >>> 2] as number) >>> 0 === phys && alive && words[(at + BLK_MODE) >>> 2] === mode && words[(at + BLK_PHYS2) >>> 2] === -1)
      return at;
  }
  return 0;
}

/** Offset in `frames` of the guest address `place.rip` + `delta`, -1 if the soft TLB does not have it for execution. */
function physicalAt({ stateWords: words, stateQuads }: Memories, { rip, tlb, asid }: GuestPlace, delta: number): number {
  const address = BigInt.asUintN(64, BigInt(rip + delta));
  const entry = tlb + Number((address >> 12n) & BigInt(TLB_ENTRIES - 1)) * TLB_STRIDE;
  if ((stateQuads[(entry + TLB_EXEC) >>> 3] as bigint) !== ((address & ~0xfffn) | BigInt(asid))) return -1;
  return (Number(address & 0xffffffffn) + (words[(entry + TLB_ADDEND) >>> 2] as number)) >>> 0;
}

/**
 * The blocks of the function `delta` bytes from the region's start, in another page, the first one first; undefined if it is not small, calls, leaves its
 * page otherwise than to one of `returns` or runs helpers, which might change it. `make` gives a block's IR.
 */
export function smallCallee(
  memories: Memories,
  place: GuestPlace,
  delta: number,
  mode: number,
  returns: ReadonlyMap<number, number>,
  make: (address: number, delta: number) => RegionBlock | undefined,
): RegionBlock[] | undefined {
  const phys = physicalAt(memories, place, delta);
  if (phys === -1 || phys >= memories.frameBytes.length) return undefined;
  const inPage = (to: number): boolean => {
    const at = (phys & (PAGE - 1)) + to - delta;
    return at >= 0 && at < PAGE;
  };
  const blocks: RegionBlock[] = [];
  const seen = new Set([delta]);
  let operations = 0;
  for (const queue = [delta]; queue.length > 0; ) {
    const to = queue.shift() as number;
    const address = inPage(to) ? blockAt(memories.stateWords, phys + to - delta, mode) : (returns.get(to) ?? -1);
    if (address === -1) return undefined;
    const block = address === 0 ? undefined : make(address, to);
    if (block === undefined) {
      // a way that nobody took yet
      if (to === delta) return undefined;
      continue;
    }
    blocks.push(block);
    operations += block.count;
    const calls = returnDelta(block) !== undefined || block.bits.some((bits) => (bits & CLOBBERS) !== 0);
    const next = successorDeltas(block);
    if (calls || blocks.length > MAX_BLOCKS || operations > MAX_OPERATIONS || (next.length === 0 && !endsFunction(block))) return undefined;
    for (const further of next) {
      if (seen.has(to + further)) continue;
      seen.add(to + further);
      queue.push(to + further);
    }
  }
  return blocks.some(endsFunction) ? blocks : undefined;
}
