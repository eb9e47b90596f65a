/** Which regions there are: promotes hot blocks, owns the region table's entries of this thread. */
import {
  ASID,
  BLK_BYTES,
  BLK_COUNT,
  BLK_FLAGS,
  BLK_LAST,
  BLK_MODE,
  BLK_PHYS,
  BLK_PHYS2,
  BLK_REGION,
  BLKF_DEAD,
  MODE_CODE32,
  MODE_CODE64,
  MODE_FLAT,
  MODE_SIZE_MASK,
  MODE_STEP,
  REGION_RETRY,
  RIP,
  TLB,
} from '../../../machine/layout.ts';
import type { Memories } from '../../../machine/memories.ts';
import { OP_F_RET64, OP_RET } from '../../../machine/ops.ts';
import { executionsOf } from '../../cache.ts';
import type { BlockTranslator } from '../../translate-block.ts';
import { chainModule } from './chain.ts';
import { blocksOfFrame } from './frame-blocks.ts';
import { coreFunctions } from './imports.ts';
import { type MadeRegion, makeRegions, type RegionJob, type RegionModule, type RegionRequest } from './region-module.ts';
import type { GuestPlace } from './small-callees.ts';

/** Executions after which a block that waits is offered again: a loop may be all that runs for long. */
const PATIENCE = 2000;
/** Jobs that each thread of a compiler has at once, so that it never waits; regions that go into one of them, few enough that the next hottest need not wait for long. */
const JOBS = 2;
const JOB_REGIONS = 6;
const PAGE = 4096;
/** Bytes that a direct jump reaches. */
const NEAR = 0x7fffff00;

/** 64-bit code, and 32-bit code in flat segments. */
const hasRegions = (mode: number): boolean =>
  (mode & MODE_STEP) === 0 && ((mode & MODE_SIZE_MASK) === MODE_CODE64 || (mode & (MODE_SIZE_MASK | MODE_FLAT)) === (MODE_CODE32 | MODE_FLAT));

/** Somebody who makes regions in other threads. When an answer comes, and which first, does not matter to any result. */
export interface RegionCompiler {
  readonly threads: number;
  submit(job: RegionJob): void;
  /** An answer that has come, compiled. */
  take(): RegionModule | undefined;
  /** The host compiles a function when it is first called: calls those of a module of regions, so that this happens in another thread, if it comes first. */
  prepare(module: WebAssembly.Module): void;
}

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
  recordRegion(region: MadeRegion): void;
}

export interface RegionCounters {
  regions: number;
  modules: number;
  /** Blocks in them, bytes of modules, promotions that gave no region. */
  blocks: number;
  bytes: number;
  refused: number;
}

/** A block that waits for its region. */
interface Waiting {
  readonly place: GuestPlace;
  /** Instructions that it has run as bytecode since it was offered first, in times of PATIENCE executions. */
  heat: number;
}

export class Regions {
  readonly counters: RegionCounters = { regions: 0, modules: 0, blocks: 0, bytes: 0, refused: 0 };
  /** Blocks with at most so many executions left before their promotion go into the regions of others. */
  hot: () => number = () => 0x7fffffff;
  /** Executions after which a new block is offered. */
  threshold: () => number = () => 1;
  /** Looks at each module before it is compiled (tests). */
  check: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined;

  store: RegionStore | undefined;
  /** Regions that go into one module. */
  batch = 1;
  /** Name the functions by guest address, for profilers. */
  names = false;
  /** Absent: regions are made at once, in this thread. */
  compiler: RegionCompiler | undefined;

  /** Translates the block at an offset in `frames` although it has not run: regions that are made at once then hold whole functions. 0: it cannot. */
  ahead: ((ctx: number, phys: number, mode: number) => number) | undefined;

  private readonly memories: Memories;
  private readonly core: RegionCore;
  private readonly translator: BlockTranslator;
  private readonly imports: WebAssembly.Imports;
  /** Blocks to be compiled, and those that a compiler has. */
  private readonly waiting = new Map<number, Waiting>();
  private readonly underWay = new Set<number>();
  /** The latter by their places in the table. */
  private readonly requested = new Map<number, number>();
  /** Blocks in the middle of regions, where none can be entered. */
  private readonly inside = new Set<number>();
  /** Hot functions that only return, by guest address: kernels leave every function by a jump to such a one. */
  private readonly returns = new Map<number, number>();
  private readonly free: number[] = [];
  /** Head of the region in each table entry. */
  private readonly heads = new Map<number, number>();
  private jobs = 0;
  /** Times all regions were forgotten. */
  private generation = 0;

  constructor(memories: Memories, core: RegionCore, translator: BlockTranslator) {
    this.memories = memories;
    this.core = core;
    this.translator = translator;
    const functions = core as unknown as Record<string, WebAssembly.ExportValue>;
    const used: Record<string, WebAssembly.ImportValue> = { table: core.table };
    for (const { name } of coreFunctions) if (!name.startsWith('chain')) used[name] = functions[name] as WebAssembly.ImportValue;
    const env = { state: memories.state, frames: memories.frames };
    const { chain, chainAnew } = new WebAssembly.Instance(new WebAssembly.Module(chainModule()), { env, core: { table: core.table } }).exports;
    used['chain'] = chain as WebAssembly.ImportValue;
    used['chainAnew'] = chainAnew as WebAssembly.ImportValue;
    this.imports = { env, core: used };
  }

  /** `block` is to have a region: when enough of them wait to fill a module, or it has run for long while it waits. */
  promote(ctx: number, block: number): void {
    if (this.store?.promote(ctx, block) === true) return;
    const words = this.memories.stateWords;
    const known = this.waiting.get(block);
    if (known !== undefined) known.heat += (words[(block + BLK_BYTES) >>> 2] as number) >>> 16;
    else if (!this.underWay.has(block)) {
      const place = this.place(ctx);
      this.waiting.set(block, { place, heat: 0 });
      if (Number.isSafeInteger(place.rip) && this.onlyReturns(block)) this.returns.set(place.rip, block);
    }
    if (this.compiler === undefined && (known !== undefined || this.waiting.size >= this.batch)) this.install(ctx, this.made(ctx));
    else {
      words[(block + BLK_COUNT) >>> 2] = PATIENCE;
      this.poll(ctx);
    }
  }

  /** Takes what the compiler has made, gives it what waits. */
  poll(ctx: number): void {
    const { compiler } = this;
    if (compiler === undefined) return;
    while (this.jobs > 0) {
      const made = compiler.take();
      if (made === undefined) break;
      this.jobs--;
      this.install(ctx, made);
    }
    while (this.jobs < JOBS * compiler.threads && this.waiting.size > 0) {
      const heads = this.hottest();
      if (heads.length === 0) break;
      compiler.submit(this.job(heads));
      this.jobs++;
    }
  }

  /** What waits, made at once. */
  private made(ctx: number): RegionModule {
    const { ahead } = this;
    const more = ahead === undefined ? undefined : (phys: number, mode: number): number => ahead(ctx, phys, mode);
    return makeRegions(this.job([...this.waiting.keys()]), this.translator, this.memories, more);
  }

  /** Those of the blocks that wait which have run most since, and are to be compiled next. */
  private hottest(): number[] {
    const words = this.memories.stateWords;
    for (const block of this.waiting.keys()) {
      // it may have got one as an entry of another's, or may be gone
      if (words[(block + BLK_REGION) >>> 2] !== 0 || ((words[(block + BLK_FLAGS) >>> 2] as number) & BLKF_DEAD) !== 0) this.waiting.delete(block);
    }
    // what is being compiled of a page may hold them
    const underWay = new Set([...this.underWay].map((block) => this.page(block)));
    const blocks = [...this.waiting.keys()].filter((block) => !underWay.has(this.page(block)));
    if (blocks.length <= JOB_REGIONS) return blocks;
    const heat = (block: number): number => (this.waiting.get(block) as Waiting).heat;
    return blocks.sort((a, b) => heat(b) - heat(a)).slice(0, JOB_REGIONS);
  }

  /** Blocks that wait, as a job. */
  private job(heads: readonly number[]): RegionJob {
    const words = this.memories.stateWords;
    const pages = new Set(heads.map((head) => this.page(head)));
    // all that wait there: they can be entries of these regions
    const waiting = [...this.waiting.keys()].filter((block) => pages.has(this.page(block)));
    const requests: RegionRequest[] = [];
    for (const head of heads) {
      const wanted = this.waiting.get(head) as Waiting;
      this.waiting.delete(head);
      // not offered again, unless its code changes
      words[(head + BLK_COUNT) >>> 2] = 0;
      if (words[(head + BLK_REGION) >>> 2] !== 0 || ((words[(head + BLK_FLAGS) >>> 2] as number) & BLKF_DEAD) !== 0) continue;
      const mode = words[(head + BLK_MODE) >>> 2] as number;
      if (!hasRegions(mode) || words[(head + BLK_PHYS2) >>> 2] !== -1) {
        this.counters.refused++;
        continue;
      }
      const phys = (words[(head + BLK_PHYS) >>> 2] as number) >>> 0;
      const index = this.entry();
      if (this.compiler !== undefined) {
        this.underWay.add(head);
        this.requested.set(index, head);
        // to ask for the answer
        words[(head + BLK_COUNT) >>> 2] = PATIENCE;
      }
      const { rip } = wanted.place;
      const name = this.names ? { name: `guest ${BigInt.asUintN(64, BigInt(rip)).toString(16)}` } : {};
      requests.push({ index, head, phys, mode, known: this.known(phys | 0, mode, head), returns: this.returnsFor(rip, mode), place: wanted.place, ...name });
    }
    return { generation: this.generation, requests, waiting };
  }

  /** Gives the blocks of what was made their regions, unless they are gone or have one. */
  private install(ctx: number, made: RegionModule): void {
    const words = this.memories.stateWords;
    const { counters } = this;
    const lives = (block: number): boolean => ((words[(block + BLK_FLAGS) >>> 2] as number) & BLKF_DEAD) === 0;
    for (const { index } of made.regions) {
      const head = this.requested.get(index);
      if (head === undefined) continue;
      this.requested.delete(index);
      this.underWay.delete(head);
      words[(head + BLK_COUNT) >>> 2] = 0;
    }
    const bodies = made.regions.filter(({ blocks }) => blocks.length > 0);
    counters.refused += made.regions.filter(({ refused }) => refused).length;
    const good = bodies.filter(
      ({ blocks }) => made.generation === this.generation && words[((blocks[0] as number) + BLK_REGION) >>> 2] === 0 && blocks.every(lives),
    );
    for (const region of made.regions) if (!good.includes(region)) this.free.push(region.index);
    if (made.generation === this.generation) {
      // regions made of code that has changed since
      for (const { blocks, entries } of bodies) {
        if (blocks.every(lives)) continue;
        for (const node of [0, ...entries]) words[((blocks[node] as number) + BLK_COUNT) >>> 2] = REGION_RETRY;
      }
    }
    if (good.length === 0) return;
    this.check?.(made.bytes);
    counters.modules++;
    counters.bytes += made.bytes.length;
    let exports: WebAssembly.Exports;
    try {
      ({ exports } = new WebAssembly.Instance(made.module ?? new WebAssembly.Module(made.bytes), this.imports));
    } catch (error) {
      // The host refuses the module: out of memory, or our bug, which tests are to see. Guests go on as bytecode.
      for (const { index } of good) this.free.push(index);
      counters.refused += good.length;
      if (this.check !== undefined) throw error;
      return;
    }
    for (const region of good) {
      const { index, blocks, entries } = region;
      // an entry of one before it in this module
      if (words[((blocks[0] as number) + BLK_REGION) >>> 2] !== 0) {
        this.free.push(index);
        continue;
      }
      counters.regions++;
      counters.blocks += blocks.length;
      this.store?.recordRegion(region);
      this.heads.set(index, blocks[0] as number);
      this.core.table.set(index, exports[`r${bodies.indexOf(region)}`] as () => number);
      for (const node of [0, ...entries]) {
        const block = blocks[node] as number;
        if (words[(block + BLK_REGION) >>> 2] === 0) this.core.installRegion(ctx, block, index, node);
      }
      // how often the others ran says nothing about how often they will as bytecode: they get a region of their own for what they run from now on
      for (const block of blocks) {
        if (words[(block + BLK_REGION) >>> 2] !== 0 || this.inside.has(block) || this.underWay.has(block)) continue;
        this.inside.add(block);
        this.waiting.delete(block);
        words[(block + BLK_COUNT) >>> 2] = executionsOf(this.threshold(), words[(block + BLK_BYTES) >>> 2] as number);
      }
    }
  }

  /** Where in the table `adopt` puts regions. */
  get next(): number {
    return this.core.table.length;
  }

  /**
   * Compiles `modules` of `each` regions, `count` in all, that exist already, made for places in the table from `next` on, which stay theirs until the
   * end. False if the host refuses one.
   */
  adopt(count: number, each: number, modules: readonly Uint8Array<ArrayBuffer>[]): boolean {
    const { table } = this.core;
    const functions: WebAssembly.ExportValue[] = [];
    try {
      for (const bytes of modules) {
        this.check?.(bytes);
        const module = new WebAssembly.Module(bytes);
        this.compiler?.prepare(module);
        const { exports } = new WebAssembly.Instance(module, this.imports);
        for (let k = 0; k < each && functions.length < count; k++) functions.push(exports[`r${k}`] as WebAssembly.ExportValue);
      }
      const first = table.grow(count);
      for (const [k, region] of functions.entries()) table.set(first + k, region);
    } catch (error) {
      if (this.check !== undefined) throw error;
      return false;
    }
    this.counters.modules += modules.length;
    for (const { length } of modules) this.counters.bytes += length;
    return true;
  }

  /** Bytes of the modules since regions were last forgotten, dropped ones included. */
  get bytes(): number {
    return this.counters.bytes - this.bytesBefore;
  }

  private bytesBefore = 0;

  /** Forgets all regions; the blocks are gone already. */
  reset(): void {
    this.waiting.clear();
    this.underWay.clear();
    this.requested.clear();
    this.inside.clear();
    this.returns.clear();
    this.generation++;
    this.bytesBefore = this.counters.bytes;
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

  /** Number of the block's frame. */
  private page(block: number): number {
    return (this.memories.stateWords[(block + BLK_PHYS) >>> 2] as number) >>> 12;
  }

  /** Where the vCPU is. RIP is signed: exact where addresses have 48 bits. */
  private place(ctx: number): GuestPlace {
    const words = this.memories.stateWords;
    const at = (ctx >>> 2) + RIP * 2;
    const rip = (words[at + 1] as number) * 0x100000000 + ((words[at] as number) >>> 0);
    return { rip, tlb: words[(ctx >>> 2) + TLB * 2] as number, asid: words[(ctx >>> 2) + ASID * 2] as number };
  }

  /** The block is a RET and nothing else. */
  private onlyReturns(block: number): boolean {
    const words = this.memories.stateWords;
    if ((words[(block + BLK_BYTES) >>> 2] as number) >>> 16 !== 1 || words[(block + BLK_PHYS2) >>> 2] !== -1) return false;
    const last = (words[(words[(block + BLK_LAST) >>> 2] as number) >>> 2] as number) & 0xffff;
    return last === OP_RET || last === OP_F_RET64;
  }

  /** Those of `returns` that live and are near enough to `rip` for a direct jump. @see RegionRequest.returns */
  private returnsFor(rip: number, mode: number): Int32Array {
    const words = this.memories.stateWords;
    const found: number[] = [];
    if (!Number.isSafeInteger(rip)) return Int32Array.of();
    for (const [at, block] of this.returns) {
      const distance = at - rip;
      if (Math.abs(distance) >= NEAR || Math.floor(at / PAGE) === Math.floor(rip / PAGE)) continue;
      if (words[(block + BLK_MODE) >>> 2] === mode && ((words[(block + BLK_FLAGS) >>> 2] as number) & BLKF_DEAD) === 0) found.push(distance, block);
    }
    return Int32Array.from(found);
  }

  /** Blocks of the page at `phys` that have run often enough to be worth it. @see RegionRequest.known */
  private known(phys: number, mode: number, head: number): Int32Array {
    const words = this.memories.stateWords;
    const blocks = [0, head];
    const hot = this.hot();
    for (const at of blocksOfFrame(words, phys)) {
      const own = words[(at + BLK_PHYS) >>> 2] as number;
      const count = words[(at + BLK_COUNT) >>> 2] as number;
      const inside = words[(at + BLK_PHYS2) >>> 2] === -1;
      if (
        inside &&
        own !== phys &&
        words[(at + BLK_MODE) >>> 2] === mode &&
        (count <= executionsOf(hot, words[(at + BLK_BYTES) >>> 2] as number) || words[(at + BLK_REGION) >>> 2] !== 0 || this.inside.has(at))
      )
        blocks.push(own - phys, at);
    }
    return Int32Array.from(blocks);
  }
}
