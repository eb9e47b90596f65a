/**
 * Regions for the next run. While a guest runs, each block that becomes hot gets a region at once, of what it leads to in its page; those of one page
 * overlap, and the host's compilers do the same code several times. Here all of a page's hot blocks are known: each goes into one region, with those
 * that it is connected with, which is entered where this run entered the page. The guest's bytes come from the records, its memory may hold something else by now.
 */
import { BLK_HEADER, BLK_UOPS, UOP_SIZE } from '../../machine/layout.ts';
import { packRelocations } from '../targets/wasm/code.ts';
import { callDelta, canEmit, compileRegion, endsFunction, jumpsIndirectly, returnDelta, successorDeltas } from '../targets/wasm/compile-region.ts';
import { RegionBlock } from '../targets/wasm/region-block.ts';
import { JUMP_REACH, MAX_BLOCKS, MAX_CALLEE_OPERATIONS, MAX_JUMP_TARGETS, MAX_OPERATIONS } from '../targets/wasm/region-module.ts';
import type { BlockTranslator } from '../translate-block.ts';
import type { BlockRecord, StoredBlocks } from './stored-blocks.ts';
import { packHints, type StoredRegion } from './stored-region.ts';

const PAGE = 4096;

/** A block of a region; its place in the guest's addresses and in its memory (`delta`) counts from the begin of the page that the region is of. */
interface Member {
  readonly record: BlockRecord;
  readonly place: number;
  readonly delta: number;
  readonly block: RegionBlock;
}

/** A hot block of the page. */
interface Node extends Member {
  /** A region was entered here in a run, or that seemed likely. */
  readonly entered: boolean;
  readonly likely: boolean;
  /** Where it leads in the page and to where it returns, and who leads here. */
  readonly next: readonly number[];
  readonly from: Node[];
  taken: boolean;
}

/** What is hot of one page, in one mode. */
class Page {
  readonly mode: number;
  /** Record of each block by its place; where regions were entered in a run, and where that seemed likely. */
  readonly records = new Map<number, BlockRecord>();
  readonly entered = new Set<number>();
  readonly likely = new Set<number>();
  /** Blocks of other pages that its regions hold, by their distance from its begin in the guest's addresses; and that in its memory. */
  readonly foreign = new Map<number, { readonly record: BlockRecord; readonly delta: number }>();
  /** Runs since any of it was of use. */
  age = Number.POSITIVE_INFINITY;

  constructor(mode: number) {
    this.mode = mode;
  }

  /** Takes what a region is made of. False if the page has other code there: it was changed in between. */
  take({ records, deltas, distances, entries, seen, age }: StoredRegion, base: number): boolean {
    const places = Array.from(distances, (distance) => base + distance);
    const inside = (place: number): boolean => place >= 0 && place < PAGE;
    for (const [k, place] of places.entries()) if (inside(place) && (this.records.get(place) ?? records[k]) !== records[k]) return false;
    for (const [k, place] of places.entries()) {
      const record = records[k] as BlockRecord;
      if (inside(place)) this.records.set(place, record);
      else if (!this.foreign.has(place)) this.foreign.set(place, { record, delta: base + (deltas[k] as number) });
    }
    for (const node of [0, ...entries.subarray(0, seen)]) this.entered.add(places[node] as number);
    for (const node of entries.subarray(seen)) this.likely.add(places[node] as number);
    this.age = Math.min(this.age, age);
    return true;
  }
}

export class Consolidation {
  private readonly blocks: StoredBlocks;
  private readonly translator: BlockTranslator;

  constructor(blocks: StoredBlocks, translator: BlockTranslator) {
    this.blocks = blocks;
    this.translator = translator;
  }

  /** `kept` as they are, but for those of pages that have got new ones (`added`): of each of these pages, regions that share none of its blocks. */
  consolidate(kept: readonly StoredRegion[], added: readonly StoredRegion[]): StoredRegion[] {
    const { blocks, translator } = this;
    const keyOf = ({ records }: StoredRegion): string => `${blocks.pageKey(records[0] as BlockRecord)} ${blocks.mode(records[0] as BlockRecord)}`;
    const pages = new Map(added.map((region) => [keyOf(region), new Page(blocks.mode(region.records[0] as BlockRecord))]));
    const left: StoredRegion[] = [];
    // the latest first: where code was changed, what was made of it before stays as it is
    for (const region of [...kept, ...added].reverse())
      if (pages.get(keyOf(region))?.take(region, blocks.offset(region.records[0] as BlockRecord)) !== true) left.push(region);
    const { fuse } = translator;
    translator.fuse = false;
    const made = [...pages.values()].flatMap((page) => this.regionsOf(page));
    translator.fuse = fuse;
    return [...left.reverse(), ...made];
  }

  private regionsOf(page: Page): StoredRegion[] {
    const scratch = new Scratch(this.blocks, this.translator, page.mode);
    const nodes = new Map<number, Node>();
    for (const place of [...page.records.keys()].sort((a, b) => a - b)) {
      const record = page.records.get(place) as BlockRecord;
      const block = scratch.block(record, place, false);
      if (block === undefined) continue;
      const back = returnDelta(block);
      const next = [...successorDeltas(block), ...(back === undefined ? [] : [back])].map((delta) => place + delta);
      nodes.set(place, { record, place, delta: place, block, entered: page.entered.has(place), likely: page.likely.has(place), next, from: [], taken: false });
    }
    for (const node of nodes.values()) for (const place of node.next) nodes.get(place)?.from.push(node);
    const made: StoredRegion[] = [];
    const seeds = [...nodes.values()].sort((a, b) => Number(b.entered) - Number(a.entered) || a.place - b.place);
    for (const seed of seeds) if (!seed.taken) made.push(this.regionOf(component(seed, nodes), page, scratch));
    return made;
  }

  private regionOf(own: readonly Node[], page: Page, scratch: Scratch): StoredRegion {
    const base = (own[0] as Node).place;
    const foreign = this.foreignOf(own, page, scratch);
    const members: readonly Member[] = [...own, ...foreign];
    const blocks = members.map(({ block, place }) => block.at(place - base));
    const numbers = new Map(members.map(({ place }, n) => [place, n]));
    const inside = new Set(own);
    const seen: number[] = [];
    const likely: number[] = [];
    const jumpTargets: number[] = [];
    const jumps = own.some(({ block }) => jumpsIndirectly(block));
    const start = Math.min(...own.map(({ place }) => place));
    for (const [n, node] of own.entries()) {
      const reached = node.from.some((from) => inside.has(from) && isDirect(from, node.place));
      const returned = node.from.some((from) => isReturn(from, node.place) && calleeReturns(from, numbers, members));
      if (jumps && !reached && !returned && jumpTargets.length < MAX_JUMP_TARGETS && node.place < start + JUMP_REACH) jumpTargets.push(n);
      if (n === 0) continue;
      if (node.entered) seen.push(n);
      else if (!returned && (node.likely || !reached)) likely.push(n);
    }
    const entries = [...seen, ...likely];
    const { code, hints, relocations } = compileRegion(blocks, entries, 0, base & (PAGE - 1), jumpTargets);
    return {
      records: Int32Array.from(members, ({ record }) => record),
      deltas: Int32Array.from(members, ({ delta }) => delta - base),
      distances: Int32Array.from(members, ({ place }) => place - base),
      entries: Int32Array.from(entries),
      seen: seen.length,
      body: code.done(),
      hints: packHints(hints),
      relocations: packRelocations(relocations),
      age: page.age,
    };
  }

  /** Blocks of other pages that the region leads to, as far as the regions before did. */
  private foreignOf(own: readonly Node[], page: Page, scratch: Scratch): Member[] {
    const found: Member[] = [];
    const seen = new Set<number>();
    let operations = 0;
    const queue = own.flatMap(({ next }) => next);
    for (let place = queue.shift(); place !== undefined; place = queue.shift()) {
      const known = page.foreign.get(place);
      if (known === undefined || seen.has(place)) continue;
      seen.add(place);
      const block = scratch.block(known.record, place, true);
      if (block === undefined || operations + block.count > MAX_CALLEE_OPERATIONS) continue;
      operations += block.count;
      found.push({ ...known, place, block });
      for (const delta of successorDeltas(block)) queue.push(place + delta);
    }
    return found;
  }
}

/** `from` leads to `place` by a branch, a call or by going on. */
const isDirect = (from: Node, place: number): boolean => successorDeltas(from.block).some((delta) => from.place + delta === place);

/** The call at the end of `from` returns to `place`. */
const isReturn = (from: Node, place: number): boolean => {
  const back = returnDelta(from.block);
  return back !== undefined && from.place + back === place;
};

/** Is the function called at the end of `from` in the region, to a RET at least? */
function calleeReturns(from: Node, numbers: ReadonlyMap<number, number>, members: readonly Member[]): boolean {
  const called = callDelta(from.block);
  if (called === undefined) return false;
  const seen = new Set<number>();
  for (const queue = [from.place + called]; queue.length > 0; ) {
    const place = queue.pop() as number;
    const n = numbers.get(place);
    if (n === undefined || seen.has(place)) continue;
    seen.add(place);
    const { block } = members[n] as Member;
    if (endsFunction(block)) return true;
    const back = returnDelta(block);
    for (const delta of back === undefined ? successorDeltas(block) : [back]) queue.push(place + delta);
  }
  return false;
}

/** Blocks that are not in a region yet, connected with `seed`, in order of distance, as many as a region holds. */
function component(seed: Node, nodes: ReadonlyMap<number, Node>): Node[] {
  const found: Node[] = [];
  let operations = 0;
  seed.taken = true;
  for (const queue = [seed]; queue.length > 0; ) {
    const node = queue.shift() as Node;
    found.push(node);
    operations += node.block.count;
    for (const near of [...node.next.map((place) => nodes.get(place)), ...node.from]) {
      if (near === undefined || near.taken || found.length + queue.length >= MAX_BLOCKS || operations + near.block.count > MAX_OPERATIONS) continue;
      near.taken = true;
      queue.push(near);
    }
  }
  return found;
}

/** Records as blocks of a region, translated from their own bytes, their micro-ops in memory of its own. */
class Scratch {
  private readonly blocks: StoredBlocks;
  private readonly translator: BlockTranslator;
  private readonly mode: number;
  private readonly bytes = new Uint8Array(PAGE);

  constructor(blocks: StoredBlocks, translator: BlockTranslator, mode: number) {
    this.blocks = blocks;
    this.translator = translator;
    this.mode = mode;
  }

  /** Undefined if no region can hold it. */
  block(record: BlockRecord, delta: number, foreign: boolean): RegionBlock | undefined {
    const { blocks, translator, bytes, mode } = this;
    const offset = blocks.offset(record);
    const size = blocks.sizes(record);
    const guest = blocks.guestBytes(record);
    const insns = size >>> 16;
    bytes.fill(0);
    bytes.set(guest, offset);
    if (!translator.translate(bytes, offset, -1, mode, insns) || translator.instructions !== insns || translator.bytes !== (size & 0xffff)) return undefined;
    const words = new Int32Array((BLK_HEADER + blocks.uops(record) * UOP_SIZE) >> 2);
    words[BLK_UOPS >> 2] = blocks.uops(record);
    words.set(blocks.code(record), BLK_HEADER >> 2);
    const block = new RegionBlock(translator.builder, 0, delta, insns, words, foreign);
    return canEmit(block) ? block : undefined;
  }
}
