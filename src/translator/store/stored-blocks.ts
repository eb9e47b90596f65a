/**
 * Translations of blocks, apart from any place in guest memory: found by the guest bytes they were made of. Arrays hold one number for each
 * of them, so that a file of many is taken over without an object for any.
 *
 * Blocks of one page come one after the other: where one of them is found, the others are likely to be.
 */
import { BLK_HEADER, MODE_STEP, MODE_USER, UOP_SIZE } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';

/** Of the word `size`, above the micro-ops: first of its page; part of a region; found or made since the start. Above that lies the age. */
const UOPS = 0x1fff;
const FIRST = 0x2000;
const IN_REGION = 0x4000;
const TOUCHED = 0x8000;
/** A block so near its page's end that what lies behind may have shaped it is not kept. */
const LAST_BYTE = 4096 - 16;
const HASH_BITS = 17;
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

export class StoredBlocks {
  /** Mode word; page offset, guest bytes (from bit 12) and instructions (from bit 20); see above; hash of the first bytes. */
  private mode_ = new Int32Array(SPARE);
  private place = new Int32Array(SPARE);
  private size = new Int32Array(SPARE);
  private hash = new Int32Array(SPARE);
  /** Next record (plus one) with that hash; first record of its page, or that page's frame (see `pageOf`); where code and guest bytes are. */
  private chain = new Int32Array(SPARE);
  private page = new Int32Array(SPARE);
  private codeAt = new Int32Array(SPARE);
  private bytesAt = new Int32Array(SPARE);
  private readonly heads = new Int32Array(1 << HASH_BITS);
  /** Guest bytes and micro-ops: those of the file, and those added. */
  private fileBytes = new Uint8Array();
  private fileCode: Int32Array = new Int32Array();
  private bytes = new Uint8Array(1 << 16);
  private code_ = new Int32Array(1 << 16);
  private bytesUsed = 0;
  private codeUsed = 0;
  private readonly guest: Uint8Array;
  /** Of pages that were found in this run: frame and privilege -> first record. */
  private readonly found = new Map<number, BlockRecord>();
  private count = 0;
  /** Records that were there at the start, and made since. */
  loaded = 0;
  added = 0;

  constructor(memories: Memories) {
    this.guest = memories.frameBytes;
  }

  /** Takes over what `save` gave, and its memory. Throws RangeError if it is not that. */
  load(words: Int32Array): void {
    const [count = 0, byteWords = 0, codeWords = 0] = words;
    const bytesFrom = HEAD_WORDS + count * RECORD_WORDS;
    if (count < 0 || byteWords < 0 || codeWords < 0 || bytesFrom + byteWords + codeWords !== words.length) throw new RangeError('stored blocks are cut off');
    this.grow(count + SPARE);
    for (const [k, list] of [this.mode_, this.place, this.size, this.hash].entries())
      list.set(words.subarray(HEAD_WORDS + k * count, HEAD_WORDS + (k + 1) * count));
    this.fileBytes = new Uint8Array(words.buffer as ArrayBuffer, words.byteOffset + bytesFrom * 4, byteWords * 4);
    this.fileCode = words.subarray(bytesFrom + byteWords);
    const { heads, chain, page, codeAt, bytesAt, size, hash, place } = this;
    let code = 0;
    let bytes = 0;
    let first = 0;
    for (let record = 0; record < count; record++) {
      const sizes = size[record] as number;
      const uops = sizes & UOPS;
      if ((sizes & FIRST) !== 0) first = record;
      page[record] = first;
      codeAt[record] = code;
      bytesAt[record] = bytes;
      code += uops * (UOP_SIZE >> 2);
      const length = ((place[record] as number) >>> 12) & 0xff;
      bytes += length;
      if (code > codeWords || bytes > byteWords * 4 || length === 0) throw new RangeError('a stored block reaches behind the end');
      const slot = (hash[record] as number) & ((1 << HASH_BITS) - 1);
      chain[record] = heads[slot] as number;
      heads[slot] = record + 1;
    }
    if (code !== codeWords) throw new RangeError('there is more code than stored blocks');
    this.count = count;
    this.loaded = count;
  }

  /** Forgets all records. */
  clear(): void {
    this.count = 0;
    this.loaded = 0;
    this.heads.fill(0);
  }

  /** Where a record of the file is among the places that the cache keeps for all of them, in bytes. @see BlockCache.reserve */
  placeOf(record: BlockRecord): number {
    return (this.codeAt[record] as number) * 4 + record * BLK_HEADER;
  }

  private grow(to: number): void {
    const larger = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const list = new Int32Array(to);
      list.set(old.subarray(0, this.count));
      return list;
    };
    this.mode_ = larger(this.mode_);
    this.place = larger(this.place);
    this.size = larger(this.size);
    this.hash = larger(this.hash);
    this.chain = larger(this.chain);
    this.page = larger(this.page);
    this.codeAt = larger(this.codeAt);
    this.bytesAt = larger(this.bytesAt);
  }

  mode(record: BlockRecord): number {
    return this.mode_[record] as number;
  }

  /** Where in its page the block lies. */
  offset(record: BlockRecord): number {
    return (this.place[record] as number) & 4095;
  }

  /** Guest bytes. */
  private length(record: BlockRecord): number {
    return ((this.place[record] as number) >>> 12) & 0xff;
  }

  /** BLK_BYTES: guest bytes and instructions. */
  sizes(record: BlockRecord): number {
    const place = this.place[record] as number;
    return ((place >>> 12) & 0xff) | ((place >>> 20) << 16);
  }

  uops(record: BlockRecord): number {
    return (this.size[record] as number) & UOPS;
  }

  /** The micro-ops, as they were packed. */
  code(record: BlockRecord): Int32Array {
    const code = record < this.loaded ? this.fileCode : this.code_;
    const at = this.codeAt[record] as number;
    return code.subarray(at, at + this.uops(record) * (UOP_SIZE >> 2));
  }

  /** A hash of what is found: the `prefix` bytes at `at`, at `offset` in their page. */
  private hashOf(mode: number, offset: number, bytes: Uint8Array, at: number, prefix: number): number {
    let mixed = Math.imul(mode ^ Math.imul(offset, 0x9e3779b1), 0x85ebca6b) ^ prefix;
    for (let k = at; k < at + prefix; k++) mixed = Math.imul(mixed ^ (bytes[k] as number), 0x01000193);
    return mixed ^ (mixed >>> 15);
  }

  /** Do the guest bytes at `phys` (offset in `frames`) make this block? */
  matches(record: BlockRecord, phys: number): boolean {
    if (this.offset(record) !== (phys & 4095)) return false;
    const bytes = record < this.loaded ? this.fileBytes : this.bytes;
    const { guest } = this;
    const start = this.bytesAt[record] as number;
    for (let k = 0, length = this.length(record); k < length; k++) if (guest[phys + k] !== bytes[start + k]) return false;
    return true;
  }

  /** The record of the block at `phys` in `mode`, -1 if there is none. */
  find(phys: number, mode: number): BlockRecord {
    for (const prefix of PREFIXES) {
      const hash = this.hashOf(mode, phys & 4095, this.guest, phys, prefix);
      for (let chain = this.heads[hash & ((1 << HASH_BITS) - 1)] as number; chain !== 0; chain = this.chain[chain - 1] as number) {
        const record = chain - 1;
        if (this.hash[record] === hash && this.mode_[record] === mode && this.matches(record, phys)) return record;
      }
    }
    return -1;
  }

  /** First record of the page that `record` of the file is of, and notes that this page lies in the frame of `phys`. */
  pageOf(record: BlockRecord, phys: number): BlockRecord {
    const first = this.page[record] as number;
    this.found.set(frameKey(phys, this.mode(record)), first);
    return first;
  }

  /** Is it of the page that begins with the record `first`? */
  isOfPage(record: BlockRecord, first: BlockRecord): boolean {
    return record < this.loaded && this.page[record] === first;
  }

  /** A region is made of it. */
  setInRegion(record: BlockRecord): void {
    this.size[record] = (this.size[record] as number) | IN_REGION;
  }

  isInRegion(record: BlockRecord): boolean {
    return ((this.size[record] as number) & IN_REGION) !== 0;
  }

  /** It was of use in this run. */
  touch(record: BlockRecord): void {
    this.size[record] = (this.size[record] as number) | TOUCHED;
  }

  isTouched(record: BlockRecord): boolean {
    return ((this.size[record] as number) & TOUCHED) !== 0;
  }

  /** Keeps a block that was just translated from `guest` at `phys`: `code` is `uops` micro-ops. */
  add(phys: number, mode: number, guest: Uint8Array, instructions: number, code: Int32Array): void {
    const offset = phys & 4095;
    const { length } = guest;
    const uops = code.length / (UOP_SIZE >> 2);
    if (offset + length > LAST_BYTE || length === 0 || length > 0xff || uops > UOPS || (mode & MODE_STEP) !== 0) return;
    const end = this.codeUsed + code.length;
    if (end + this.fileCode.length > WORDS_MAX) return;
    const record = this.count;
    if (record === this.mode_.length) this.grow(record * 2);
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
    const prefix = PREFIXES.find((bytes) => bytes <= length) as number;
    const hash = this.hashOf(mode, offset, guest, 0, prefix);
    const slot = hash & ((1 << HASH_BITS) - 1);
    this.mode_[record] = mode;
    this.place[record] = offset | (length << 12) | (instructions << 20);
    this.size[record] = uops | TOUCHED;
    this.hash[record] = hash;
    this.chain[record] = this.heads[slot] as number;
    this.heads[slot] = record + 1;
    this.page[record] = frameKey(phys, mode);
    this.codeAt[record] = this.codeUsed;
    this.bytesAt[record] = this.bytesUsed;
    this.bytes.set(guest, this.bytesUsed);
    this.code_.set(code, this.codeUsed);
    this.bytesUsed += length;
    this.codeUsed = end;
    this.count++;
    this.added++;
  }

  /** What a file keeps: records of use in this run or lately, and those `needed`; and which record each of them is there, -1: none. */
  save(needed: ReadonlySet<BlockRecord>): { words: Int32Array; places: Int32Array } {
    const kept = this.byPage().filter((record) => this.ageOf(record) <= AGE_MAX || needed.has(record));
    const places = new Int32Array(this.count).fill(-1);
    const total = { bytes: 0, code: 0 };
    for (const record of kept) {
      total.bytes += this.length(record);
      total.code += this.uops(record) * (UOP_SIZE >> 2);
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
      const first = own === page ? 0 : FIRST;
      page = own;
      const size = this.uops(record) | first | (Math.min(this.ageOf(record), AGE_MAX) << 16);
      for (const [n, word] of [this.mode(record), this.place[record] as number, size, this.hash[record] as number].entries())
        words[HEAD_WORDS + n * count + k] = word;
      const from = this.bytesAt[record] as number;
      bytes.set((record < this.loaded ? this.fileBytes : this.bytes).subarray(from, from + this.length(record)), byteEnd);
      byteEnd += this.length(record);
      const code = this.code(record);
      words.set(code, codeEnd);
      codeEnd += code.length;
    }
    return { words, places };
  }

  /** `placeOf` for each record of a file whose `words` `save` gave. */
  static placesOf(words: Int32Array): Int32Array {
    const count = words[0] as number;
    const places = new Int32Array(count);
    for (let k = 0, at = 0; k < count; k++) {
      places[k] = at;
      at += BLK_HEADER + ((words[HEAD_WORDS + 2 * count + k] as number) & UOPS) * UOP_SIZE;
    }
    return places;
  }

  private ageOf(record: BlockRecord): number {
    const size = this.size[record] as number;
    return (size & TOUCHED) !== 0 ? 0 : (size >>> 16) + 1;
  }

  /** What the records of one page have in common: its first record in the file, or its frame, if it is no page of the file's. */
  private pageKey(record: BlockRecord): number {
    const page = this.page[record] as number;
    if (record < this.loaded) return page;
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

/** Frames that are used again for something else are often kernel's before and a program's then. */
const frameKey = (phys: number, mode: number): number => (phys >>> 12) * 2 + ((mode & MODE_USER) === 0 ? 0 : 1);
