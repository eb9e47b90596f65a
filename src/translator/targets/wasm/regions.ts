/** Which regions there are: promotes hot blocks, owns the region table's entries of this thread. */
import {
  BLK_BYTES,
  BLK_COUNT,
  BLK_FLAGS,
  BLK_FRAME_NEXT,
  BLK_FRAME2_NEXT,
  BLK_MODE,
  BLK_PHYS,
  BLK_PHYS2,
  BLK_REGION,
  BLKF_DEAD,
  FRAME_BLOCKS,
  MODE_CODE64,
  MODE_SIZE_MASK,
  MODE_STEP,
  RIP,
} from '../../../machine/layout.ts';
import type { Memories } from '../../../machine/memories.ts';
import type { BlockTranslator } from '../../translate-block.ts';
import { chainModule } from './chain.ts';
import { callDelta, canEmit, compileRegion, returnDelta, successorDeltas } from './compile-region.ts';
import { coreFunctions } from './imports.ts';
import { assemble, type FunctionBody } from './module.ts';
import { RegionBlock } from './region-block.ts';

/** Blocks and operations that one region may hold: functions stay small enough for the host's optimising compiler. */
const MAX_BLOCKS = 48;
const MAX_OPERATIONS = 1200;
/** Places where a region can be entered besides its first block. */
const MAX_ENTRIES = 12;
/** Executions after which a block does not wait for others any more: a loop may be all that runs for long. */
const PATIENCE = 2000;
const PAGE = 4096;

/** What this needs of the core's exports. */
export interface RegionCore {
  installRegion(ctx: number, block: number, index: number, node: number): void;
  dropRegions(mfn: number): void;
  readonly table: WebAssembly.Table;
}

/** Regions of earlier runs (store/translation-store.ts). */
export interface RegionStore {
  /** Installs a stored region for the block, if there is one. */
  promote(ctx: number, block: number): boolean;
  recordRegion(blocks: readonly RegionBlock[], entries: readonly number[], body: FunctionBody): void;
}

export interface RegionCounters {
  regions: number;
  modules: number;
  /** Blocks in them, bytes of modules, promotions that gave no region. */
  blocks: number;
  bytes: number;
  refused: number;
}

export class Regions {
  readonly counters: RegionCounters = { regions: 0, modules: 0, blocks: 0, bytes: 0, refused: 0 };
  /** Looks at each module before it is compiled (tests). */
  /** Blocks with at most so many executions left before their promotion go into the regions of others. */
  hot: () => number = () => 0x7fffffff;
  check: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined;

  private readonly memories: Memories;
  private readonly core: RegionCore;
  private readonly translator: BlockTranslator;
  private readonly imports: WebAssembly.Imports;
  store: RegionStore | undefined;
  /** Regions that go into one module. */
  batch = 1;
  /** Name the functions by guest address, for profilers. */
  names = false;
  private readonly waiting: number[] = [];
  private readonly addresses: bigint[] = [];
  private readonly free: number[] = [];
  /** Head of the region in each table entry. */
  private readonly heads = new Map<number, number>();

  constructor(memories: Memories, core: RegionCore, translator: BlockTranslator) {
    this.memories = memories;
    this.core = core;
    this.translator = translator;
    const functions = core as unknown as Record<string, WebAssembly.ExportValue>;
    const used: Record<string, WebAssembly.ImportValue> = { table: core.table };
    for (const { name } of coreFunctions) if (name !== 'chain') used[name] = functions[name] as WebAssembly.ImportValue;
    const env = { state: memories.state, frames: memories.frames };
    const { chain } = new WebAssembly.Instance(new WebAssembly.Module(chainModule()), { env, core: { table: core.table } }).exports;
    used['chain'] = chain as WebAssembly.ImportValue;
    this.imports = { env, core: used };
  }

  /** `block` is to have a region: when enough of them wait to fill a module, or it has run for long while it waits. */
  promote(ctx: number, block: number): void {
    const again = this.waiting.includes(block);
    if (!again) {
      this.waiting.push(block);
      if (this.names) this.addresses.push(this.memories.stateQuads[(ctx >>> 3) + RIP] as bigint);
    }
    if (again || this.waiting.length >= this.batch) this.compile(ctx);
    else this.memories.stateWords[(block + BLK_COUNT) >>> 2] = PATIENCE;
  }

  /** Compiles what waits, as one module. */
  compile(ctx: number): void {
    const words = this.memories.stateWords;
    const bodies: FunctionBody[] = [];
    const indices: number[] = [];
    const names: string[] = [];
    for (const [k, block] of this.waiting.entries()) {
      // it may have got one as an entry of another's, or may be gone
      if (words[(block + BLK_REGION) >>> 2] !== 0 || ((words[(block + BLK_FLAGS) >>> 2] as number) & BLKF_DEAD) !== 0) continue;
      const blocks = this.collect(block);
      if (blocks.length === 0) {
        this.counters.refused++;
        continue;
      }
      const index = this.entry();
      const entries = this.entriesOf(blocks);
      const body = compileRegion(blocks, entries, index, (words[(block + BLK_PHYS) >>> 2] as number) & (PAGE - 1));
      bodies.push(body);
      this.store?.recordRegion(blocks, entries, body);
      indices.push(index);
      if (this.names) names.push(`guest ${(this.addresses[k] as bigint).toString(16)}`);
      this.heads.set(index, block);
      this.counters.regions++;
      this.counters.blocks += blocks.length;
      // the entries get the function below, before any of them can run
      for (const node of [0, ...entries]) this.core.installRegion(ctx, (blocks[node] as RegionBlock).address, index, node);
    }
    this.waiting.length = 0;
    this.addresses.length = 0;
    if (bodies.length === 0) return;
    const bytes = assemble(bodies, this.names ? names : []);
    this.check?.(bytes);
    this.counters.modules++;
    this.counters.bytes += bytes.length;
    let exports: WebAssembly.Exports;
    try {
      ({ exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), this.imports));
    } catch (error) {
      // The host refuses the module: out of memory, or our bug, which tests are to see. Guests go on as bytecode.
      for (const index of indices) {
        const head = this.heads.get(index) as number;
        this.core.dropRegions((words[(head + BLK_PHYS) >>> 2] as number) >>> 12);
        this.release(index);
      }
      this.counters.refused += indices.length;
      if (this.check !== undefined) throw error;
      return;
    }
    for (const [k, index] of indices.entries()) this.core.table.set(index, exports[`r${k}`] as () => number);
  }

  /**
   * Compiles functions of regions that exist already: `make` gives them for places in the table from `first` on, which
   * stay theirs until the end. -1 if the host refuses the module.
   */
  adopt(count: number, make: (first: number) => readonly FunctionBody[]): number {
    if (count === 0) return -1;
    const { table } = this.core;
    const first = table.grow(count);
    const bytes = assemble(make(first));
    this.check?.(bytes);
    try {
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), this.imports);
      for (let k = 0; k < count; k++) table.set(first + k, exports[`r${k}`] as () => number);
    } catch (error) {
      if (this.check !== undefined) throw error;
      return -1;
    }
    this.counters.modules++;
    this.counters.bytes += bytes.length;
    return first;
  }

  /** Forgets all regions; the blocks are gone already. */
  reset(): void {
    this.waiting.length = 0;
    for (const index of this.heads.keys()) this.release(index);
  }

  private release(index: number): void {
    this.core.table.set(index, null);
    this.heads.delete(index);
    this.free.push(index);
  }

  private entry(): number {
    if (this.free.length === 0) this.sweep();
    return this.free.pop() ?? this.core.table.grow(1);
  }

  /** Takes back the entries of regions that were dropped. */
  private sweep(): void {
    const { stateWords } = this.memories;
    if (this.heads.size < 64 || Math.clz32(this.heads.size) === Math.clz32(this.heads.size - 1)) return;
    for (const [index, head] of this.heads) if (stateWords[(head + BLK_REGION) >>> 2] !== index + 1) this.release(index);
  }

  /** The block and those of its page that it is connected with, as IR; empty if it cannot have a region. */
  private collect(head: number): RegionBlock[] {
    const words = this.memories.stateWords;
    const mode = words[(head + BLK_MODE) >>> 2] as number;
    if ((mode & MODE_SIZE_MASK) !== MODE_CODE64 || (mode & MODE_STEP) !== 0) return [];
    const phys = words[(head + BLK_PHYS) >>> 2] as number;
    const known = this.known(phys, mode, head);
    const found: RegionBlock[] = [];
    const seen = new Set<number>([0]);
    const queue: number[] = [0];
    let operations = 0;
    while (queue.length > 0 && found.length < MAX_BLOCKS && operations < MAX_OPERATIONS) {
      const delta = queue.shift() as number;
      const address = known.get(delta);
      if (address === undefined) continue;
      const block = this.retranslate(address, delta, mode);
      if (block === undefined) continue;
      operations += block.count;
      found.push(block);
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
    return found[0]?.delta === 0 ? found : [];
  }

  /** Blocks of the page at `phys` that have run often enough to be worth it, by their distance from it. */
  private known(phys: number, mode: number, head: number): Map<number, number> {
    const words = this.memories.stateWords;
    const blocks = new Map<number, number>([[0, head]]);
    const page = phys & -PAGE;
    const hot = this.hot();
    for (let at = words[(FRAME_BLOCKS >>> 2) + (phys >>> 12)] as number; at !== 0; ) {
      const own = words[(at + BLK_PHYS) >>> 2] as number;
      if ((own & -PAGE) !== page) {
        at = words[(at + BLK_FRAME2_NEXT) >>> 2] as number;
        continue;
      }
      const count = words[(at + BLK_COUNT) >>> 2] as number;
      if (words[(at + BLK_MODE) >>> 2] === mode && !blocks.has(own - phys) && (count <= hot || words[(at + BLK_REGION) >>> 2] !== 0))
        blocks.set(own - phys, at);
      at = words[(at + BLK_FRAME_NEXT) >>> 2] as number;
    }
    return blocks;
  }

  /** Where the region will be entered from outside besides at its first block: behind calls that leave it, and at functions that are called. */
  private entriesOf(blocks: readonly RegionBlock[]): number[] {
    const words = this.memories.stateWords;
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
    for (const [n, block] of blocks.entries()) if (this.waiting.includes(block.address)) entries.add(n);
    entries.delete(0);
    return [...entries].filter((n) => words[((blocks[n] as RegionBlock).address + BLK_REGION) >>> 2] === 0).slice(0, MAX_ENTRIES);
  }

  private retranslate(address: number, delta: number, mode: number): RegionBlock | undefined {
    const { translator, memories } = this;
    const words = memories.stateWords;
    const at = address >>> 2;
    if (words[at + (BLK_PHYS2 >> 2)] !== -1) return undefined;
    const size = words[at + (BLK_BYTES >> 2)] as number;
    const insns = size >>> 16;
    const { fuse } = translator;
    translator.fuse = false;
    const good = translator.translate(memories.frameBytes, (words[at + (BLK_PHYS >> 2)] as number) >>> 0, -1, mode, insns);
    translator.fuse = fuse;
    if (!good || translator.instructions !== insns || translator.bytes !== (size & 0xffff)) return undefined;
    const block = new RegionBlock(translator.builder, address, delta, insns, words);
    return canEmit(block) ? block : undefined;
  }
}
