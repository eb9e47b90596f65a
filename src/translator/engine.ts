/**
 * Runs guest code: the core's interpreter loop with the translator behind it. Knows vCPU contexts and translations, nothing of
 * domains. One engine per host thread; all engines share the two memories.
 */
import {
  BLK_COUNT,
  BLK_INSNS,
  BLK_PHYS,
  BLK_PHYS2,
  BUDGET,
  CUR_UOP,
  EXIT_BREAKPOINT,
  EXIT_BUDGET,
  EXIT_PENDING,
  EXIT_REASON,
  ONE_INSN,
  PCPU,
  PCPU_BASE,
  PCPU_SCRATCH,
  REGION_RETIRED,
  RETIRED_BASE,
  STEP_PENDING,
} from '../machine/layout.ts';
import type { Memories } from '../machine/memories.ts';
import { BlockCache } from './cache.ts';
import type { Builder } from './ir/builder.ts';
import { allPasses, type PassSwitches } from './ir/passes/pipeline.ts';
import { type MakingModules, type StoreCore, TranslationStore } from './store/translation-store.ts';
import { pack, packedSize } from './targets/bytecode/pack.ts';
import { type RegionCompiler, type RegionCore, Regions } from './targets/wasm/regions.ts';
import { isSound } from './targets/wasm/verify-module.ts';
import { BlockTranslator, MAX_INSTRUCTIONS } from './translate-block.ts';

/** What the core exports; see machine/README.md. Addresses and offsets are 32-bit numbers, possibly negative. */
export interface CoreExports {
  run(ctx: number): number;
  unwind(ctx: number): void;
  updateMode(ctx: number): void;
  insertBlock(ctx: number, block: number): void;
  dropFrame(ctx: number, mfn: number): void;
  dropRange(ctx: number, mfn: number, first: number, last: number): void;
  getRflags(ctx: number): bigint;
  setRflags(ctx: number, rflags: bigint): void;
  flushAll(ctx: number): void;
}

export interface EngineOptions {
  /** Features the guest's CPU has, as opcode rows name them; undefined: all that are implemented. */
  readonly features?: ReadonlySet<string>;
  readonly vendor?: 'amd' | 'intel';
  /** Optimiser passes; tests switch them off. */
  readonly passes?: PassSwitches;
  /** Instructions per block, 1 to 64. */
  readonly blockLimit?: number;
  /** Bytes of translations to keep before all are thrown away. */
  readonly arenaLimit?: number;
  /** Bytes of regions' modules to keep before all translations are thrown away. */
  readonly regionLimit?: number;
  /** Looks at each block's IR after the passes (tests: the verifier). */
  readonly check?: (builder: Builder) => void;
  /** Executions after which a block gets a compiled region (the wasm target), or a number for each new block; undefined: never. One pCPU thread only. */
  readonly promoteAfter?: number | (() => number);
  /** Regions that are compiled together as one module. */
  readonly regionBatch?: number;
  /** Keep translations for the next run (`store.save`), beginning with those of an earlier one, if there are any. */
  readonly stored?: Uint8Array | 'none';
  /** Modules of stored regions, checked when they were stored, are made inside this. */
  readonly makingStored?: MakingModules;
  /** Take no stored translation's word: blocks are translated again and compared, modules of regions go through the verifier. */
  readonly verifyStored?: boolean;
  /** Looks at each module of regions before it is compiled (tests: the verifier). */
  readonly checkModule?: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** Makes the regions in another thread; undefined: this one does. */
  readonly regionCompiler?: RegionCompiler;
  /** Host's time stamp counter in guest ticks, for vCPUs with TSC_MODE 1. */
  readonly hostTsc?: () => bigint;
  /** Told of every access to guest memory by vCPUs in paranoid mode (CPU_PARANOID): the arguments of the core's `check_access`. */
  readonly checkAccess?: (ctx: number, vaLow: number, vaHigh: number, access: number, view: number, low: number, high: number) => void;
  /** Trace points of the core. */
  readonly trace?: (kind: number, a: bigint, b: bigint) => void;
}

/** Where instructions lie that are about to run. */
export interface WatchedInstruction {
  /** Address of the vCPU context; RIP and MODE are the instruction's. */
  readonly ctx: number;
  /** Offset into `frames` of its first byte, and of the first byte of the page it reaches into (-1: it does not). */
  readonly phys: number;
  readonly phys2: number;
  /** Instructions retired before it. */
  readonly retired: bigint;
}

/**
 * Somebody who looks at instructions before they run: a tracer, a debugger's breakpoints. Identity of code is its place
 * in `frames`, so what is watched is chosen by page offsets; who watches looks at RIP.
 */
export interface Watch {
  /** Flags of 4096 page offsets, or undefined: every instruction. */
  readonly stops: Uint8Array | undefined;
  /** Before such an instruction. True: it does not run, run() returns EXIT_BREAKPOINT with RIP at it. */
  before(instruction: WatchedInstruction): boolean;
}

/** Counters since the engine was made. */
export interface EngineCounters {
  /** Blocks translated, and blocks translated to be run once. */
  translations: number;
  once: number;
  /** Times all translations were thrown away. */
  resets: number;
  /** Faults and exits from within an instruction. */
  unwinds: number;
  /** Returns of run() by exit reason. */
  readonly exits: Uint32Array;
}

/** What the core throws through the whole Wasm stack to leave an instruction. */
const FAULT: unique symbol = Symbol('guest fault');

/** Exceptions after which run() returns. Stops: a guest that does nothing but raise them, at microseconds each, keeping the thread for seconds. */
const MOST_EXCEPTIONS = 4096;

export class Engine {
  readonly core: CoreExports;
  readonly translator: BlockTranslator;
  readonly cache: BlockCache;
  readonly counters: EngineCounters = { translations: 0, once: 0, resets: 0, unwinds: 0, exits: new Uint32Array(64) };

  /** The wasm target, when it is switched on. */
  readonly regions: Regions | undefined;
  /** Translations of earlier runs, when they are kept. */
  readonly store: TranslationStore | undefined;

  private readonly memories: Memories;
  private readonly blockLimit: number;
  private readonly regionLimit: number;
  private watcher: Watch | undefined;
  private full = false;

  /** `module` is build/core.wasm, compiled. */
  constructor(memories: Memories, module: WebAssembly.Module, options: EngineOptions = {}) {
    this.memories = memories;
    this.translator = new BlockTranslator({ features: options.features, vendor: options.vendor ?? 'amd' });
    this.translator.passes = options.passes ?? allPasses;
    this.translator.check = options.check;
    this.blockLimit = options.blockLimit ?? MAX_INSTRUCTIONS;
    this.cache = new BlockCache(memories, options.arenaLimit);
    this.regionLimit = options.regionLimit ?? Number.POSITIVE_INFINITY;
    const instance = new WebAssembly.Instance(module, {
      env: {
        state: memories.state,
        frames: memories.frames,
        throw_fault: () => {
          throw FAULT;
        },
        translate: (ctx: number, phys: number, phys2: number, mode: number) => this.translate(ctx, phys >>> 0, phys2, mode),
        promote: (ctx: number, block: number) => this.offered(ctx, block >>> 0),
        host_tsc: options.hostTsc ?? (() => 0n),
        trace: options.trace ?? (() => {}),
        check_access: options.checkAccess ?? (() => {}),
        abort: () => {
          throw new Error('engine: the core aborted');
        },
      },
    });
    this.core = instance.exports as unknown as CoreExports;
    const { promoteAfter } = options;
    // regions of an engine that is gone: their functions are gone too
    if (this.cache.hadRegions) this.cache.reset();
    this.cache.hadRegions = promoteAfter !== undefined;
    if (promoteAfter !== undefined) {
      this.regions = new Regions(memories, instance.exports as unknown as RegionCore, this.translator);
      this.regions.batch = options.regionBatch ?? 1;
      this.regions.check = options.checkModule;
      this.regions.compiler = options.regionCompiler;
      this.cache.threshold = typeof promoteAfter === 'function' ? promoteAfter : () => promoteAfter;
      this.cache.evenThreshold = typeof promoteAfter === 'number';
      this.regions.threshold = this.cache.threshold;
      if (typeof promoteAfter === 'number') {
        this.regions.hot = () => promoteAfter - (promoteAfter >> 3);
        if (promoteAfter === 1 && options.regionCompiler === undefined) this.regions.ahead = this.translateAhead.bind(this);
      }
    }
    if (options.stored !== undefined) {
      const check = options.verifyStored === true ? { block: this.isTranslation.bind(this), module: isSound } : undefined;
      this.store = new TranslationStore(
        memories,
        this.cache,
        instance.exports as unknown as StoreCore,
        this.translator,
        this.regions,
        check,
        options.makingStored,
      );
      if (options.stored !== 'none') this.store.load(options.stored);
      if (this.regions !== undefined) this.regions.store = this.store;
    }
  }

  /** Runs the vCPU at `ctx` until an exit (EXIT_*), at most BUDGET instructions: fewer when they raise many exceptions. */
  run(ctx: number): number {
    const { core, counters } = this;
    let exceptions = 0;
    this.regions?.poll(ctx);
    if (this.regions !== undefined && this.regions.bytes > this.regionLimit) this.reset();
    for (;;) {
      try {
        const reason = core.run(ctx);
        counters.exits[reason & 63] = (counters.exits[reason & 63] as number) + 1;
        return reason;
      } catch (error) {
        if (error !== FAULT) throw error;
        counters.unwinds++;
        core.unwind(ctx);
        if (this.full) this.reset();
        else if (++exceptions === MOST_EXCEPTIONS) return EXIT_BUDGET;
      }
    }
  }

  /** Sets the vCPU's budget in instructions and runs it. */
  runFor(ctx: number, instructions: number): number {
    this.setSlot(ctx, BUDGET, BigInt(instructions));
    return this.run(ctx);
  }

  /** Instructions that compiled regions have retired on this thread's pCPU. */
  get retiredInRegions(): bigint {
    return this.memories.stateQuads[(PCPU_BASE + PCPU_SCRATCH + REGION_RETIRED) / 8] as bigint;
  }

  /** Forgets all translations. Not from within run(). */
  reset(): void {
    this.full = false;
    this.counters.resets++;
    this.cache.reset();
    this.regions?.reset();
    this.store?.forgetPlaces();
  }

  /** Let `watch` look at instructions before they run; undefined ends it. Not from within run(): all translations go. */
  watch(watch: Watch | undefined): void {
    const { cache, translator } = this;
    this.watcher = watch;
    const stops = watch?.stops;
    translator.stops = stops;
    cache.watched = watch === undefined ? undefined : stops === undefined ? () => true : (phys) => stops[phys & 4095] !== 0;
    this.reset();
  }

  /** The core offers a block, its execution under way: a hot one for a region, or one that is watched. */
  private offered(ctx: number, block: number): void {
    const { watcher, memories } = this;
    if (watcher === undefined) {
      this.regions?.promote(ctx, block);
      return;
    }
    const words = memories.stateWords;
    if (!(this.cache.watched as (phys: number) => boolean)((words[(block + BLK_PHYS) >>> 2] as number) >>> 0)) return;
    words[(block + BLK_COUNT) >>> 2] = 1; // offer it again next time
    // the block's instructions are taken off the budget already
    const budget = this.slot(ctx, BUDGET) + BigInt((words[(block + BLK_INSNS) >>> 2] as number) >>> 16);
    const phys2 = words[(block + BLK_PHYS2) >>> 2] as number;
    const stop = watcher.before({
      ctx,
      phys: (words[(block + BLK_PHYS) >>> 2] as number) >>> 0,
      phys2: phys2 === -1 ? -1 : phys2 >>> 0,
      retired: this.slot(ctx, RETIRED_BASE) - BigInt.asIntN(64, budget),
    });
    if (!stop) return;
    this.setSlot(ctx, BUDGET, BigInt.asUintN(64, budget));
    this.setSlot(ctx, CUR_UOP, 0n);
    this.setSlot(ctx, STEP_PENDING, 0n);
    this.setSlot(ctx, EXIT_REASON, BigInt(EXIT_BREAKPOINT));
    this.setSlot(ctx, EXIT_PENDING, 1n);
    throw FAULT;
  }

  /** 64-bit slot of a context (machine/layout.ts), unsigned. */
  slot(ctx: number, slot: number): bigint {
    return this.memories.stateQuads[ctx / 8 + slot] as bigint;
  }

  setSlot(ctx: number, slot: number, value: bigint): void {
    this.memories.stateQuads[ctx / 8 + slot] = value;
  }

  /** All of RFLAGS. */
  rflags(ctx: number): bigint {
    return BigInt.asUintN(64, this.core.getRflags(ctx));
  }

  /** Sets all of RFLAGS and the mode that follows from it. */
  setRflags(ctx: number, value: bigint): void {
    this.core.setRflags(ctx, value);
    this.core.updateMode(ctx);
  }

  /** EXIT_REASON of the last run. */
  exitReason(ctx: number): number {
    return Number(this.slot(ctx, EXIT_REASON));
  }

  /** Does the translator make this of the guest's code at `phys`? */
  private isTranslation(code: Int32Array, size: number, phys: number, phys2: number, mode: number): boolean {
    const { translator, memories } = this;
    if (!translator.translate(memories.frameBytes, phys, phys2, mode, this.blockLimit)) return false;
    if (translator.crosses !== (phys2 !== -1) || (translator.bytes | (translator.instructions << 16)) !== size) return false;
    const made = new Int32Array(packedSize(translator.builder) * 2);
    const words = pack(translator.builder, made, 0) >> 2;
    return words === code.length && code.every((word, k) => word === made[k]);
  }

  /** Called by the core when it finds no block. */
  private translate(ctx: number, phys: number, phys2: number, mode: number): number {
    const { translator, cache, memories } = this;
    const words = memories.stateWords;
    const once = words[(ctx >>> 2) + ONE_INSN * 2] as number;
    const second = phys2 === -1 ? -1 : phys2 >>> 0;
    if (once !== 0) {
      if (!translator.translate(memories.frameBytes, phys, second, mode, once)) return 0;
      this.counters.once++;
      return cache.storeOnce(translator, phys, second, mode, words[(ctx >>> 2) + PCPU * 2] as number);
    }
    const block = this.block(ctx, phys, second, mode);
    if (block === -1) {
      // all translations go; unwinding first, because one of them may be on its way
      this.full = true;
      throw FAULT;
    }
    return block;
  }

  /** A new block at `phys`, from the store or translated: its address, 0 if it needs a second page that is not there, -1 if the arena is full. */
  private block(ctx: number, phys: number, second: number, mode: number): number {
    const { translator, cache, memories } = this;
    const store = this.watcher === undefined ? this.store : undefined;
    const stored = store?.find(ctx, phys, second, mode) ?? 0;
    if (stored !== 0) return stored;
    const limit = this.watcher !== undefined && this.watcher.stops === undefined ? 1 : this.blockLimit;
    if (!translator.translate(memories.frameBytes, phys, second, mode, limit)) return 0;
    const block = cache.store(translator, phys, second, mode);
    if (block === 0) return -1;
    this.counters.translations++;
    store?.record(translator, block, phys, mode);
    this.core.insertBlock(ctx, block);
    return block;
  }

  /** A block for code that has not run yet, inside its page; 0: there can be none. */
  private translateAhead(ctx: number, phys: number, mode: number): number {
    return Math.max(0, this.block(ctx, phys, -1, mode));
  }
}
