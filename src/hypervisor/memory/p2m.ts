import { Gfn, type Mfn } from '../../base/brand.ts';
import { P2M_MFN_MASK, P2M_ROOT_ENTRIES, P2M_VALID, P2M_WRITABLE } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';
import type { Heap } from '../heap.ts';

/** Guest frame numbers end here: 64 GiB of guest-physical space. */
export const GFN_LIMIT = P2M_ROOT_ENTRIES * 1024;

/** What stands at a gfn, beside the bits that the core reads (layout.ts). */
export const P2M_TYPE_SHIFT = 20;
export const p2m_ram_rw = 0;
export const p2m_map_foreign = 1;
export const p2m_grant_map_rw = 2;
export const p2m_grant_map_ro = 3;
export const p2m_shared = 4; // shared_info, grant and status frames: owned by Xen
const TYPE_MASK = 0xff;

/** What a raw entry that is valid shows. */
export const p2mType = (entry: number): number => (entry >>> P2M_TYPE_SHIFT) & TYPE_MASK;

const ROOT_BYTES = P2M_ROOT_ENTRIES * 4;
const LEAF_BYTES = 4096;

/**
 * A domain's second-stage table in `state`: gfn -> frame, rights and type. Two levels; the core reads it in its TLB fill.
 * Whoever changes an entry flushes soft TLBs (Hypervisor.setEntry does).
 */
export class P2m {
  readonly root: number;
  private readonly view: DataView;
  private readonly words: Int32Array;
  private readonly heap: Heap;
  private readonly maximum: number;

  /** The table at `root`. `maximum`: address of the word that keeps the highest gfn that ever showed a page; absent for who only reads. */
  constructor(memories: Memories, heap: Heap, root: number, maximum = 0) {
    this.view = memories.stateView;
    this.words = memories.stateWords;
    this.heap = heap;
    this.root = root;
    this.maximum = maximum;
  }

  /** Address of a new, empty table, 0 when the heap is full. */
  static create(heap: Heap): number {
    return heap.allocate(ROOT_BYTES);
  }

  private leaf(gfn: number): number {
    return gfn < GFN_LIMIT ? this.view.getUint32(this.root + (gfn >>> 10) * 4, true) : 0;
  }

  /** The raw entry, 0 when nothing is there. */
  entry(gfn: number): number {
    const leaf = this.leaf(gfn);
    return leaf === 0 ? 0 : this.view.getUint32(leaf + (gfn & 1023) * 4, true);
  }

  /** The frame at `gfn`, undefined when nothing is there. */
  lookup(gfn: number): { mfn: Mfn; type: number; writable: boolean } | undefined {
    const entry = this.entry(gfn);
    if ((entry & P2M_VALID) === 0) return undefined;
    return { mfn: (entry & P2M_MFN_MASK) as Mfn, type: p2mType(entry), writable: (entry & P2M_WRITABLE) !== 0 };
  }

  /** Byte offset into `frames` of a guest-physical address, -1 when nothing is there. */
  maddr(gpa: number): number {
    const entry = this.entry(Math.floor(gpa / 4096));
    return (entry & P2M_VALID) === 0 ? -1 : (entry & P2M_MFN_MASK) * 4096 + (gpa % 4096);
  }

  /** Make sure that `set` at this gfn cannot fail; false when the heap is full or the gfn beyond the limit. */
  reserve(gfn: number): boolean {
    if (!(gfn < GFN_LIMIT)) return false;
    if (this.leaf(gfn) !== 0) return true;
    const leaf = this.heap.allocate(LEAF_BYTES);
    if (leaf === 0) return false;
    this.view.setUint32(this.root + (gfn >>> 10) * 4, leaf, true);
    return true;
  }

  /** Put a frame at `gfn`; false when the heap is full or the gfn beyond the limit. Flush afterwards. */
  set(gfn: number, mfn: Mfn, type: number, writable: boolean): boolean {
    if (!this.reserve(gfn)) return false;
    const leaf = this.leaf(gfn);
    this.noteMaximum(gfn);
    const bits = P2M_VALID | (writable ? P2M_WRITABLE : 0);
    this.view.setUint32(leaf + (gfn & 1023) * 4, (bits | (type << P2M_TYPE_SHIFT) | mfn) >>> 0, true);
    return true;
  }

  /** Make sure that `set` cannot fail at `count` gfns; false when the heap is full or one is beyond the limit. */
  reserveRun(gfn: number, count: number): boolean {
    for (let at = gfn; at < gfn + count; at = (at | 1023) + 1) if (!this.reserve(at)) return false;
    return true;
  }

  /** Is nothing at any of `count` gfns? */
  isEmpty(gfn: number, count: number): boolean {
    for (let i = gfn; i < gfn + count; ) {
      const end = Math.min(gfn + count, (i | 1023) + 1);
      const leaf = this.leaf(i);
      for (let at = (leaf >>> 2) + (i & 1023); leaf !== 0 && i < end; i++, at++) if (((this.words[at] as number) & P2M_VALID) !== 0) return false;
      i = end;
    }
    return true;
  }

  /** Put RAM at `count` gfns that are reserved: frame `mfn`, and those behind it. */
  setRun(gfn: number, mfn: Mfn, count: number): void {
    this.noteMaximum(gfn + count - 1);
    const bits = P2M_VALID | P2M_WRITABLE | (p2m_ram_rw << P2M_TYPE_SHIFT);
    for (let i = 0; i < count; ) {
      const low = (gfn + i) & 1023;
      const end = Math.min(count, i + 1024 - low);
      for (let at = (this.leaf(gfn + i) >>> 2) + low; i < end; i++, at++) this.words[at] = bits | (mfn + i);
    }
  }

  /** Index into `stateWords` of the entry of a gfn, 0 where no entry was ever reserved. The 1023 - (gfn & 1023) entries behind it are those of the next gfns. */
  entryIndex(gfn: number): number {
    const leaf = this.leaf(gfn);
    return leaf === 0 ? 0 : (leaf >>> 2) + (gfn & 1023);
  }

  /** To be called when an entry was written at `entryIndex`. */
  noteMaximum(gfn: number): void {
    if (this.maximum !== 0 && gfn > this.view.getUint32(this.maximum, true)) this.view.setUint32(this.maximum, gfn, true);
  }

  clear(gfn: number): void {
    const leaf = this.leaf(gfn);
    if (leaf !== 0) this.view.setUint32(leaf + (gfn & 1023) * 4, 0, true);
  }

  /** Every valid entry from `from` on, in order of gfn. */
  *entries(from = 0): Generator<{ gfn: Gfn; mfn: Mfn; type: number }> {
    for (let top = from >>> 10; top < P2M_ROOT_ENTRIES; top++) {
      const leaf = this.view.getUint32(this.root + top * 4, true);
      if (leaf === 0) continue;
      for (let low = top === from >>> 10 ? from & 1023 : 0; low < 1024; low++) {
        const entry = this.view.getUint32(leaf + low * 4, true);
        if ((entry & P2M_VALID) !== 0) {
          yield { gfn: Gfn(top * 1024 + low), mfn: (entry & P2M_MFN_MASK) as Mfn, type: p2mType(entry) };
        }
      }
    }
  }

  /** Give the leaves back to the heap; all entries must have been cleared. */
  freeLeaves(): void {
    for (let top = 0; top < P2M_ROOT_ENTRIES; top++) {
      const leaf = this.view.getUint32(this.root + top * 4, true);
      if (leaf === 0) continue;
      this.heap.free(leaf, LEAF_BYTES);
      this.view.setUint32(this.root + top * 4, 0, true);
    }
  }

  /** Give the whole table back to the heap. */
  destroy(): void {
    this.freeLeaves();
    this.heap.free(this.root, ROOT_BYTES);
  }
}
