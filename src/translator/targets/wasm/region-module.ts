/**
 * From hot blocks to a module: everything about a batch of regions that can be done in another thread. A job is a copy of what it
 * needs, except the blocks' micro-ops in `state`, which nobody changes while the blocks live; who installs the module checks that they do.
 */

import type { BlockTranslator } from '../../translate-block.ts';
import { callDelta, canEmit, compileRegion, jumpsIndirectly, returnDelta, successorDeltas } from './compile-region.ts';
import { assemble, type FunctionBody } from './module.ts';
import { RegionBlock } from './region-block.ts';

/** Blocks and operations that one region may hold: functions stay small enough for the host's optimising compiler. */
const MAX_BLOCKS = 48;
const MAX_OPERATIONS = 1200;
/** Places where a region can be entered besides its first block. */
const MAX_ENTRIES = 12;
/** Blocks so far, in bytes, behind the start of a function may be what its indirect jump leads to, at most so many. */
const JUMP_REACH = 2048;
const MAX_JUMP_TARGETS = 24;
const PAGE = 4096;

/** A region to be made. */
export interface RegionRequest {
  /** Its place in the table. */
  readonly index: number;
  /** Address of the first block's header in `state`. */
  readonly head: number;
  /** Offset of the first block in its page, the page's bytes, the mode word. */
  readonly offset: number;
  readonly page: Uint8Array;
  readonly mode: number;
  /** Blocks of the page that have run often: distance from the first block, address, bytes | instructions << 16. */
  readonly known: Int32Array;
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
  /** Distances of the blocks from the first; the function, as it would be anywhere (code.ts: Relocation). */
  readonly deltas: readonly number[];
  readonly body: Uint8Array<ArrayBuffer>;
  readonly hints: FunctionBody['hints'];
  readonly relocations: FunctionBody['relocations'];
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
  entries: [],
  body: new Uint8Array(),
  hints: [],
  relocations: [],
  refused,
});

/** Makes the regions of `job`; `words`: `state`. */
export function makeRegions(job: RegionJob, translator: BlockTranslator, words: Int32Array): RegionModule {
  const bodies: FunctionBody[] = [];
  const names: string[] = [];
  const covered = new Set<number>();
  const regions = job.requests.map((request): MadeRegion => {
    const { index, head, offset, name } = request;
    if (covered.has(head)) return none(index, false);
    const { blocks, jumpTargets } = collect(request, translator, words);
    if (blocks.length === 0) return none(index, true);
    const entries = entriesOf(blocks, job.waiting);
    for (const node of entries) covered.add((blocks[node] as RegionBlock).address);
    const body = compileRegion(blocks, entries, index, offset, jumpTargets);
    bodies.push(body);
    if (name !== undefined) names.push(name);
    const { hints, relocations } = body;
    return {
      index,
      blocks: blocks.map(({ address }) => address),
      deltas: blocks.map(({ delta }) => delta),
      entries,
      body: body.code.done(),
      hints,
      relocations,
      refused: false,
    };
  });
  return { generation: job.generation, regions, bytes: bodies.length === 0 ? new Uint8Array() : assemble(bodies, names) };
}

/**
 * The first block and those of its page that it is connected with, as IR; empty if it cannot have a region. Where an indirect jump leads
 * is not written in the code: the hot blocks of the function that nothing else leads to are taken for its targets (their numbers).
 */
function collect(request: RegionRequest, translator: BlockTranslator, words: Int32Array): { blocks: RegionBlock[]; jumpTargets: number[] } {
  const { known } = request;
  const places = new Map<number, number>();
  for (let k = 0; k < known.length; k += 3) places.set(known[k] as number, k);
  const blocks: RegionBlock[] = [];
  const seen = new Set<number>();
  let operations = 0;
  const add = (first: number): RegionBlock | undefined => {
    let at: RegionBlock | undefined;
    seen.add(first);
    for (const queue = [first]; queue.length > 0 && blocks.length < MAX_BLOCKS && operations < MAX_OPERATIONS; ) {
      const delta = queue.shift() as number;
      const place = places.get(delta);
      if (place === undefined) continue;
      const block = retranslate(request, place, translator, words);
      if (block === undefined) continue;
      operations += block.count;
      blocks.push(block);
      at ??= block;
      const reached = successorDeltas(block);
      const back = returnDelta(block);
      if (back !== undefined) reached.push(back);
      for (const further of reached) {
        const next = delta + further;
        if (seen.has(next)) continue;
        seen.add(next);
        queue.push(next);
      }
    }
    return at?.delta === first ? at : undefined;
  };
  if (add(0) === undefined) return { blocks: [], jumpTargets: [] };
  const jumpTargets: number[] = [];
  if (blocks.some(jumpsIndirectly)) {
    const start = Math.min(...blocks.map(({ delta }) => delta));
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
  entries.delete(0);
  return [...entries].slice(0, MAX_ENTRIES);
}

function retranslate(request: RegionRequest, place: number, translator: BlockTranslator, words: Int32Array): RegionBlock | undefined {
  const { known, page, offset, mode } = request;
  const [delta, address, size] = known.subarray(place, place + 3) as unknown as [number, number, number];
  const insns = size >>> 16;
  const { fuse } = translator;
  translator.fuse = false;
  const good = translator.translate(page, (offset + delta) & (PAGE - 1), -1, mode, insns);
  translator.fuse = fuse;
  if (!good || translator.instructions !== insns || translator.bytes !== (size & 0xffff)) return undefined;
  const block = new RegionBlock(translator.builder, address, delta, insns, words);
  return canEmit(block) ? block : undefined;
}
