/**
 * What an access to guest memory must come to: the guest's page tables and the second stage, walked anew. Written from the manuals alone and
 * without a look at the core's walk, which it is compared with; slow, changes nothing.
 * @see AMD APM vol. 2, 5.3-5.6; Intel SDM vol. 3A, 4.3-4.8
 */
import { CR0, CR3, CR4, EFER, P2M_MFN_MASK, P2M_ROOT, P2M_ROOT_ENTRIES, P2M_TRAP, P2M_VALID, P2M_WRITABLE, PHYS_BITS } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';

export const ACCESS_READ = 0;
export const ACCESS_WRITE = 1;
export const ACCESS_EXECUTE = 2;
export type Access = 0 | 1 | 2;

/** What came of a walk. */
export const TO_RAM = 0;
/** No RAM at that guest-physical address, or RAM that may not be written. */
export const TO_DEVICE = 1;
export const PAGE_FAULT = 2;
export const NOT_CANONICAL = 3;

const CR0_WP = 0x10000;
const CR0_PG = 0x80000000;
const CR4_PSE = 0x10;
const CR4_PAE = 0x20;
const CR4_SMEP = 0x100000;
const EFER_LMA = 0x400;
const EFER_NXE = 0x800;
const PRESENT = 1;
const WRITABLE = 2;
const USER = 4;
const DIRTY = 0x40;
const LARGE = 0x80;
const TWO_32 = 0x1_0000_0000;
/** In the upper half of an 8-byte entry: bits 52 to 62 are the software's, bits up to 51 that no address has must be 0. */
const HIGH_ADDRESS = 2 ** (PHYS_BITS - 32) - 1;
const HIGH_RESERVED = 0xfffff & ~HIGH_ADDRESS;
const HIGH_NX = 0x80000000;
/** Of PAE's four pointers, also bits 52 to 62. */
const HIGH_RESERVED_PAE = 0x7ff00000;
const FAULT_PRESENT = 1;
const FAULT_WRITE = 2;
const FAULT_USER = 4;
const FAULT_RESERVED = 8;
const FAULT_FETCH = 16;

/** The walk's result; one object is used for all, nothing is allocated. */
export class IndependentWalk {
  /** TO_RAM and so on. */
  outcome = TO_RAM;
  /** TO_RAM: offset into `frames`. */
  offset = 0;
  /** PAGE_FAULT: error code. */
  error = 0;
  /** The last entry says that the page was written to (D). Always, where there is no paging. */
  dirty = true;

  private readonly state: DataView;
  private readonly frames: DataView;
  private context = 0;
  private low = 0;
  private high = 0;

  constructor(memories: Memories) {
    this.state = memories.stateView;
    this.frames = memories.frameView;
  }

  private register(slot: number): number {
    return this.state.getUint32(this.context + slot * 8, true);
  }

  /** Second-stage entry of a guest-physical address, 0 for none. */
  private secondStage(gpa: number): number {
    const gfn = Math.floor(gpa / 4096);
    const root = this.register(P2M_ROOT);
    if (root === 0 || gfn >= P2M_ROOT_ENTRIES * 1024) return 0;
    const leaf = this.state.getUint32(root + Math.floor(gfn / 1024) * 4, true);
    return leaf === 0 ? 0 : this.state.getUint32(leaf + (gfn % 1024) * 4, true);
  }

  /** Reads a paging-structure entry to `low` and `high`; what is no RAM reads as all ones. */
  private entry(gpa: number, bytes: 4 | 8): void {
    const stage = this.secondStage(gpa);
    this.high = bytes === 8 ? 0xffffffff : 0;
    this.low = 0xffffffff;
    if ((stage & P2M_VALID) === 0 || (stage & P2M_TRAP) !== 0) return;
    const at = (stage & P2M_MFN_MASK) * 4096 + (gpa % 4096);
    this.low = this.frames.getUint32(at, true);
    if (bytes === 8) this.high = this.frames.getUint32(at + 4, true);
  }

  /** `va` in two halves, unsigned. `user`: with user's rights; `smap`: supervisor's data accesses to user pages fault. */
  walk(context: number, vaLow: number, vaHigh: number, access: Access, user: boolean, smap: boolean): void {
    this.context = context;
    this.dirty = true;
    if ((this.register(CR0) & CR0_PG) === 0) {
      this.toMemory(vaHigh * TWO_32 + vaLow, access);
      return;
    }
    const long = (this.register(EFER) & EFER_LMA) !== 0;
    if (long && vaHigh >>> 15 !== 0 && vaHigh >>> 15 !== 0x1ffff) {
      this.outcome = NOT_CANONICAL;
      return;
    }
    if (long || (this.register(CR4) & CR4_PAE) !== 0) this.walkEightBytes(vaLow, vaHigh, long, access, user, smap);
    else this.walkFourBytes(vaLow, access, user, smap);
  }

  private fault(code: number, access: Access, user: boolean): void {
    const cr4 = this.register(CR4);
    const fetchIsTold = (cr4 & CR4_SMEP) !== 0 || ((cr4 & CR4_PAE) !== 0 && (this.register(EFER) & EFER_NXE) !== 0);
    this.outcome = PAGE_FAULT;
    this.error = code | (access === ACCESS_WRITE ? FAULT_WRITE : 0) | (user ? FAULT_USER : 0) | (access === ACCESS_EXECUTE && fetchIsTold ? FAULT_FETCH : 0);
  }

  private toMemory(gpa: number, access: Access): void {
    const stage = this.secondStage(gpa);
    const ram = (stage & P2M_VALID) !== 0 && (stage & P2M_TRAP) === 0;
    this.outcome = ram && (access !== ACCESS_WRITE || (stage & P2M_WRITABLE) !== 0) ? TO_RAM : TO_DEVICE;
    this.offset = (stage & P2M_MFN_MASK) * 4096 + (gpa % 4096);
  }

  /** The rights that all levels leave: may this access be made? */
  private mayAccess(writable: boolean, userPage: boolean, noExecute: boolean, access: Access, user: boolean, smap: boolean): boolean {
    if (user && !userPage) return false;
    if (access === ACCESS_EXECUTE) return !noExecute && !(!user && userPage && (this.register(CR4) & CR4_SMEP) !== 0);
    if (!user && userPage && smap) return false;
    return access === ACCESS_READ || writable || (!user && (this.register(CR0) & CR0_WP) === 0);
  }

  private walkEightBytes(vaLow: number, vaHigh: number, long: boolean, access: Access, user: boolean, smap: boolean): void {
    // index of each level, the highest first
    const noNx = (this.register(EFER) & EFER_NXE) === 0 ? HIGH_NX : 0;
    const reserved = HIGH_RESERVED | noNx | (long ? 0 : HIGH_RESERVED_PAE);
    const page = Math.floor(vaLow / 4096) + (vaHigh & 0xffff) * 0x100000;
    let writable = true;
    let userPage = true;
    let noExecute = false;
    let table = long ? (this.register(CR3) & ~0xfff) >>> 0 : (this.register(CR3) & ~0x1f) >>> 0;
    if (long) table += (this.state.getUint32(this.context + CR3 * 8 + 4, true) & HIGH_ADDRESS) * TWO_32;
    for (let level = long ? 4 : 3; level > 0; level--) {
      const span = 2 ** (9 * (level - 1)); // pages an entry stands for
      const index = Math.floor(page / span) % (level === 3 && !long ? 4 : 512);
      this.entry(table + index * 8, 8);
      const { low, high } = this;
      if ((low & PRESENT) === 0) return this.fault(0, access, user);
      const pointer = level === 3 && !long;
      const large = (low & LARGE) !== 0 && level > 1;
      let bad = (high & reserved) !== 0;
      if (pointer) bad = (high & (HIGH_RESERVED | HIGH_RESERVED_PAE | HIGH_NX)) !== 0 || (low & 0x1e6) !== 0;
      else if (large && level === 4) bad = true;
      // a large page's address: the bits of its offset are 0, but for PAT in bit 12
      else if (large) bad ||= (low & (level === 3 ? 0x3fffe000 : 0x1fe000)) !== 0;
      if (bad) return this.fault(FAULT_PRESENT | FAULT_RESERVED, access, user);
      if (!pointer) {
        writable &&= (low & WRITABLE) !== 0;
        userPage &&= (low & USER) !== 0;
        noExecute ||= (high & HIGH_NX) !== 0;
      }
      const base = (high & HIGH_ADDRESS) * TWO_32 + ((low & ~0xfff) >>> 0);
      if (level === 1 || (large && !pointer)) {
        if (!this.mayAccess(writable, userPage, noExecute, access, user, smap)) return this.fault(FAULT_PRESENT, access, user);
        this.dirty = (low & DIRTY) !== 0;
        const size = span * 4096;
        return this.toMemory(Math.floor(base / size) * size + ((page % span) * 4096 + (vaLow & 0xfff)), access);
      }
      table = base;
    }
  }

  private walkFourBytes(va: number, access: Access, user: boolean, smap: boolean): void {
    this.entry(((this.register(CR3) & ~0xfff) >>> 0) + (va >>> 22) * 4, 4);
    const directory = this.low;
    if ((directory & PRESENT) === 0) return this.fault(0, access, user);
    let entry = directory;
    let gpa: number;
    if ((directory & LARGE) !== 0 && (this.register(CR4) & CR4_PSE) !== 0) {
      if ((directory & 0x200000) !== 0) return this.fault(FAULT_PRESENT | FAULT_RESERVED, access, user);
      gpa = ((directory >>> 13) & 0xff) * TWO_32 + ((directory & 0xffc00000) >>> 0) + (va & 0x3fffff);
    } else {
      this.entry(((directory & ~0xfff) >>> 0) + ((va >>> 12) & 1023) * 4, 4);
      entry = this.low;
      if ((entry & PRESENT) === 0) return this.fault(0, access, user);
      gpa = ((entry & ~0xfff) >>> 0) + (va & 0xfff);
    }
    const both = directory & entry;
    if (!this.mayAccess((both & WRITABLE) !== 0, (both & USER) !== 0, false, access, user, smap)) return this.fault(FAULT_PRESENT, access, user);
    this.dirty = (entry & DIRTY) !== 0;
    this.toMemory(gpa, access);
  }
}
