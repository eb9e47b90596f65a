/**
 * Page walks: unpaged, 2-level (PSE, PSE-36), PAE and 4-level.
 *
 * A walk answers with the page-fault error code or WALK_OK; then slot WALK_GPA has the guest-physical address and slot
 * WALK_RIGHTS what may be done with the page without a new walk. Accessed and dirty bits are set by compare-and-exchange,
 * and only by walks that succeed. Entries in memory that is not RAM read as all ones.
 * @see Intel SDM 3A 4.3-4.8; AMD APM 2, 5.3-5.6 (PDPTEs of PAE are read from memory at every walk, as AMD does)
 */
import { CR0, CR3, CR4, EFER, PHYS_BITS, WALK_GPA, WALK_RIGHTS } from "../../layout";
import { atomic_cmpxchg32, atomic_cmpxchg64, ld32u, ld64 } from "../frames";
import { Ctx } from "../state";
import { frameOffset, isRam, p2mEntry } from "./p2m";

export const WALK_OK = -1;
const RETRY = -2;

// kinds of access
export const READ: u32 = 0;
export const WRITE: u32 = 1;
export const EXEC: u32 = 2;

// views (low two bits of an ASID)
export const VIEW_SUPERVISOR: u32 = 0;
export const VIEW_USER: u32 = 1;
export const VIEW_SMAP: u32 = 2;
/** User with alignment checks (CR0.AM and RFLAGS.AC): rights as VIEW_USER, no data access on the fast path. */
export const VIEW_ALIGN: u32 = 3;

// WALK_RIGHTS
export const CAN_READ: u32 = 1;
export const CAN_WRITE: u32 = 2;
export const CAN_EXEC: u32 = 4;
export const IS_GLOBAL: u32 = 8;
export const IS_2M: u32 = 16;
export const IS_4M: u32 = 32;
export const IS_1G: u32 = 64;

// bits of paging-structure entries
const P: u64 = 1;
const RW: u64 = 2;
const US: u64 = 4;
const A: u64 = 0x20;
const D: u64 = 0x40;
const PS: u64 = 0x80;
const G: u64 = 0x100;
const NX: u64 = 0x8000000000000000;
const ADDRESS: u64 = ((<u64>1 << PHYS_BITS) - 1) & ~(<u64>0xfff);
/** Physical address bits that do not exist. */
const BEYOND: u64 = 0x000fffffffffffff & ~((<u64>1 << PHYS_BITS) - 1);

/** No frames offset. */
const NOWHERE: u64 = 0xffffffffffffffff;

function entryAt(ctx: usize, gpa: u64): u64 {
  const entry = p2mEntry(ctx, gpa);
  return isRam(entry) ? <u64>frameOffset(entry, gpa) : NOWHERE;
}

function read64(at: u64): u64 {
  return at == NOWHERE ? 0xffffffffffffffff : ld64(<u32>at);
}

/** Sets `bits` in the entry unless it changed since it was read. */
function mark64(at: u64, entry: u64, bits: u64): bool {
  if ((entry & bits) == bits) return true;
  return atomic_cmpxchg64(<u32>at, entry, entry | bits) == entry;
}

function mark32(at: u64, entry: u32, bits: u32): bool {
  if ((entry & bits) == bits) return true;
  return atomic_cmpxchg32(<u32>at, entry, entry | bits) == entry;
}

/** Page-fault error code. */
function fault(ctx: usize, present: bool, access: u32, view: u32, reserved: bool): i32 {
  let code: i32 = present ? 1 : 0;
  if (access == WRITE) code |= 2;
  if (view == VIEW_USER) code |= 4;
  if (reserved) code |= 8;
  if (access == EXEC) {
    const cr4 = Ctx.get32(ctx, CR4);
    if (cr4 & 0x100000 || (cr4 & 0x20 && Ctx.get32(ctx, EFER) & 0x800)) code |= 16;
  }
  return code;
}

/**
 * What `view` may do on a page with the combined bits `rw`, `us`, `nx` (CAN_READ | CAN_WRITE | CAN_EXEC), dirty bit aside.
 */
function rightsOf(ctx: usize, view: u32, rw: bool, us: bool, nx: bool): u32 {
  if (view == VIEW_USER) return us ? CAN_READ | (rw ? CAN_WRITE : 0) | (nx ? 0 : CAN_EXEC) : 0;
  let rights: u32 = 0;
  if (!nx && !(us && Ctx.get32(ctx, CR4) & 0x100000)) rights |= CAN_EXEC;
  if (us && view == VIEW_SMAP) return rights;
  rights |= CAN_READ;
  if (rw || !(Ctx.get32(ctx, CR0) & 0x10000)) rights |= CAN_WRITE;
  return rights;
}

function allows(rights: u32, access: u32): bool {
  return (rights & (access == WRITE ? CAN_WRITE : access == EXEC ? CAN_EXEC : CAN_READ)) != 0;
}

function done(ctx: usize, gpa: u64, rights: u32): i32 {
  Ctx.set(ctx, WALK_GPA, gpa);
  Ctx.set(ctx, WALK_RIGHTS, rights);
  return WALK_OK;
}

/** 4-level (`long`) and PAE. */
function walkWide(ctx: usize, va: u64, access: u32, view: u32, long: bool): i32 {
  const reserved = BEYOND | (Ctx.get32(ctx, EFER) & 0x800 ? 0 : NX) | (long ? 0 : 0x7ff0000000000000);
  let at4: u64 = NOWHERE;
  let e4: u64 = 0;
  let all: u64 = RW | US;
  let any: u64 = 0;
  let table: u64;
  if (long) {
    at4 = entryAt(ctx, (Ctx.get(ctx, CR3) & ADDRESS) + ((va >> 39 & 511) << 3));
    e4 = read64(at4);
    if (!(e4 & P)) return fault(ctx, false, access, view, false);
    if (e4 & (reserved | PS)) return fault(ctx, true, access, view, true);
    all &= e4;
    any |= e4;
    table = e4 & ADDRESS;
  } else {
    table = Ctx.get(ctx, CR3) & 0xffffffe0;
  }
  const at3 = entryAt(ctx, table + ((va >> 30 & (long ? 511 : 3)) << 3));
  const e3 = read64(at3);
  if (!(e3 & P)) return fault(ctx, false, access, view, false);
  let at2: u64 = NOWHERE;
  let e2: u64 = 0;
  let at1: u64 = NOWHERE;
  let leaf: u64;
  let gpa: u64;
  let size: u32 = 0;
  if (long) {
    if (e3 & reserved) return fault(ctx, true, access, view, true);
    all &= e3;
    any |= e3;
  } else if (e3 & (BEYOND | 0xfff00000000001e6)) return fault(ctx, true, access, view, true);
  if (long && e3 & PS) {
    if (e3 & 0x3fffe000) return fault(ctx, true, access, view, true);
    leaf = e3;
    gpa = (e3 & ADDRESS & ~(<u64>0x3fffffff)) | (va & 0x3fffffff);
    size = IS_1G;
  } else {
    at2 = entryAt(ctx, (e3 & ADDRESS) + ((va >> 21 & 511) << 3));
    e2 = read64(at2);
    if (!(e2 & P)) return fault(ctx, false, access, view, false);
    if (e2 & reserved) return fault(ctx, true, access, view, true);
    all &= e2;
    any |= e2;
    if (e2 & PS) {
      if (e2 & 0x1fe000) return fault(ctx, true, access, view, true);
      leaf = e2;
      gpa = (e2 & ADDRESS & ~(<u64>0x1fffff)) | (va & 0x1fffff);
      size = IS_2M;
    } else {
      at1 = entryAt(ctx, (e2 & ADDRESS) + ((va >> 12 & 511) << 3));
      leaf = read64(at1);
      if (!(leaf & P)) return fault(ctx, false, access, view, false);
      if (leaf & reserved) return fault(ctx, true, access, view, true);
      all &= leaf;
      any |= leaf;
      gpa = (leaf & ADDRESS) | (va & 0xfff);
    }
  }
  let rights = rightsOf(ctx, view, (all & RW) != 0, (all & US) != 0, (any & NX) != 0);
  if (!allows(rights, access)) return fault(ctx, true, access, view, false);
  const bits = access == WRITE ? A | D : A;
  if (long && !mark64(at4, e4, A)) return RETRY;
  if (long && !mark64(at3, e3, size == IS_1G ? bits : A)) return RETRY;
  if (size != IS_1G && !mark64(at2, e2, size == IS_2M ? bits : A)) return RETRY;
  if (size == 0 && !mark64(at1, leaf, bits)) return RETRY;
  if (access != WRITE && !(leaf & D)) rights &= ~CAN_WRITE;
  if (leaf & G && Ctx.cr4Has(ctx, 0x80)) rights |= IS_GLOBAL;
  return done(ctx, gpa, rights | size);
}

/** 2-level. */
function walkNarrow(ctx: usize, va: u64, access: u32, view: u32): i32 {
  const at2 = entryAt(ctx, (Ctx.get(ctx, CR3) & 0xfffff000) + ((va >> 22 & 1023) << 2));
  const e2 = at2 == NOWHERE ? 0xffffffff : ld32u(<u32>at2);
  if (!(e2 & <u32>P)) return fault(ctx, false, access, view, false);
  let at1: u64 = NOWHERE;
  let leaf = e2;
  let all = e2;
  let gpa: u64;
  const large = e2 & <u32>PS && Ctx.cr4Has(ctx, 0x10);
  if (large) {
    if (e2 & 0x200000) return fault(ctx, true, access, view, true);
    gpa = <u64>(e2 & 0xffc00000) | (<u64>(e2 >> 13 & 0xff) << 32) | (va & 0x3fffff);
  } else {
    at1 = entryAt(ctx, <u64>(e2 & 0xfffff000) + ((va >> 12 & 1023) << 2));
    leaf = at1 == NOWHERE ? 0xffffffff : ld32u(<u32>at1);
    if (!(leaf & <u32>P)) return fault(ctx, false, access, view, false);
    all &= leaf;
    gpa = <u64>(leaf & 0xfffff000) | (va & 0xfff);
  }
  let rights = rightsOf(ctx, view, (all & <u32>RW) != 0, (all & <u32>US) != 0, false);
  if (!allows(rights, access)) return fault(ctx, true, access, view, false);
  const bits = <u32>(access == WRITE ? A | D : A);
  if (!mark32(at2, e2, large ? bits : <u32>A)) return RETRY;
  if (!large && !mark32(at1, leaf, bits)) return RETRY;
  if (access != WRITE && !(leaf & <u32>D)) rights &= ~CAN_WRITE;
  if (leaf & <u32>G && Ctx.cr4Has(ctx, 0x80)) rights |= IS_GLOBAL;
  return done(ctx, gpa, rights | (large ? IS_4M : 0));
}

/**
 * Walks for `access` (READ, WRITE, EXEC) of `view` at linear address `va` (canonical; below 4 GiB outside long mode).
 * WALK_OK with the slots set, else the page-fault error code; CR2 and the exception are the caller's.
 */
export function walk(ctx: usize, va: u64, access: u32, view: u32): i32 {
  if (!(Ctx.get32(ctx, CR0) & 0x80000000)) return done(ctx, va, CAN_READ | CAN_WRITE | CAN_EXEC);
  const long = Ctx.isLong(ctx);
  const wide = long || Ctx.cr4Has(ctx, 0x20);
  for (;;) {
    const result = wide ? walkWide(ctx, va, access, view, long) : walkNarrow(ctx, va, access, view);
    if (result != RETRY) return result;
  }
  return RETRY;
}
