/**
 * Translations of blocks, apart from any place in guest memory: found by the guest bytes they were made of. One growing array
 * of 32-bit words holds them all, so that it is also what the file keeps.
 */
import { MODE_STEP, UOP_SIZE } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';

/** Words of a record: mode; page offset, guest bytes and instructions; micro-ops and age; next record in the hash chain (plus one). */
const MODE = 0;
const PLACE = 1;
const SIZE = 2;
const CHAIN = 3;
const HEAD = 4;
/** In SIZE, above the micro-ops: part of a region; found or made since the start. Above that lies the age. */
const UOPS = 0x3fff;
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

/** Address of a record: its first word's index. */
export type BlockRecord = number;

export class StoredBlocks {
  private words: Int32Array;
  private bytes: Uint8Array;
  private used = 0;
  private readonly heads = new Int32Array(1 << HASH_BITS);
  private readonly guest: Uint8Array;
  /** Records that were there at the start, and made since. */
  loaded = 0;
  added = 0;

  constructor(memories: Memories) {
    this.guest = memories.frameBytes;
    this.words = new Int32Array(1 << 16);
    this.bytes = new Uint8Array(this.words.buffer);
  }

  /** Takes over what `save` gave, and its memory. Throws RangeError if it is not that. */
  load(words: Int32Array): void {
    this.words = words;
    this.bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    this.used = words.length;
    for (let record = 0; record < this.used; record = this.after(record)) {
      if (this.after(record) > this.used || this.length(record) === 0) throw new RangeError('a stored block reaches behind the end');
      this.enter(record);
      this.loaded++;
    }
  }

  /** Forgets all records. */
  clear(): void {
    this.used = 0;
    this.loaded = 0;
    this.heads.fill(0);
  }

  private after(record: BlockRecord): number {
    return this.operations(record) + this.uops(record) * (UOP_SIZE >> 2);
  }

  mode(record: BlockRecord): number {
    return this.words[record + MODE] as number;
  }

  /** Guest bytes. */
  length(record: BlockRecord): number {
    return ((this.words[record + PLACE] as number) >>> 12) & 0xff;
  }

  instructions(record: BlockRecord): number {
    return (this.words[record + PLACE] as number) >>> 20;
  }

  uops(record: BlockRecord): number {
    return (this.words[record + SIZE] as number) & UOPS;
  }

  private operations(record: BlockRecord): number {
    return record + HEAD + ((this.length(record) + 3) >> 2);
  }

  /** The micro-ops, as they were packed. */
  code(record: BlockRecord): Int32Array {
    return this.words.subarray(this.operations(record), this.after(record));
  }

  /** The chain of blocks that lie at `offset` in their page and begin with the `prefix` bytes at `at`. */
  private slot(mode: number, offset: number, bytes: Uint8Array, at: number, prefix: number): number {
    let mixed = Math.imul(mode ^ Math.imul(offset, 0x9e3779b1), 0x85ebca6b) ^ prefix;
    for (let k = at; k < at + prefix; k++) mixed = Math.imul(mixed ^ (bytes[k] as number), 0x01000193);
    return (mixed ^ (mixed >>> 15)) & ((1 << HASH_BITS) - 1);
  }

  private slotOf(record: BlockRecord): number {
    const length = this.length(record);
    const prefix = PREFIXES.find((bytes) => bytes <= length) as number;
    return this.slot(this.mode(record), this.offset(record), this.bytes, (record + HEAD) * 4, prefix);
  }

  private enter(record: BlockRecord): void {
    const slot = this.slotOf(record);
    this.words[record + CHAIN] = this.heads[slot] as number;
    this.heads[slot] = record + 1;
  }

  /** Do the guest bytes at `phys` (offset in `frames`) make this block? */
  matches(record: BlockRecord, phys: number): boolean {
    if (((this.words[record + PLACE] as number) & 4095) !== (phys & 4095)) return false;
    const { guest, bytes } = this;
    const start = (record + HEAD) * 4;
    for (let k = 0, length = this.length(record); k < length; k++) if (guest[phys + k] !== bytes[start + k]) return false;
    return true;
  }

  /** Where in its page the block lies. */
  offset(record: BlockRecord): number {
    return (this.words[record + PLACE] as number) & 4095;
  }

  /** The record of the block at `phys` in `mode`, -1 if there is none. */
  find(phys: number, mode: number): BlockRecord {
    for (const prefix of PREFIXES) {
      let chain = this.heads[this.slot(mode, phys & 4095, this.guest, phys, prefix)] as number;
      while (chain !== 0) {
        const record = chain - 1;
        if (this.words[record + MODE] === mode && this.matches(record, phys)) return record;
        chain = this.words[record + CHAIN] as number;
      }
    }
    return -1;
  }

  /** Is this a record, and not just any number? */
  has(record: number): boolean {
    if (record < 0 || record + HEAD >= this.used || this.length(record) === 0) return false;
    let chain = this.heads[this.slotOf(record)] as number;
    while (chain !== 0 && chain !== record + 1) chain = this.words[chain - 1 + CHAIN] as number;
    return chain !== 0;
  }

  /** A region is made of it. */
  setInRegion(record: BlockRecord): void {
    this.words[record + SIZE] = (this.words[record + SIZE] as number) | IN_REGION;
  }

  isInRegion(record: BlockRecord): boolean {
    return ((this.words[record + SIZE] as number) & IN_REGION) !== 0;
  }

  /** It was of use in this run. */
  touch(record: BlockRecord): void {
    this.words[record + SIZE] = (this.words[record + SIZE] as number) | TOUCHED;
  }

  /** Keeps a block that was just translated from `guest` at `phys`: `code` is `uops` micro-ops. */
  add(phys: number, mode: number, guest: Uint8Array, instructions: number, code: Int32Array): void {
    const offset = phys & 4095;
    if (offset + guest.length > LAST_BYTE || guest.length === 0 || guest.length > 0xff || (mode & MODE_STEP) !== 0) return;
    const record = this.used;
    const end = record + HEAD + ((guest.length + 3) >> 2) + code.length;
    if (end > WORDS_MAX) return;
    if (end > this.words.length) {
      const larger = new Int32Array(Math.max(this.words.length, end) * 2);
      larger.set(this.words);
      this.words = larger;
      this.bytes = new Uint8Array(larger.buffer);
    }
    this.words[record + MODE] = mode;
    this.words[record + PLACE] = offset | (guest.length << 12) | (instructions << 20);
    this.words[record + SIZE] = (code.length / (UOP_SIZE >> 2)) | TOUCHED;
    this.bytes.set(guest, (record + HEAD) * 4);
    this.words.set(code, end - code.length);
    this.used = end;
    this.enter(record);
    this.added++;
  }

  /** What a file keeps: records of use in this run or lately, and those `needed`; and where each of them lies in it. */
  save(needed: ReadonlySet<BlockRecord>): { words: Int32Array; places: ReadonlyMap<BlockRecord, BlockRecord> } {
    const places = new Map<BlockRecord, BlockRecord>();
    const words = new Int32Array(this.used);
    let end = 0;
    for (let record = 0; record < this.used; record = this.after(record)) {
      const size = this.words[record + SIZE] as number;
      const age = (size & TOUCHED) !== 0 ? 0 : (size >>> 16) + 1;
      if (age > AGE_MAX && !needed.has(record)) continue;
      places.set(record, end);
      const length = this.after(record) - record;
      words.set(this.words.subarray(record, record + length), end);
      words[end + SIZE] = this.uops(record) | (Math.min(age, AGE_MAX) << 16);
      words[end + CHAIN] = 0;
      end += length;
    }
    return { words: words.subarray(0, end), places };
  }
}
