/**
 * From hot blocks to a module: everything about a batch of regions that can be done in another thread. It reads the blocks' bytes and their
 * micro-ops in the two memories; both stay as they are while the blocks live, and who installs the module checks that they still do.
 */

import { BLK_BYTES, BLK_PHYS } from '../../../machine/layout.ts';
import type { Memories } from '../../../machine/memories.ts';
import type { BlockTranslator } from '../../translate-block.ts';
import { packRelocations } from './code.ts';
import { callDelta, canEmit, compileRegion, jumpsIndirectly, returnDelta, successorDeltas } from './compile-region.ts';
import { assemble, type FunctionBody } from './module.ts';
import { RegionBlock } from './region-block.ts';
import { type GuestPlace, smallCallee } from './small-callees.ts';

/** Blocks and operations that one region may hold: functions stay small enough for the host's optimising compiler. */
export const MAX_BLOCKS = 48;
export const MAX_OPERATIONS = 1200;
/** Places where a region can be entered besides its first block. */
const MAX_ENTRIES = 12;
/** Blocks so far, in bytes, behind the start of a function may be what its indirect jump leads to, at most so many. */
export const JUMP_REACH = 2048;
export const MAX_JUMP_TARGETS = 24;
/** Operations of small functions of other pages that a region may hold besides its own. */
export const MAX_CALLEE_OPERATIONS = 480;
const PAGE = 4096;

/** A region to be made. */
export interface RegionRequest {
  /** Its place in the table. */
  readonly index: number;
  /** Address of the first block's header in `state`. */
  readonly head: number;
  /** Offset of the first block in `frames`, the mode word. */
  readonly phys: number;
  readonly mode: number;
  /** Blocks of the page that have run often: distance from the first block, address. */
  readonly known: Int32Array;
  /** Functions elsewhere that only return: distance from the first block, address. */
  readonly returns: Int32Array;
  /** Where the guest was when it was wanted. */
  readonly place: GuestPlace;
  /** What profilers show. */
  readonly name?: string;
}

export interface RegionJob {
  /** Times all translations had been thrown away when it was made. */
  readonly generation: number;
  readonly requests: readonly RegionRequest[];
  /** Blocks that wait for a region of their own: a region that holds one can be entered there. */
  readonly waiting: readonly number[];
}

export interface MadeRegion {
  readonly index: number;
  /** Addresses of the blocks, the first one first; none: there is no region. */
  readonly blocks: readonly number[];
  /** Numbers of the blocks where it may be entered, besides the first. */
  readonly entries: readonly number[];
  /** Distances of the blocks from the first in `frames`, and in the guest's addresses; the function, as it would be anywhere (code.ts: packRelocations). */
  readonly deltas: readonly number[];
  readonly distances: readonly number[];
  readonly body: Uint8Array<ArrayBuffer>;
  readonly hints: FunctionBody['hints'];
  readonly relocations: Int32Array;
  /** There can be none; else, without blocks: an earlier one of the job has the first block as an entry. */
  readonly refused: boolean;
}

/** The answer to a job: the module's export r<k> is the k-th of the regions that have blocks. */
export interface RegionModule {
  readonly generation: number;
  readonly regions: readonly MadeRegion[];
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Absent: not compiled yet. */
  readonly module?: WebAssembly.Module;
}

const none = (index: number, refused: boolean): MadeRegion => ({
  index,
  blocks: [],
  deltas: [],
  distances: [],
  entries: [],
  body: new Uint8Array(),
  hints: [],
  relocations: new Int32Array(),
  refused,
});

/** Makes the regions of `job`. `ahead` translates code of the page that has not run yet: the address of the block at an offset in `frames`, 0: there can be none. */
export function makeRegions(job: RegionJob, translator: BlockTranslator, memories: Memories, ahead?: (phys: number, mode: number) => number): RegionModule {
  const bodies: FunctionBody[] = [];
  const names: string[] = [];
  const covered = new Set<number>();
  const regions = job.requests.map((request): MadeRegion => {
    const { index, head, phys, name } = request;
    if (covered.has(head)) return none(index, false);
    const { blocks, jumpTargets } = collect(request, translator, memories, ahead);
    if (blocks.length === 0) return none(index, true);
    const entries = entriesOf(blocks, job.waiting);
    for (const node of entries) covered.add((blocks[node] as RegionBlock).address);
    const body = compileRegion(blocks, entries, index, phys & (PAGE - 1), jumpTargets);
    bodies.push(body);
    if (name !== undefined) names.push(name);
    const { hints, relocations } = body;
    return {
      index,
      blocks: blocks.map(({ address }) => address),
      deltas: blocks.map(({ address }) => (memories.stateWords[(address + BLK_PHYS) >>> 2] as number) - (phys | 0)),
      distances: blocks.map(({ delta }) => delta),
      entries,
      body: body.code.done(),
      hints,
      relocations: packRelocations(relocations),
      refused: false,
    };
  });
  return { generation: job.generation, regions, bytes: bodies.length === 0 ? new Uint8Array() : assemble(bodies, names) };
}

/**
 * The first block and those of its page that it is connected with, as IR; empty if it cannot have a region. Where an indirect jump leads
 * is not written in the code: the hot blocks of the function that nothing else leads to are taken for its targets (their numbers).
 */
function collect(
  request: RegionRequest,
  translator: BlockTranslator,
  memories: Memories,
  ahead?: (phys: number, mode: number) => number,
): { blocks: RegionBlock[]; jumpTargets: number[] } {
  const { known, returns, phys, mode } = request;
  const inPage = (delta: number): boolean => (phys & (PAGE - 1)) + delta >= 0 && (phys & (PAGE - 1)) + delta < PAGE;
  const places = new Map<number, number>();
  for (let k = 0; k < known.length; k += 2) places.set(known[k] as number, known[k + 1] as number);
  const elsewhere = new Map<number, number>();
  for (let k = 0; k < returns.length; k += 2) elsewhere.set(returns[k] as number, returns[k + 1] as number);
  const blocks: RegionBlock[] = [];
  const seen = new Set<number>();
  let operations = 0;
  let calleeOperations = 0;
  const make = (address: number, delta: number, foreign: boolean): RegionBlock | undefined => retranslate(address, delta, mode, translator, memories, foreign);
  /** A small function of another page. */
  const addCallee = (delta: number): void => {
    const callee = smallCallee(memories, request.place, delta, mode, elsewhere, (address, to) => make(address, to, true));
    if (callee === undefined || blocks.length + callee.length > MAX_BLOCKS) return;
    const fresh = callee.filter((block) => block === callee[0] || !seen.has(block.delta));
    const count = fresh.reduce((sum, block) => sum + block.count, 0);
    if (calleeOperations + count > MAX_CALLEE_OPERATIONS) return;
    calleeOperations += count;
    operations += count;
    for (const block of fresh) {
      seen.add(block.delta);
      blocks.push(block);
    }
  };
  const add = (first: number): RegionBlock | undefined => {
    let at: RegionBlock | undefined;
    seen.add(first);
    for (const queue = [first]; queue.length > 0 && blocks.length < MAX_BLOCKS && operations < MAX_OPERATIONS; ) {
      const delta = queue.shift() as number;
      const foreign = elsewhere.get(delta);
      const address = places.get(delta) ?? foreign ?? (inPage(delta) ? ahead?.(phys + delta, mode) : undefined) ?? 0;
      if (address === 0) continue;
      const block = make(address, delta, foreign !== undefined);
      if (block === undefined) continue;
      operations += block.count;
      blocks.push(block);
      at ??= block;
      const reached = successorDeltas(block);
      const back = returnDelta(block);
      if (back !== undefined) reached.push(back);
      const called = callDelta(block);
      for (const further of reached) {
        const next = delta + further;
        if (seen.has(next)) continue;
        seen.add(next);
        if (further === called && !inPage(next) && !elsewhere.has(next)) addCallee(next);
        else queue.push(next);
      }
    }
    return at?.delta === first ? at : undefined;
  };
  if (add(0) === undefined) return { blocks: [], jumpTargets: [] };
  const jumpTargets: number[] = [];
  if (blocks.some(jumpsIndirectly)) {
    const start = Math.min(...blocks.filter(({ foreign }) => !foreign).map(({ delta }) => delta));
    const near = [...places.keys()].filter((delta) => !seen.has(delta) && delta > start && delta < start + JUMP_REACH).sort((x, y) => x - y);
    for (const delta of near) {
      if (jumpTargets.length >= MAX_JUMP_TARGETS) break;
      if (seen.has(delta)) continue;
      const block = add(delta);
      if (block !== undefined) jumpTargets.push(blocks.indexOf(block));
    }
  }
  return { blocks, jumpTargets };
}

/** Where the region will be entered from outside besides at its first block: behind calls that leave it, and at functions that are called. */
function entriesOf(blocks: readonly RegionBlock[], waiting: readonly number[]): number[] {
  const nodes = new Map(blocks.map((block, n) => [block.delta, n]));
  const entries = new Set<number>();
  for (const block of blocks) {
    const back = returnDelta(block);
    const site = back === undefined ? undefined : nodes.get(block.delta + back);
    if (site !== undefined) entries.add(site);
    const called = callDelta(block);
    const target = called === undefined ? undefined : nodes.get(block.delta + called);
    if (target !== undefined) entries.add(target);
  }
  for (const [n, block] of blocks.entries()) if (waiting.includes(block.address)) entries.add(n);
  for (const [n, { foreign }] of blocks.entries()) if (n === 0 || foreign) entries.delete(n);
  return [...entries].slice(0, MAX_ENTRIES);
}

function retranslate(
  address: number,
  delta: number,
  mode: number,
  translator: BlockTranslator,
  { frameBytes, stateWords: words }: Memories,
  foreign: boolean,
): RegionBlock | undefined {
  const size = words[(address + BLK_BYTES) >>> 2] as number;
  const insns = size >>> 16;
  const { fuse } = translator;
  translator.fuse = false;
  const good = translator.translate(frameBytes, (words[(address + BLK_PHYS) >>> 2] as number) >>> 0, -1, mode, insns);
  translator.fuse = fuse;
  if (!good || translator.instructions !== insns || translator.bytes !== (size & 0xffff)) return undefined;
  const block = new RegionBlock(translator.builder, address, delta, insns, words, foreign);
  return canEmit(block) ? block : undefined;
}
