import { assert } from '../../base/assert.ts';
import { Mfn } from '../../base/brand.ts';
import { struct, u16, u32 } from '../../base/struct.ts';
import { FRAME_CODE_BITS, FRAME_TABLE, FRAME_TABLE_STRIDE } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';
import { HEADER, machine_header } from '../header.ts';

/** Owner ids that are not domains. @see xen/include/public/xen.h, DOMID_XEN */
export const OWNER_NONE = 0;
export const OWNER_XEN = 0x7ff2;

/** The type of a page that has none. Xen counts uses by type for PV guests: their types come with them. */
export const PGT_none = 0;

/** What the hypervisor knows of one machine frame. */
const frame_info = struct('frame_info', {
  /** Domain id + 1 of the owner, 0 = free, OWNER_XEN. */
  owner: u16,
  type: u16,
  /** References: 1 for being allocated, one for each mapping (grant, foreign). Freed when it falls to 0. */
  count: u32,
  /** References of `type`. */
  type_count: u32,
  /** Allocated: gfn in its owner's p2m (machine-to-physical), all ones = not mapped. Free: next free frame. */
  link: u32,
});
export const INVALID_M2P = 0xffffffff;
const { offsets } = frame_info;

/**
 * The frame table: owner, reference and type counts of every 4 KiB page of `frames`. Frames are given out from the top
 * down, so that offsets above 2 GiB are used all the time; a frame never given out before is known to be zero.
 */
export class FrameTable {
  private readonly view: DataView;
  private readonly memories: Memories;

  constructor(memories: Memories) {
    this.memories = memories;
    this.view = memories.stateView;
  }

  /** Give the machine `total` frames ending at the top of the memory; frame numbers below 16 stay poison. */
  static format(memories: Memories, total: number): void {
    const last = 0x100000;
    machine_header.write(memories.stateView, HEADER, {
      frame_first: last - total,
      frame_last: last,
      frame_untouched: last,
      frame_free_list: 0,
      frame_free: total,
      frame_total: total,
    });
  }

  private header(field: 'frame_first' | 'frame_untouched' | 'frame_free_list' | 'frame_free' | 'frame_total' | 'outstanding_claims'): number {
    return HEADER + machine_header.offsets[field];
  }

  get free(): number {
    return this.view.getUint32(this.header('frame_free'), true);
  }

  /** Free frames that nobody has claimed. */
  get unclaimed(): number {
    return this.free - this.view.getUint32(this.header('outstanding_claims'), true);
  }

  get total(): number {
    return this.view.getUint32(this.header('frame_total'), true);
  }

  private at(mfn: number): number {
    return FRAME_TABLE + mfn * FRAME_TABLE_STRIDE;
  }

  /**
   * A zeroed frame with one reference for `owner` (domain id, or OWNER_XEN), undefined when the machine has none left.
   * Frames that are claimed (`claimed`: by this owner) are left for those who claimed them.
   */
  allocate(owner: number, claimed = 0): Mfn | undefined {
    const freeAt = this.header('frame_free');
    const free = this.view.getUint32(freeAt, true);
    if (free === 0 || this.unclaimed + claimed <= 0) return undefined;
    const listAt = this.header('frame_free_list');
    let mfn = this.view.getUint32(listAt, true);
    if (mfn !== 0) {
      this.view.setUint32(listAt, this.view.getUint32(this.at(mfn) + frame_info.offsets.link, true), true);
      this.memories.frameBytes.fill(0, mfn * 4096, mfn * 4096 + 4096);
    } else {
      const untouchedAt = this.header('frame_untouched');
      mfn = this.view.getUint32(untouchedAt, true) - 1;
      this.view.setUint32(untouchedAt, mfn, true);
    }
    this.view.setUint32(freeAt, free - 1, true);
    // field by field: a domain is made of hundreds of thousands of frames
    const { view } = this;
    const at = this.at(mfn);
    view.setUint16(at + offsets.owner, owner === OWNER_XEN ? OWNER_XEN : owner + 1, true);
    view.setUint16(at + offsets.type, PGT_none, true);
    view.setUint32(at + offsets.count, 1, true);
    view.setUint32(at + offsets.type_count, 0, true);
    view.setUint32(at + offsets.link, INVALID_M2P, true);
    return Mfn(mfn);
  }

  /**
   * As `count` calls of `allocate` and `setGfn` for gfns from `gfn` on, but for frames that were never given out and lie one behind the other, and
   * without a look at claims: the first of the frames. Undefined where frames that were given back would be taken first, or there are not so many.
   */
  allocateRun(owner: number, gfn: number, count: number): Mfn | undefined {
    const { view } = this;
    const untouchedAt = this.header('frame_untouched');
    const untouched = view.getUint32(untouchedAt, true);
    if (view.getUint32(this.header('frame_free_list'), true) !== 0) return undefined;
    if (untouched - count < view.getUint32(this.header('frame_first'), true)) return undefined;
    view.setUint32(untouchedAt, untouched - count, true);
    view.setUint32(this.header('frame_free'), this.free - count, true);
    const first = untouched - count;
    const words = this.memories.stateWords;
    const who = (owner === OWNER_XEN ? OWNER_XEN : owner + 1) | (PGT_none << 16);
    for (let i = 0, at = this.at(first) >>> 2; i < count; i++, at += FRAME_TABLE_STRIDE >> 2) {
      words[at] = who;
      words[at + (offsets.count >> 2)] = 1;
      words[at + (offsets.type_count >> 2)] = 0;
      words[at + (offsets.link >> 2)] = gfn + i;
    }
    return Mfn(first);
  }

  /** Is it a frame of this machine that is in use? */
  inUse(mfn: number): boolean {
    return mfn >= this.view.getUint32(this.header('frame_untouched'), true) && mfn < 0x100000 && this.view.getUint32(this.at(mfn) + 4, true) !== 0;
  }

  /** Domain id of the owner, OWNER_XEN, or undefined for a free frame. */
  owner(mfn: Mfn): number | undefined {
    const raw = this.view.getUint16(this.at(mfn), true);
    return raw === 0 ? undefined : raw === OWNER_XEN ? OWNER_XEN : raw - 1;
  }

  count(mfn: Mfn): number {
    return this.view.getUint32(this.at(mfn) + frame_info.offsets.count, true);
  }

  /** Gfn of the frame in its owner's p2m (INVALID_M2P = none). */
  gfn(mfn: Mfn): number {
    return this.view.getUint32(this.at(mfn) + frame_info.offsets.link, true);
  }

  setGfn(mfn: Mfn, gfn: number): void {
    this.view.setUint32(this.at(mfn) + frame_info.offsets.link, gfn, true);
  }

  /** Index into `stateWords` of the frame's count of references. */
  countIndex(mfn: number): number {
    return (this.at(mfn) + offsets.count) >>> 2;
  }

  /** Take a reference. */
  get(mfn: Mfn): void {
    const at = this.at(mfn) + frame_info.offsets.count;
    const count = this.view.getUint32(at, true);
    assert(count > 0 && count < 0xffffffff, 'a reference is taken on a frame in use');
    this.view.setUint32(at, count + 1, true);
  }

  /** Give a reference back; true when that freed the frame. */
  put(mfn: Mfn): boolean {
    const at = this.at(mfn) + frame_info.offsets.count;
    const count = this.view.getUint32(at, true);
    assert(count > 0, 'a reference is given back to a frame in use');
    this.view.setUint32(at, count - 1, true);
    if (count > 1) return false;
    const listAt = this.header('frame_free_list');
    frame_info.write(this.view, this.at(mfn), { owner: OWNER_NONE, type: PGT_none, type_count: 0, link: this.view.getUint32(listAt, true) });
    this.view.setUint32(listAt, mfn, true);
    const freeAt = this.header('frame_free');
    this.view.setUint32(freeAt, this.view.getUint32(freeAt, true) + 1, true);
    return true;
  }

  /** Does the frame hold translated code? Writers other than guest code must then have it dropped. */
  hasCode(mfn: number): boolean {
    return this.view.getUint32(FRAME_CODE_BITS + mfn * 8, true) !== 0 || this.view.getUint32(FRAME_CODE_BITS + mfn * 8 + 4, true) !== 0;
  }
}
