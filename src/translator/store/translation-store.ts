/**
 * Translations of earlier runs. Blocks that were translated before are copied instead of being translated; regions are there,
 * compiled before the guest runs, and are installed when all the guest bytes they were made of are seen.
 *
 * Only bytes decide: a translation is used where the guest has exactly the bytes it was made of, at the same offset in a
 * page and in the same mode. What the store holds was made by this build for this CPU model; its keeper sees to that.
 */

import type { KeptReader } from '../../base/ports/translation-cache.ts';
import { BLK_BYTES, BLK_FLAGS, BLK_HEADER, BLK_MODE, BLK_PHYS, BLK_REGION, BLKF_DEAD, REGION_NODE_SHIFT, UOP_SIZE } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';
import type { BlockCache } from '../cache.ts';
import { Code, KIND_REGION, RELOCATION, relocate } from '../targets/wasm/code.ts';
import { assemble, type FunctionBody } from '../targets/wasm/module.ts';
import type { MadeRegion } from '../targets/wasm/region-module.ts';
import type { Regions } from '../targets/wasm/regions.ts';
import type { BlockTranslator } from '../translate-block.ts';
import { Consolidation } from './consolidate.ts';
import { type BlockRecord, readAll, StoredBlocks, type StoredCore } from './stored-blocks.ts';
import { decodeRegions, encodeRegions, packHints, type StoredRegion, unpackHints } from './stored-region.ts';

const MAGIC = 0x3543545a; // "ZTC5"
/** Magic, words of the blocks, words of the regions, their modules, bytes of these; what they were made for: address of the blocks' places, first place in the table. */
const HEAD_WORDS = 7;
/** Regions that share a module: making one takes as long as checking some ten functions. Where the host does not optimise them ahead, it hands out optimised functions of one in batches: of ten, with so few. */
const MODULE_REGIONS = 64;
/** A region that was of no use in so many runs is left out. */
const AGE_MAX = 4;
/** Regions are kept up to so many bytes of functions: compiling them takes 15 ms a MiB. */
const REGION_BYTES_MAX = 16 << 20;

/** A file is written anew when this share of it (one in so many) is new. */
const NEW_SHARE = 50;

/** What the store needs of the core's exports. */
export interface StoreCore extends StoredCore {
  insertBlock(ctx: number, block: number): void;
  installRegion(ctx: number, block: number, index: number, node: number): void;
}

/** Looks at what a file holds before it is used, for those who do not take the file's word. */
export interface StoredCheck {
  /** Is this what the translator makes of the guest's code at `phys` in `mode`? `phys2`: the page behind, if it reaches there, else -1; `size`: BLK_BYTES. */
  readonly block: (code: Int32Array, size: number, phys: number, phys2: number, mode: number) => boolean;
  /** Is the module of regions sound? */
  readonly module: (bytes: Uint8Array<ArrayBuffer>) => boolean;
}

export interface StoreCounters {
  /** Blocks and regions that the store had, that were used, and that were added. */
  storedBlocks: number;
  usedBlocks: number;
  newBlocks: number;
  storedRegions: number;
  usedRegions: number;
  newRegions: number;
}

/** Makes WebAssembly modules that were checked before. */
export type MakingModules = (make: () => boolean) => boolean;

/** A stored region with its place in the table. */
interface Placed {
  readonly region: StoredRegion;
  readonly index: number;
  used: boolean;
}

const keyOf = (records: ArrayLike<BlockRecord>, entries: ArrayLike<number>): string => `${Array.from(records).join()} ${Array.from(entries).join()}`;

/** The region's function, its numbers filled in where it lies (they are filled in again for other places): `addresses` of its blocks, place in the table. */
function bodyFor({ body, hints, relocations }: StoredRegion, addresses: ArrayLike<number>, index: number): FunctionBody {
  for (let k = 0; k < relocations.length; k += RELOCATION) {
    const at = relocations[k] as number;
    const own = relocations[k + 1] === KIND_REGION;
    relocate(body, at, own ? index + 1 : (addresses[relocations[k + 2] as number] as number) + (relocations[k + 3] as number));
  }
  const code = new Code();
  code.bytes = body;
  code.length = body.length;
  return { code, hints: unpackHints(hints), relocations: [] };
}

/** Modules of MODULE_REGIONS functions each. `starts` is told where each function begins when they lie one behind the other. */
function modulesOf(bodies: readonly FunctionBody[], starts: number[] = []): Uint8Array<ArrayBuffer>[] {
  const modules: Uint8Array<ArrayBuffer>[] = [];
  let before = 0;
  for (let k = 0; k < bodies.length; k += MODULE_REGIONS) {
    const own: number[] = [];
    const module = assemble(bodies.slice(k, k + MODULE_REGIONS), [], own);
    for (const start of own) starts.push(before + start);
    before += module.length;
    modules.push(module);
  }
  return modules;
}

/** Parts of `bytes` of these lengths. Throws RangeError if that is not all of it. */
function cut(bytes: Uint8Array<ArrayBuffer>, lengths: Int32Array): Uint8Array<ArrayBuffer>[] {
  let at = 0;
  const parts = Array.from(lengths, (length) => {
    const from = at;
    at += Math.max(length, 0);
    return bytes.subarray(from, at);
  });
  if (at !== bytes.length) throw new RangeError('the modules of stored regions end elsewhere');
  return parts;
}

export class TranslationStore {
  private readonly memories: Memories;
  private readonly cache: BlockCache;
  private readonly core: StoreCore;
  private readonly blocks: StoredBlocks;
  private readonly check: StoredCheck | undefined;
  private readonly translator: BlockTranslator;
  /** Regions of the file, those that contain a block, and those made in this run. */
  private placed: Placed[] = [];
  private readonly having = new Map<BlockRecord, Placed[]>();
  /** The same by the first record of a page. */
  private readonly ofPage = new Map<BlockRecord, Set<Placed>>();
  private readonly added: StoredRegion[] = [];
  private addedBytes = 0;
  /** Regions that are kept already; undefined: made in this run. */
  private known: Map<string, Placed | undefined> | undefined;
  /** Address of the places that the file's blocks have in the arena, which the regions' code contains; 0: they have none. */
  private places = 0;
  /** The same in the run that the next file is made for, and where its regions are in the table. */
  private readonly placesFrom: number;
  private readonly firstRegion: number;
  private readonly regions: Regions | undefined;
  private readonly making: MakingModules;
  private readonly counted: StoreCounters = { storedBlocks: 0, usedBlocks: 0, newBlocks: 0, storedRegions: 0, usedRegions: 0, newRegions: 0 };

  /** `making`: modules as `save` checked them are made inside it. */
  constructor(
    memories: Memories,
    cache: BlockCache,
    core: StoreCore,
    translator: BlockTranslator,
    regions: Regions | undefined,
    check?: StoredCheck,
    making: MakingModules = (make) => make(),
  ) {
    this.making = making;
    this.translator = translator;
    this.memories = memories;
    this.check = check;
    this.cache = cache;
    this.core = core;
    this.regions = regions;
    this.placesFrom = cache.reservable;
    this.firstRegion = regions?.next ?? 0;
    this.blocks = new StoredBlocks(memories, core);
  }

  /** Takes over what `save` gave in an earlier run. False if it is not that. Before anything is translated. */
  load(file: Uint8Array): boolean {
    let at = 0;
    const kept: KeptReader = {
      length: file.length,
      *into(target) {
        const bytes = file.subarray(at, at + target.length);
        target.set(bytes);
        at += bytes.length;
        yield;
        return bytes.length === target.length;
      },
      isTrue: () => at === file.length,
    };
    for (const steps = this.loading(kept); ; ) {
      const step = steps.next();
      if (step.done === true) return step.value;
    }
  }

  /** As `load`, in steps, for one who has other work too; no guest may run between them. */
  *loading(kept: KeptReader): Generator<undefined, boolean> {
    const { regions } = this;
    try {
      const head = new Int32Array(HEAD_WORDS);
      yield* readAll(kept, new Uint8Array(head.buffer));
      const [magic, blockWords = 0, regionWords = 0, moduleCount = 0, moduleBytes = 0, from = 0, first = 0] = head;
      const moduleWords = (moduleBytes + 3) >> 2;
      const sizes = [blockWords, regionWords, moduleCount, moduleBytes];
      const total = HEAD_WORDS + blockWords + regionWords + moduleCount + moduleWords;
      if (magic !== MAGIC || sizes.some((size) => size < 0) || total * 4 !== kept.length) return false;
      const places = yield* this.blocks.reading(kept, blockWords, this.cache);
      if (places === 0) return false;
      const words = new Int32Array(regionWords + moduleCount + moduleWords);
      yield* readAll(kept, new Uint8Array(words.buffer));
      if (!kept.isTrue()) throw new RangeError('stored translations are not those that were written');
      yield;
      this.blocks.index();
      this.places = places;
      yield;
      const modulesFrom = regionWords + moduleCount;
      const module = new Uint8Array(words.buffer, modulesFrom * 4, moduleBytes);
      const stored = decodeRegions(words.subarray(0, regionWords), this.blocks.loaded, module);
      yield;
      if (regions !== undefined && stored.length > 0) {
        const fits = this.check === undefined && from === this.places && first === regions.next;
        yield* this.adopting(stored, regions, fits ? cut(module, words.subarray(regionWords, modulesFrom)) : undefined);
      }
      if (this.places !== 0 && this.check === undefined && this.cache.evenThreshold) this.blocks.letCoreTake(this.places, this.cache.threshold());
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.blocks.clear(this.cache);
      this.forgetPlaces();
      return false;
    }
    return true;
  }

  /** Compiles all regions: `finished` modules, if they were made for the addresses that their blocks have now. */
  private *adopting(stored: readonly StoredRegion[], regions: Regions, finished: Uint8Array<ArrayBuffer>[] | undefined): Generator<undefined> {
    const first = regions.next;
    const addressOf = (record: BlockRecord): number => this.addressOf(record);
    const modules = finished ?? modulesOf(stored.map((region, k) => bodyFor(region, region.records.map(addressOf), first + k)));
    if (modules.length !== Math.ceil(stored.length / MODULE_REGIONS) || (this.check !== undefined && !modules.every(this.check.module))) return;
    for (const [k, module] of modules.entries()) {
      const count = Math.min(MODULE_REGIONS, stored.length - k * MODULE_REGIONS);
      const make = (): boolean => regions.adopt(count, MODULE_REGIONS, [module]);
      if (!(finished === undefined ? make() : this.making(make))) return;
      yield;
    }
    this.placed = stored.map((region, k) => ({ region, index: first + k, used: false }));
    this.counted.storedRegions = stored.length;
    for (const one of this.placed) {
      const { records, deltas } = one.region;
      for (let k = 0; k < records.length; k++) {
        const record = records[k] as BlockRecord;
        // one of another page is no sign that the others are there
        const offset = this.blocks.offset(records[0] as BlockRecord) + (deltas[k] as number);
        if (offset < 0 || offset > 4095) continue;
        const page = this.blocks.firstOf(record);
        const others = this.ofPage.get(page);
        this.blocks.noteRegions(page);
        if (others === undefined) this.ofPage.set(page, new Set([one]));
        else others.add(one);
        const list = this.having.get(record);
        if (list === undefined) this.having.set(record, [one]);
        else list.push(one);
      }
    }
  }

  get counters(): StoreCounters {
    return { ...this.counted, usedBlocks: this.counted.usedBlocks + this.blocks.taken };
  }

  /** Blocks of the file have no places any more: the arena is emptied. */
  forgetPlaces(): void {
    this.counted.usedBlocks += this.blocks.endTaking(this.places);
    this.blocks.leavePlaces();
    this.places = 0;
    this.having.clear();
    this.ofPage.clear();
  }

  /** The block at `phys` in `mode`, entered in the hash, if the store knows its bytes; else 0. `phys2`: the page behind, -1: it is not there. With it come the other blocks of its page that are there. */
  find(ctx: number, phys: number, phys2: number, mode: number): number {
    const record = this.blocks.find(phys, phys2, mode);
    if (record < 0) return 0;
    const second = this.blocks.crosses(record) ? phys2 : -1;
    if (!this.hasPlace(record)) return this.copy(ctx, record, phys, second);
    const block = this.insert(ctx, record, phys, second);
    if (block !== 0) this.insertPage(ctx, record, phys);
    return block;
  }

  /** Has the block a place in the arena that was not used yet? A block that is gone stays where it was, its memory may still be looked at. */
  private hasPlace(record: BlockRecord): boolean {
    return this.places !== 0 && record < this.blocks.loaded && this.memories.stateWords[(this.addressOf(record) + BLK_BYTES) >>> 2] === 0;
  }

  private addressOf(record: BlockRecord): number {
    return this.places + this.blocks.placeOf(record);
  }

  /** A copy of a block, which no region can be made of that the file has. 0: there is no room. */
  private copy(ctx: number, record: BlockRecord, phys: number, phys2: number): number {
    const { blocks, cache } = this;
    if (!this.isTrue(record, phys, phys2)) return 0;
    const block = cache.storePacked(blocks.code(record), blocks.sizes(record), phys, phys2, blocks.mode(record));
    if (block !== 0) this.enter(ctx, record, block);
    return block;
  }

  /** Makes the block, at its place, one of the guest's at `phys`. 0: it does not stand the check. */
  private insert(ctx: number, record: BlockRecord, phys: number, phys2 = -1): number {
    if (!this.isTrue(record, phys, phys2)) return 0;
    this.blocks.put(ctx, record, this.places, phys, phys2, this.cache.threshold());
    this.came(1);
    return this.addressOf(record);
  }

  private came(blocks: number): void {
    this.cache.came(blocks);
    this.counted.usedBlocks += blocks;
  }

  private enter(ctx: number, record: BlockRecord, block: number): void {
    this.core.insertBlock(ctx, block);
    this.blocks.touch(record);
    this.counted.usedBlocks++;
  }

  /**
   * Inserts the blocks of the page that `record`, at `phys`, is of, those whose bytes are there; then the regions of the page: some were installed before, and
   * dropped when its code was changed.
   */
  private insertPage(ctx: number, record: BlockRecord, phys: number): void {
    const { blocks } = this;
    const page = phys - (phys & 4095);
    const first = blocks.pageOf(record, phys);
    if (this.check === undefined) this.came(blocks.putPage(ctx, first, this.places, page, this.cache.threshold()));
    else this.insertChecked(ctx, first, page);
    for (const one of this.ofPage.get(first) ?? []) this.install(ctx, one, page + blocks.offset(one.region.records[0] as BlockRecord));
  }

  private insertChecked(ctx: number, first: BlockRecord, page: number): void {
    const { blocks } = this;
    for (let one = first; blocks.isOfPage(one, first); one++) {
      const own = page + blocks.offset(one);
      if (this.hasPlace(one) && blocks.matches(one, own)) this.insert(ctx, one, own);
    }
  }

  /** Stands the check, if there is one. */
  private isTrue(record: BlockRecord, phys: number, phys2 = -1): boolean {
    if (this.check === undefined) return true;
    const { blocks } = this;
    return this.check.block(blocks.code(record), blocks.sizes(record), phys, phys2, blocks.mode(record));
  }

  /** Installs a region whose head is at `phys` if the guest has all its bytes and its blocks are at their places. */
  private install(ctx: number, one: Placed, phys: number): boolean {
    const { records, deltas, entries } = one.region;
    const head = this.addressOf(records[0] as BlockRecord);
    const words = this.memories.stateWords;
    if (words[(head + BLK_REGION) >>> 2] === one.index + 1) return true;
    const missing: number[] = [];
    for (let k = 0; k < records.length; k++) {
      const record = records[k] as BlockRecord;
      const place = phys + (deltas[k] as number);
      if (place < 0 || place >= this.memories.frameBytes.length) return false;
      if (this.hasPlace(record)) {
        if (!this.blocks.matches(record, place) || !this.isTrue(record, place)) return false;
        missing.push(k);
      } else if (!this.isAlive(this.addressOf(record), place, this.blocks.mode(record))) return false;
    }
    for (const k of missing) this.insert(ctx, records[k] as BlockRecord, phys + (deltas[k] as number));
    // one that was made for it in this run stays: it may be entered elsewhere too
    const had = words[(head + BLK_REGION) >>> 2] as number;
    if (had === 0 || had >>> REGION_NODE_SHIFT !== 0) this.core.installRegion(ctx, head, one.index, 0);
    for (let k = 0; k < entries.length; k++) {
      const node = entries[k] as number;
      const block = this.addressOf(records[node] as BlockRecord);
      // a block's own region knows its surroundings better than one that it is a way into
      if (words[(block + BLK_REGION) >>> 2] === 0) this.core.installRegion(ctx, block, one.index, node);
    }
    if (!one.used) this.counted.usedRegions++;
    one.used = true;
    return true;
  }

  private isAlive(block: number, phys: number, mode: number): boolean {
    const words = this.memories.stateWords;
    const same = (words[(block + BLK_PHYS) >>> 2] as number) >>> 0 === phys && words[(block + BLK_MODE) >>> 2] === mode;
    return same && ((words[(block + BLK_FLAGS) >>> 2] as number) & BLKF_DEAD) === 0;
  }

  /** A block is hot enough for a region: is there a stored one for it (again)? */
  promote(ctx: number, block: number): boolean {
    const words = this.memories.stateWords;
    const phys = (words[(block + BLK_PHYS) >>> 2] as number) >>> 0;
    if (this.having.size === 0) return false;
    const record = this.blocks.find(phys, -1, words[(block + BLK_MODE) >>> 2] as number);
    if (record < 0 || record >= this.blocks.loaded || this.addressOf(record) !== block) return false;
    for (const one of this.having.get(record) ?? []) {
      const k = one.region.records.indexOf(record);
      if ((k === 0 || one.region.entries.includes(k)) && this.install(ctx, one, phys - (one.region.deltas[k] as number))) return true;
    }
    return false;
  }

  /** Keeps the block at `block`, just translated and not yet entered in the hash. */
  record(translator: BlockTranslator, block: number, phys: number, mode: number): void {
    // (one that does not decode may have been read from the second page without reaching there)
    if (translator.crosses && (phys & 4095) + translator.bytes <= 4096) return;
    const words = this.memories.stateWords;
    const from = (block + BLK_HEADER) >>> 2;
    const code = words.slice(from, from + this.cache.uops(block) * (UOP_SIZE >> 2));
    this.blocks.add(phys, mode, translator.guestBytes, translator.bytes, translator.instructions, code);
  }

  /** Keeps a region that was just compiled. */
  recordRegion({ blocks, deltas, distances, entries, body, hints, relocations }: MadeRegion): void {
    const words = this.memories.stateWords;
    const records: BlockRecord[] = [];
    for (const address of blocks) {
      const record = this.blocks.find((words[(address + BLK_PHYS) >>> 2] as number) >>> 0, -1, words[(address + BLK_MODE) >>> 2] as number);
      if (record < 0) return;
      records.push(record);
    }
    const key = keyOf(records, entries);
    this.known ??= new Map(this.placed.map((one) => [keyOf(one.region.records, one.region.entries), one]));
    const known = this.known.get(key);
    if (known !== undefined) known.used = true;
    if (this.known.has(key) || this.addedBytes > REGION_BYTES_MAX) return;
    this.addedBytes += body.length;
    this.known.set(key, undefined);
    this.added.push({
      records: Int32Array.from(records),
      deltas: Int32Array.from(deltas),
      distances: Int32Array.from(distances),
      entries: Int32Array.from(entries),
      seen: 0,
      body,
      hints: packHints(hints),
      relocations,
      age: 0,
    });
  }

  /** What a file keeps for the next run; undefined when that is hardly more than the file has already, or, without a file, fewer than `least` blocks. */
  save(least = 1): Uint8Array<ArrayBuffer> | undefined {
    this.counted.usedBlocks += this.blocks.endTaking(this.places);
    this.counted.newBlocks = this.blocks.added;
    this.counted.newRegions = this.added.length;
    this.counted.storedBlocks = this.blocks.loaded;
    if (this.added.length * NEW_SHARE < this.placed.length && this.blocks.added * NEW_SHARE < this.blocks.loaded) return undefined;
    if (this.blocks.loaded === 0 && this.blocks.added < least) return undefined;
    if (this.added.length === 0 && this.blocks.added === 0) return undefined;
    const kept = this.placed.map(({ region, used }) => ({ ...region, age: used ? 0 : region.age + 1 })).filter(({ age }) => age <= AGE_MAX);
    let size = 0;
    const regions: StoredRegion[] = [];
    const all = new Consolidation(this.blocks, this.translator).consolidate(kept, this.added);
    for (const region of all.sort((a, b) => a.age - b.age)) {
      size += region.body.length;
      if (size <= REGION_BYTES_MAX) regions.push(region);
    }
    const { words, places } = this.blocks.save(new Set(regions.flatMap(({ records }) => Array.from(records))));
    const offsets = StoredBlocks.placesOf(words);
    const addressOf = (record: BlockRecord): number => this.placesFrom + (offsets[places[record] as number] as number);
    const starts: number[] = [];
    const bodies = regions.map((region, k) => bodyFor(region, region.records.map(addressOf), this.firstRegion + k));
    const modules = modulesOf(bodies, starts);
    // who takes them over need not look again
    if (!modules.every((module) => WebAssembly.validate(module))) return undefined;
    const moduleBytes = modules.reduce((sum, { length }) => sum + length, 0);
    const regionWords = encodeRegions(regions, places, starts);
    const modulesFrom = HEAD_WORDS + words.length + regionWords.length + modules.length;
    const file = new Int32Array(modulesFrom + ((moduleBytes + 3) >> 2));
    file.set([MAGIC, words.length, regionWords.length, modules.length, moduleBytes, this.placesFrom, this.firstRegion]);
    file.set(words, HEAD_WORDS);
    file.set(regionWords, HEAD_WORDS + words.length);
    file.set(
      modules.map(({ length }) => length),
      modulesFrom - modules.length,
    );
    const bytes = new Uint8Array(file.buffer);
    let at = modulesFrom * 4;
    for (const module of modules) {
      bytes.set(module, at);
      at += module.length;
    }
    return bytes;
  }
}
