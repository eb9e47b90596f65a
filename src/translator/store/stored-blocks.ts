/**
 * Translations of blocks, apart from any place in guest memory: found by the guest bytes they were made of. Arrays hold one number for each
 * of them, so that a file of many is taken over without an object for any.
 *
 * Blocks of one page come one after the other: where one of them is found, the others are likely to be.
 */

import type { KeptReader } from '../../base/ports/translation-cache.ts';
import {
  BLK_BYTES,
  BLK_HEADER,
  BLK_PHYS,
  MODE_STEP,
  MODE_USER,
  STORED_BYTES,
  STORED_BYTES_AT,
  STORED_CHAIN,
  STORED_CODE_AT,
  STORED_CROSSING,
  STORED_FIRST,
  STORED_HASH,
  STORED_HASH_BITS,
  STORED_LAST_BYTE,
  STORED_LIST,
  STORED_MODE,
  STORED_PAGE,
  STORED_PLACE,
  STORED_REGIONS,
  STORED_SIZE,
  STORED_TOUCHED,
  STORED_UOPS,
  TAKE_BASE,
  TAKE_COUNT,
  TAKE_PLACES,
  TAKE_RUNS,
  TAKE_TAKEN,
  UOP_SIZE,
} from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';
import type { BlockCache } from '../cache.ts';
import { pristine } from '../targets/bytecode/pristine.ts';

/** Blocks are found by their first bytes: as many of them as they have. Functions begin alike, at like offsets, so a few bytes say little. */
const PREFIXES = [12, 4, 1] as const;
/** Records are kept up to this many words (32 MiB): what one kernel and its programs need three times over. */
const WORDS_MAX = 1 << 23;
/** A record that was of no use in so many runs is left out. */
const AGE_MAX = 4;
/** Words of a file's head and of each record in it: mode, place, size, hash. */
const HEAD_WORDS = 3;
const RECORD_WORDS = 4;
/** Records that find room before the arrays must grow. */
const SPARE = 4096;

/** A record's number. */
export type BlockRecord = number;

/** What the records need of the core's exports. @see machine/assembly/stored.ts */
export interface StoredCore {
  indexStored(base: number, count: number, bytes: number, code: number, places: number): number;
  findStored(base: number, count: number, phys: number, phys2: number, mode: number): number;
  matchesStored(base: number, count: number, record: number, phys: number, phys2: number): number;
  placeStored(ctx: number, base: number, count: number, record: number, places: number, phys: number, phys2: number, runs: number): void;
  placeStoredPage(ctx: number, base: number, count: number, first: number, places: number, page: number, runs: number): number;
}

/** Reads all of `target`. Throws RangeError where there are not so many bytes. */
export function* readAll(kept: KeptReader, target: Uint8Array): Generator<undefined, void> {
  if (!(yield* kept.into(target))) throw new RangeError('stored translations are cut off');
}

/** One number for each record (STORED_MODE to STORED_BYTES_AT), the guest bytes, and the micro-ops. */
class Lists {
  readonly mode: Int32Array;
  readonly place: Int32Array;
  readonly size: Int32Array;
  readonly hash: Int32Array;
  readonly chain: Int32Array;
  /** First record of its page; that page's frame (see `pageKey`) if it was made in this run. */
  readonly page: Int32Array;
  readonly codeAt: Int32Array;
  readonly bytesAt: Int32Array;

  /** `words` has all lists, of `count` numbers. */
  constructor(words: Int32Array, count: number) {
    const list = (n: number): Int32Array => words.subarray(n * count, (n + 1) * count);
    this.mode = list(STORED_MODE);
    this.place = list(STORED_PLACE);
    this.size = list(STORED_SIZE);
    this.hash = list(STORED_HASH);
    this.chain = list(STORED_CHAIN);
    this.page = list(STORED_PAGE);
    this.codeAt = list(STORED_CODE_AT);
    this.bytesAt = list(STORED_BYTES_AT);
  }

  static empty(count: number): Lists {
    return new Lists(new Int32Array(count * STORED_BYTES), count);
  }

  grown(count: number): Lists {
    const larger = Lists.empty(count);
    for (const name of ['mode', 'place', 'size', 'hash', 'chain', 'page', 'codeAt', 'bytesAt'] as const) larger[name].set(this[name]);
    return larger;
  }
}

export class StoredBlocks {
  /** Records of the file, whose lists lie in `state`, where the core finds them; and those made since, numbered on. */
  private file = Lists.empty(0);
  private own = Lists.empty(SPARE);
  private ownSpace = SPARE;
  /** Hash table of those made since. */
  private readonly heads = new Int32Array(1 << STORED_HASH_BITS);
  /** What was read of a file. */
  private read: { readonly base: number; readonly places: number; readonly count: number; readonly byteWords: number; readonly codeWords: number } | undefined;
  /** Guest bytes and micro-ops: those of the file (these with room for a header in front, once they are not in their places any more), and those added. */
  private fileBytes: Uint8Array = new Uint8Array();
  private fileCode: Int32Array | undefined;
  private bytes = new Uint8Array(1 << 16);
  private code_ = new Int32Array(1 << 16);
  private bytesUsed = 0;
  private codeUsed = 0;
  private readonly memories: Memories;
  private readonly guest: Uint8Array;
  private readonly core: StoredCore;
  /** Address of what the core knows of the file's records. */
  private base = 0;
  /** Of pages that were found in this run: frame and privilege -> first record. */
  private readonly found = new Map<number, BlockRecord>();
  /** Records that were there at the start, and made since. */
  loaded = 0;
  added = 0;

  constructor(memories: Memories, core: StoredCore) {
    this.memories = memories;
    this.guest = memories.frameBytes;
    this.core = core;
  }

  private get count(): number {
    return this.loaded + this.added;
  }

  /**
   * Reads what `save` gave, `length` words, to where it will lie: lists into `state`, blocks into the places that they get in the arena, one behind the other, each with its code. The
   * address of the latter; 0 if there is no room or nothing to take over. Throws RangeError if it cannot be what `save` gave. Nothing of it is used before `index`.
   * Before there are other records, and before other blocks are in the arena. In steps, between which neither comes.
   */
  *reading(kept: KeptReader, length: number, cache: BlockCache): Generator<undefined, number> {
    const { memories } = this;
    const head = new Int32Array(HEAD_WORDS);
    yield* readAll(kept, new Uint8Array(head.buffer));
    const [count = 0, byteWords = 0, codeWords = 0] = head;
    const listWords = count * RECORD_WORDS;
    if (count < 0 || byteWords < 0 || codeWords < 0 || HEAD_WORDS + listWords + byteWords + codeWords !== length)
      throw new RangeError('stored blocks are cut off');
    const base = count === 0 ? 0 : cache.keep(STORED_LIST + (count * STORED_BYTES + byteWords) * 4);
    const places = base === 0 ? 0 : cache.reserve(codeWords * 4);
    if (places === 0) return 0;
    this.read = { base, places, count, byteWords, codeWords };
    const lists = base + STORED_LIST;
    const bytes = lists + count * STORED_BYTES * 4;
    for (const [at, words] of [
      [lists, listWords],
      [bytes, byteWords],
      [places, codeWords],
    ] as const) {
      yield* readAll(kept, memories.stateBytes.subarray(at, at + words * 4));
    }
    return places;
  }

  /** What was `read` is true: takes it over. Throws RangeError if it is not what `save` gave. */
  index(): void {
    const { memories, read } = this;
    if (read === undefined) return;
    const { base, places, count, byteWords, codeWords } = read;
    if (this.core.indexStored(base, count, byteWords * 4, codeWords * 4, places) === 0) throw new RangeError('stored blocks reach behind the end');
    const lists = (base + STORED_LIST) >>> 2;
    const bytes = lists + count * STORED_BYTES;
    this.file = new Lists(memories.stateWords.subarray(lists, bytes), count);
    this.fileBytes = memories.stateBytes.subarray(bytes * 4, (bytes + byteWords) * 4);
    this.base = base;
    this.loaded = count;
  }

  /** The places will be used for other blocks: the code that is there is kept elsewhere. */
  leavePlaces(): void {
    const { read, loaded } = this;
    if (read === undefined || this.fileCode !== undefined) return;
    const kept = new Int32Array(read.codeWords);
    for (let record = 0; record < loaded; record++) kept.set(this.code(record), ((this.file.codeAt[record] as number) + BLK_HEADER) >> 2);
    this.fileCode = kept;
  }

  /** Forgets all records, and gives their places back. Before other blocks are in the arena. */
  clear(cache: BlockCache): void {
    if (this.read !== undefined) cache.unreserve();
    this.read = undefined;
    this.loaded = 0;
    this.added = 0;
    this.heads.fill(0);
  }

  /** Where a record of the file is among the places that the cache keeps for all of them, in bytes. @see BlockCache.reserve */
  placeOf(record: BlockRecord): number {
    return this.file.codeAt[record] as number;
  }

  mode(record: BlockRecord): number {
    return (record < this.loaded ? this.file.mode[record] : this.own.mode[record - this.loaded]) as number;
  }

  private place(record: BlockRecord): number {
    return (record < this.loaded ? this.file.place[record] : this.own.place[record - this.loaded]) as number;
  }

  private size(record: BlockRecord): number {
    return (record < this.loaded ? this.file.size[record] : this.own.size[record - this.loaded]) as number;
  }

  private setSize(record: BlockRecord, size: number): void {
    if (record < this.loaded) this.file.size[record] = size;
    else this.own.size[record - this.loaded] = size;
  }

  /** Where in its page the block lies. */
  offset(record: BlockRecord): number {
    return this.place(record) & 4095;
  }

  /** Guest bytes that are compared. */
  private length(record: BlockRecord): number {
    return lengthOf(this.place(record));
  }

  /** BLK_BYTES: guest bytes and instructions. */
  sizes(record: BlockRecord): number {
    const place = this.place(record);
    return ((place >>> 12) & 0xff) | ((place >>> 20) << 16);
  }

  uops(record: BlockRecord): number {
    return this.size(record) & STORED_UOPS;
  }

  /** The micro-ops, as they were packed. */
  code(record: BlockRecord): Int32Array {
    const words = this.uops(record) * (UOP_SIZE >> 2);
    const k = record - this.loaded;
    if (k >= 0) return this.code_.subarray(this.own.codeAt[k] as number, (this.own.codeAt[k] as number) + words);
    const place = this.file.codeAt[record] as number;
    if (this.fileCode === undefined) return pristine(this.memories.stateWords, (this.read?.places as number) + place, words);
    const at = (place + BLK_HEADER) >> 2;
    return this.fileCode.subarray(at, at + words);
  }

  /** The guest bytes that it was made of. */
  guestBytes(record: BlockRecord): Uint8Array {
    const k = record - this.loaded;
    const at = (k < 0 ? this.file.bytesAt[record] : this.own.bytesAt[k]) as number;
    return (k < 0 ? this.fileBytes : this.bytes).subarray(at, at + this.length(record));
  }

  /** A hash of what is found: the `prefix` bytes at `at`, at `offset` in their page. */
  private hashOf(mode: number, offset: number, bytes: Uint8Array, at: number, prefix: number): number {
    let mixed = Math.imul(mode ^ Math.imul(offset, 0x9e3779b1), 0x85ebca6b) ^ prefix;
    for (let k = at; k < at + prefix; k++) mixed = Math.imul(mixed ^ (bytes[k] as number), 0x01000193);
    return mixed ^ (mixed >>> 15);
  }

  /** Do the guest bytes at `phys` (offset in `frames`) make this block of the file? */
  matches(record: BlockRecord, phys: number): boolean {
    return this.core.matchesStored(this.base, this.loaded, record, phys, -1) !== 0;
  }

  /** Is it one instruction that crosses its page's end? */
  crosses(record: BlockRecord): boolean {
    return crosses(this.place(record));
  }

  /** The record of the block at `phys` in `mode`, -1 if there is none. `phys2`: the page behind, -1: it is not there. */
  find(phys: number, phys2: number, mode: number): BlockRecord {
    const record = this.loaded === 0 ? -1 : this.core.findStored(this.base, this.loaded, phys, phys2, mode);
    return record >= 0 || this.added === 0 ? record : this.findOwn(phys, phys2, mode);
  }

  private findOwn(phys: number, phys2: number, mode: number): BlockRecord {
    const { own, guest, bytes } = this;
    const room = 4096 - (phys & 4095);
    const byteAt = (k: number): number => guest[k < room ? phys + k : phys2 + k - room] as number;
    for (const prefix of PREFIXES) {
      if (prefix > room) continue;
      const hash = this.hashOf(mode, phys & 4095, guest, phys, prefix);
      for (let chain = this.heads[hash & ((1 << STORED_HASH_BITS) - 1)] as number; chain !== 0; chain = own.chain[chain - 1] as number) {
        const k = chain - 1;
        const place = own.place[k] as number;
        if (own.hash[k] !== hash || own.mode[k] !== mode || (place & 4095) !== (phys & 4095) || (phys2 < 0 && crosses(place))) continue;
        const start = own.bytesAt[k] as number;
        let same = lengthOf(place);
        while (same > 0 && byteAt(same - 1) === bytes[start + same - 1]) same--;
        if (same === 0) return this.loaded + k;
      }
    }
    return -1;
  }

  /** Makes a record of the file, at its place among `places`, the guest's block at `phys`. `runs`: executions before it is offered for promotion. */
  put(ctx: number, record: BlockRecord, places: number, phys: number, phys2: number, runs: number): void {
    this.core.placeStored(ctx, this.base, this.loaded, record, places, phys, phys2, runs);
  }

  /** From now on the core makes records blocks by itself, as `put` and `putPage` do, where no regions come with them. */
  letCoreTake(places: number, runs: number): void {
    const words = this.memories.stateWords;
    for (const [at, value] of [
      [TAKE_BASE, this.base],
      [TAKE_PLACES, places],
      [TAKE_RUNS, runs],
      [TAKE_TAKEN, 0],
      [TAKE_COUNT, this.loaded],
    ] as const)
      words[at >>> 2] = value;
  }

  /** The page that begins with the record `first` has regions. */
  noteRegions(first: BlockRecord): void {
    this.setSize(first, this.size(first) | STORED_REGIONS);
  }

  /** Blocks that the core took by itself, until `endTaking`. */
  get taken(): number {
    return this.memories.stateWords[TAKE_TAKEN >>> 2] as number;
  }

  /** The core asks again. How many blocks it took by itself, which lie at `places`. */
  endTaking(places: number): number {
    const words = this.memories.stateWords;
    words[TAKE_COUNT >>> 2] = 0;
    const taken = words[TAKE_TAKEN >>> 2] as number;
    words[TAKE_TAKEN >>> 2] = 0;
    if (taken === 0) return 0;
    for (let record = 0; record < this.loaded; record++) {
      const block = (places + this.placeOf(record)) >>> 2;
      if (words[block + (BLK_BYTES >> 2)] !== 0) this.pageOf(record, words[block + (BLK_PHYS >> 2)] as number);
    }
    return taken;
  }

  /** The same for those of the page that begins with `first` that have not come yet and whose bytes are in the guest's page at `page`. How many. */
  putPage(ctx: number, first: BlockRecord, places: number, page: number, runs: number): number {
    return this.core.placeStoredPage(ctx, this.base, this.loaded, first, places, page, runs);
  }

  /** First record of the page that `record` of the file is of. */
  firstOf(record: BlockRecord): BlockRecord {
    return this.file.page[record] as number;
  }

  /** The same, and notes that this page lies in the frame of `phys`. */
  pageOf(record: BlockRecord, phys: number): BlockRecord {
    const first = this.firstOf(record);
    this.found.set(frameKey(phys, this.mode(record)), first);
    return first;
  }

  /** Is it of the page that begins with the record `first`? */
  isOfPage(record: BlockRecord, first: BlockRecord): boolean {
    return record < this.loaded && this.file.page[record] === first;
  }

  /** It was of use in this run. */
  touch(record: BlockRecord): void {
    this.setSize(record, this.size(record) | STORED_TOUCHED);
  }

  isTouched(record: BlockRecord): boolean {
    return (this.size(record) & STORED_TOUCHED) !== 0;
  }

  /**
   * Keeps a block that was just translated from the first `bytes` of `read`, what was read at `phys`: up to the page's end if that is near, and behind it if an instruction crosses that.
   * `code`: its micro-ops.
   */
  add(phys: number, mode: number, read: Uint8Array, bytes: number, instructions: number, code: Int32Array): void {
    const offset = phys & 4095;
    const place = offset | (bytes << 12) | (instructions << 20);
    const length = lengthOf(place);
    const guest = read.subarray(0, length);
    const uops = code.length / (UOP_SIZE >> 2);
    if ((crosses(place) && bytes > STORED_CROSSING) || bytes === 0 || bytes > 0xff || uops > STORED_UOPS || (mode & MODE_STEP) !== 0) return;
    const end = this.codeUsed + code.length;
    if (end + (this.read?.codeWords ?? 0) > WORDS_MAX) return;
    const k = this.added;
    if (k === this.ownSpace) {
      this.ownSpace *= 2;
      this.own = this.own.grown(this.ownSpace);
    }
    const { own } = this;
    if (end > this.code_.length) {
      const larger = new Int32Array(end * 2);
      larger.set(this.code_);
      this.code_ = larger;
    }
    if (this.bytesUsed + length > this.bytes.length) {
      const larger = new Uint8Array(this.bytes.length * 2);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    const inPage = Math.min(length, 4096 - offset);
    const prefix = PREFIXES.find((bytes) => bytes <= inPage) as number;
    const hash = this.hashOf(mode, offset, guest, 0, prefix);
    const slot = hash & ((1 << STORED_HASH_BITS) - 1);
    own.mode[k] = mode;
    own.place[k] = place;
    own.size[k] = uops | STORED_TOUCHED;
    own.hash[k] = hash;
    own.chain[k] = this.heads[slot] as number;
    this.heads[slot] = k + 1;
    own.page[k] = frameKey(phys, mode);
    own.codeAt[k] = this.codeUsed;
    own.bytesAt[k] = this.bytesUsed;
    this.bytes.set(guest, this.bytesUsed);
    this.code_.set(code, this.codeUsed);
    this.bytesUsed += length;
    this.codeUsed = end;
    this.added++;
  }

  /** What a file keeps: records of use in this run or lately, and those `needed`; and which record each of them is there, -1: none. */
  save(needed: ReadonlySet<BlockRecord>): { words: Int32Array; places: Int32Array } {
    const kept = this.byPage().filter((record) => this.ageOf(record) <= AGE_MAX || needed.has(record));
    const places = new Int32Array(this.count).fill(-1);
    const total = { bytes: 0, code: 0 };
    for (const record of kept) {
      total.bytes += this.length(record);
      total.code += (BLK_HEADER + this.uops(record) * UOP_SIZE) >> 2;
    }
    const count = kept.length;
    const bytesFrom = HEAD_WORDS + count * RECORD_WORDS;
    const codeFrom = bytesFrom + ((total.bytes + 3) >> 2);
    const words = new Int32Array(codeFrom + total.code);
    const bytes = new Uint8Array(words.buffer);
    words.set([count, codeFrom - bytesFrom, total.code]);
    let page = -1;
    let byteEnd = bytesFrom * 4;
    let codeEnd = codeFrom;
    for (const [k, record] of kept.entries()) {
      places[record] = k;
      const own = this.pageKey(record);
      const first = own === page ? 0 : STORED_FIRST;
      page = own;
      const size = this.uops(record) | first | (Math.min(this.ageOf(record), AGE_MAX) << 16);
      const guest = this.guestBytes(record);
      const hash = record < this.loaded ? this.file.hash[record] : this.own.hash[record - this.loaded];
      for (const [n, word] of [this.mode(record), this.place(record), size, hash as number].entries()) words[HEAD_WORDS + n * count + k] = word;
      bytes.set(guest, byteEnd);
      byteEnd += guest.length;
      const code = this.code(record);
      words.set(code, codeEnd + (BLK_HEADER >> 2));
      codeEnd += (BLK_HEADER >> 2) + code.length;
    }
    return { words, places };
  }

  /** `placeOf` for each record of a file whose `words` `save` gave. */
  static placesOf(words: Int32Array): Int32Array {
    const count = words[0] as number;
    const places = new Int32Array(count);
    for (let k = 0, at = 0; k < count; k++) {
      places[k] = at;
      at += BLK_HEADER + ((words[HEAD_WORDS + STORED_SIZE * count + k] as number) & STORED_UOPS) * UOP_SIZE;
    }
    return places;
  }

  private ageOf(record: BlockRecord): number {
    const size = this.size(record);
    return (size & STORED_TOUCHED) !== 0 ? 0 : (size >>> 16) + 1;
  }

  /** What the records of one page have in common: its first record in the file, or its frame, if it is no page of the file's. */
  pageKey(record: BlockRecord): number {
    if (record < this.loaded) return this.firstOf(record);
    const page = this.own.page[record - this.loaded] as number;
    return this.found.get(page) ?? this.loaded + page;
  }

  private byPage(): BlockRecord[] {
    const pages = new Map<number, BlockRecord[]>();
    for (let record = 0; record < this.count; record++) {
      const key = this.pageKey(record);
      const page = pages.get(key);
      if (page === undefined) pages.set(key, [record]);
      else page.push(record);
    }
    return [...pages.values()].flat();
  }
}

const crosses = (place: number): boolean => (place & 4095) + ((place >>> 12) & 0xff) > 4096;

/** Guest bytes of a record that are compared: as the core's. */
const lengthOf = (place: number): number => {
  if (crosses(place)) return STORED_CROSSING;
  const length = (place >>> 12) & 0xff;
  return (place & 4095) + length > STORED_LAST_BYTE ? 4096 - (place & 4095) : length;
};

/** Frames that are used again for something else are often kernel's before and a program's then. */
const frameKey = (phys: number, mode: number): number => (phys >>> 12) * 2 + ((mode & MODE_USER) === 0 ? 0 : 1);
