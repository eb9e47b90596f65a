/**
 * Translations of earlier runs. Blocks that were translated before are copied instead of being translated; regions are there,
 * compiled in one module, before the guest runs, and are installed when all the guest bytes they were made of are seen.
 *
 * Only bytes decide: a translation is used where the guest has exactly the bytes it was made of, at the same offset in a
 * page and in the same mode. What the store holds was made by this build for this CPU model; its keeper sees to that.
 */
import { BLK_BYTES, BLK_FLAGS, BLK_HEADER, BLK_MODE, BLK_PHYS, BLKF_DEAD, UOP_SIZE } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';
import type { BlockCache } from '../cache.ts';
import { Code, relocate, WIDE } from '../targets/wasm/code.ts';
import type { FunctionBody } from '../targets/wasm/module.ts';
import type { MadeRegion } from '../targets/wasm/region-module.ts';
import type { Regions } from '../targets/wasm/regions.ts';
import type { BlockTranslator } from '../translate-block.ts';
import { type BlockRecord, StoredBlocks } from './stored-blocks.ts';
import { decodeRegions, encodeRegions, KIND_REGION, RELOCATION, type StoredRegion } from './stored-region.ts';

const MAGIC = 0x3143545a; // "ZTC1"
const HEAD_WORDS = 4;
/** A region that was of no use in so many runs is left out. */
const AGE_MAX = 4;
/** Regions are kept up to so many bytes of functions: compiling them takes 15 ms a MiB. */
const REGION_BYTES_MAX = 16 << 20;

/** A file is written anew when this share of it (one in so many) is new. */
const NEW_SHARE = 50;

/** What the store needs of the core's exports. */
export interface StoreCore {
  insertBlock(ctx: number, block: number): void;
  installRegion(ctx: number, block: number, index: number, node: number): void;
}

/** Looks at what a file holds before it is used, for those who do not take the file's word. */
export interface StoredCheck {
  /** Is this what the translator makes of the guest's code at `phys` in `mode`? `size`: BLK_BYTES. */
  readonly block: (code: Int32Array, size: number, phys: number, mode: number) => boolean;
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

/** A stored region with its place in the table. */
interface Placed {
  readonly region: StoredRegion;
  readonly index: number;
  used: boolean;
}

const keyOf = (records: readonly BlockRecord[], entries: readonly number[]): string => `${records.join()} ${entries.join()}`;

export class TranslationStore {
  private readonly memories: Memories;
  private readonly cache: BlockCache;
  private readonly core: StoreCore;
  private readonly blocks: StoredBlocks;
  private readonly check: StoredCheck | undefined;
  /** Regions of the file, those that contain a block, and those made in this run. */
  private placed: Placed[] = [];
  private readonly having = new Map<BlockRecord, Placed[]>();
  private readonly added: StoredRegion[] = [];
  private addedBytes = 0;
  /** Regions that are kept already; undefined: made in this run. */
  private known: Map<string, Placed | undefined> | undefined;
  /** Addresses kept for the blocks of regions, which the regions' code contains; and the other way round. */
  private readonly addresses = new Map<BlockRecord, number>();
  private readonly recordAt = new Map<number, BlockRecord>();
  readonly counters: StoreCounters = { storedBlocks: 0, usedBlocks: 0, newBlocks: 0, storedRegions: 0, usedRegions: 0, newRegions: 0 };

  constructor(memories: Memories, cache: BlockCache, core: StoreCore, check?: StoredCheck) {
    this.memories = memories;
    this.check = check;
    this.cache = cache;
    this.core = core;
    this.blocks = new StoredBlocks(memories);
  }

  /** Takes over what `save` gave in an earlier run, and its memory. False if it is not that. Before anything is translated. */
  load(file: Uint8Array, regions: Regions | undefined): boolean {
    // what a host reads lies where words may lie
    const whole = file.byteOffset % 4 === 0 ? file : file.slice();
    const words = new Int32Array(whole.buffer, whole.byteOffset, whole.byteLength >> 2);
    const [magic, blockWords = 0, regionWords = 0] = words;
    if (magic !== MAGIC || blockWords < 0 || regionWords < 0 || HEAD_WORDS + blockWords + regionWords !== words.length) return false;
    try {
      const stored = decodeRegions(words.subarray(HEAD_WORDS + blockWords));
      this.blocks.load(words.subarray(HEAD_WORDS, HEAD_WORDS + blockWords));
      if (regions !== undefined) this.place(stored, regions);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.blocks.clear();
      this.forgetPlaces();
      return false;
    }
    return true;
  }

  /** Compiles all regions for the addresses that their blocks will have. */
  private place(stored: readonly StoredRegion[], regions: Regions): void {
    for (const { records } of stored) {
      for (const record of records) {
        if (this.addresses.has(record)) continue;
        if (!this.blocks.has(record)) throw new RangeError('a stored region is made of a block that is not there');
        const at = this.cache.reserve(this.blocks.uops(record));
        if (at === 0) return;
        this.addresses.set(record, at);
        this.recordAt.set(at, record);
        this.blocks.setInRegion(record);
      }
    }
    const first = regions.adopt(stored.length, (index) => stored.map((region, k) => this.bodyFor(region, index + k)), this.check?.module);
    if (first === -1) return;
    this.placed = stored.map((region, k) => ({ region, index: first + k, used: false }));
    this.counters.storedRegions = stored.length;
    for (const one of this.placed) {
      const { records, deltas } = one.region;
      for (const [k, record] of records.entries()) {
        // one of another page is no sign that the others are there
        if (Math.floor((this.blocks.offset(records[0] as BlockRecord) + (deltas[k] as number)) / 4096) !== 0) continue;
        const list = this.having.get(record);
        if (list === undefined) this.having.set(record, [one]);
        else list.push(one);
      }
    }
  }

  /** The region's function, its numbers filled in where it lies: they are filled in again in every run. */
  private bodyFor({ body, hints, relocations, records }: StoredRegion, index: number): FunctionBody {
    const addresses = records.map((record) => this.addresses.get(record) as number);
    for (let k = 0; k < relocations.length; k += RELOCATION) {
      const at = relocations[k] as number;
      if (at < 0 || at > body.length - WIDE) throw new RangeError('a stored region names a place outside its code');
      if (relocations[k + 1] === KIND_REGION) {
        relocate(body, at, index + 1);
        continue;
      }
      const address = addresses[relocations[k + 2] as number];
      if (address === undefined) throw new RangeError('a stored region names a block it does not have');
      relocate(body, at, address + (relocations[k + 3] as number));
    }
    const code = new Code();
    code.bytes = body;
    code.length = body.length;
    return { code, hints, relocations: [] };
  }

  /** Regions can no longer be placed: the arena is emptied. */
  forgetPlaces(): void {
    this.having.clear();
    this.recordAt.clear();
    this.addresses.clear();
  }

  /** The block at `phys` in `mode`, entered in the hash, if the store knows its bytes; else 0. */
  find(ctx: number, phys: number, mode: number): number {
    const record = this.blocks.find(phys, mode);
    if (record < 0) return 0;
    const block = this.insert(ctx, record, phys);
    if (block !== 0 && this.blocks.isInRegion(record))
      for (const one of this.having.get(record) ?? []) this.install(ctx, one, phys - this.deltaOf(one, record));
    return block;
  }

  private deltaOf({ region }: Placed, record: BlockRecord): number {
    return region.deltas[region.records.indexOf(record)] as number;
  }

  private insert(ctx: number, record: BlockRecord, phys: number): number {
    const { blocks, cache } = this;
    if (!this.isTrue(record, phys)) return 0;
    const kept = blocks.isInRegion(record) ? this.addresses.get(record) : undefined;
    const at = kept !== undefined && this.isFree(kept) ? kept : undefined;
    const block = cache.storePacked(blocks.code(record), this.sizeOf(record), phys, blocks.mode(record), at);
    if (block === 0) return 0;
    this.core.insertBlock(ctx, block);
    blocks.touch(record);
    this.counters.usedBlocks++;
    return block;
  }

  /** BLK_BYTES. */
  private sizeOf(record: BlockRecord): number {
    return this.blocks.length(record) | (this.blocks.instructions(record) << 16);
  }

  /** Stands the check, if there is one. */
  private isTrue(record: BlockRecord, phys: number): boolean {
    return this.check?.block(this.blocks.code(record), this.sizeOf(record), phys, this.blocks.mode(record)) ?? true;
  }

  /** Has a kept address not been used yet? A block that is gone stays where it was, its memory may still be looked at. */
  private isFree(address: number): boolean {
    return this.memories.stateWords[(address + BLK_BYTES) >>> 2] === 0;
  }

  /** Installs a region whose head is at `phys` if the guest has all its bytes and the kept addresses are its blocks'. */
  private install(ctx: number, one: Placed, phys: number): boolean {
    const { records, deltas, entries } = one.region;
    const missing: number[] = [];
    for (const [k, record] of records.entries()) {
      const at = this.addresses.get(record) as number;
      const place = phys + (deltas[k] as number);
      if (place < 0 || place >= this.memories.frameBytes.length) return false;
      if (this.isFree(at)) {
        if (!this.blocks.matches(record, place) || !this.isTrue(record, place)) return false;
        missing.push(k);
      } else if (!this.isAlive(at, place, this.blocks.mode(record))) return false;
    }
    for (const k of missing) this.insert(ctx, records[k] as BlockRecord, phys + (deltas[k] as number));
    for (const k of [0, ...entries]) this.core.installRegion(ctx, this.addresses.get(records[k] as BlockRecord) as number, one.index, k);
    if (!one.used) this.counters.usedRegions++;
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
    const record = this.recordAt.get(block);
    if (record === undefined) return false;
    const phys = (this.memories.stateWords[(block + BLK_PHYS) >>> 2] as number) >>> 0;
    for (const one of this.having.get(record) ?? []) {
      const k = one.region.records.indexOf(record);
      if ((k === 0 || one.region.entries.includes(k)) && this.install(ctx, one, phys - (one.region.deltas[k] as number))) return true;
    }
    return false;
  }

  /** Keeps the block at `block`, just translated and not yet entered in the hash. */
  record(translator: BlockTranslator, block: number, phys: number, mode: number): void {
    if (translator.crosses) return;
    const words = this.memories.stateWords;
    const from = (block + BLK_HEADER) >>> 2;
    this.blocks.add(phys, mode, translator.guestBytes, translator.instructions, words.slice(from, from + this.cache.uops(block) * (UOP_SIZE >> 2)));
  }

  /** Keeps a region that was just compiled. */
  recordRegion({ blocks, deltas, entries, body, hints, relocations }: MadeRegion): void {
    const words = this.memories.stateWords;
    const records: BlockRecord[] = [];
    for (const address of blocks) {
      const record = this.blocks.find((words[(address + BLK_PHYS) >>> 2] as number) >>> 0, words[(address + BLK_MODE) >>> 2] as number);
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
    this.added.push({ records, deltas, entries: [...entries], body, hints, relocations, age: 0 });
  }

  /** What a file keeps for the next run; undefined when that is hardly more than the file has already, or, without a file, fewer than `least` blocks. */
  save(least = 1): Uint8Array<ArrayBuffer> | undefined {
    this.counters.newBlocks = this.blocks.added;
    this.counters.newRegions = this.added.length;
    this.counters.storedBlocks = this.blocks.loaded;
    if (this.added.length * NEW_SHARE < this.placed.length && this.blocks.added * NEW_SHARE < this.blocks.loaded) return undefined;
    if (this.blocks.loaded === 0 && this.blocks.added < least) return undefined;
    if (this.added.length === 0 && this.blocks.added === 0) return undefined;
    const kept = this.placed.map(({ region, used }) => ({ ...region, age: used ? 0 : region.age + 1 })).filter(({ age }) => age <= AGE_MAX);
    let size = 0;
    const regions: StoredRegion[] = [];
    for (const region of [...this.added, ...kept.sort((a, b) => a.age - b.age)]) {
      size += region.body.length;
      if (size <= REGION_BYTES_MAX) regions.push(region);
    }
    const { words, places } = this.blocks.save(new Set(regions.flatMap(({ records }) => records)));
    const regionWords = encodeRegions(regions, places);
    const file = new Int32Array(HEAD_WORDS + words.length + regionWords.length);
    file.set([MAGIC, words.length, regionWords.length, 0]);
    file.set(words, HEAD_WORDS);
    file.set(regionWords, HEAD_WORDS + words.length);
    return new Uint8Array(file.buffer);
  }
}
