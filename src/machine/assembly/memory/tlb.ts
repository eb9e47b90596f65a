/**
 * The soft TLBs of a pCPU: one for each view, direct mapped, 4 KiB entries, tags with the address-space number in their low 12 bits.
 *
 * fill() is the only code that makes an offset into `frames`. What a vCPU has in it is mostly forgotten by taking new numbers (asid.ts);
 * only global supervisor entries must outlive a CR3 write, so those that are not global are listed, and dropped one by one. Regions with
 * larger pages are remembered in two small bitmaps, so that INVLPG of one address finds all entries made from the same page.
 */
import {
  CR3, DR0, DR7, FRAME_CODE_BITS, FRAME_WRITE_TAGS, P2M_MFN_MASK, P2M_WRITABLE, PCPU, PCPU_SCRATCH, PCPU_STRIDE, TLB, TLB_ADDEND, TLB_COUNT, TLB_ENTRIES, TLB_EXEC, TLB_FLAGS, TLB_LARGE_1G,
  TLB_LARGE_2M, TLB_LIST, TLB_LIST_COUNT, TLB_READ, TLB_STRIDE, TLB_SIZE, TLB_USED, TLB_WRITE, TLBF_GLOBAL, TLBF_LISTED, TLBF_WRITABLE, USER_ENTERED, WALK_RIGHTS,
  WRITE_TAGS_MANY,
} from "../../layout";
import { Ctx } from "../state";
import { asidBase, forgetPcid, newGeneration, newSpaces, newUserSpaces, selectPcid, tlbOf } from "./asid";
import { CAN_EXEC, CAN_READ, CAN_WRITE, EXEC, IS_1G, IS_2M, IS_4M, IS_GLOBAL, VIEW_ALIGN } from "./walk";

const EMPTY: u64 = 0xffffffffffffffff;

/** Address of the entry for linear address `va`. */
@unmanaged
export class Tlb {
  /** In the current view. */
  @inline static entry(ctx: usize, va: u64): usize {
    return <usize>load<u32>(ctx + (TLB << 3)) + ((<usize>(va >> 12) & (TLB_ENTRIES - 1)) << 5);
  }
  @inline static entryOf(ctx: usize, va: u64, view: u32): usize {
    return <usize>load<u32>(ctx + (PCPU << 3)) + <usize>tlbOf(ctx, view) * TLB_SIZE + ((<usize>(va >> 12) & (TLB_ENTRIES - 1)) << 5);
  }
}

/** An enabled data breakpoint (DR7 R/W 1 or 3) lies in the page of `va`. */
export function watchedPage(ctx: usize, va: u64): bool {
  const dr7 = Ctx.get32(ctx, DR7);
  if (!(dr7 & 0xff)) return false;
  for (let i: u32 = 0; i < 4; i++) {
    if (dr7 >> (i << 1) & 3 && dr7 >> (16 + (i << 2)) & 1) {
      // a breakpoint of up to 8 aligned bytes never leaves its page
      if ((Ctx.get(ctx, DR0 + i) ^ va) >> 12 == 0) return true;
    }
  }
  return false;
}

/**
 * Enters the page of `va` for `view`, backed by the RAM frame of p2m entry `p2m`, with the rights of the last walk
 * (slot WALK_RIGHTS). Frames with translated code, p2m read-only pages and clean pages get no write tag, nor do pages that are entered for `access` to run:
 * protectFrame() would have to take it away at once. letWrites() makes up for it where code is the only reason.
 */
export function fill(ctx: usize, va: u64, access: u32, view: u32, p2m: u32): void {
  const rights = Ctx.get32(ctx, WALK_RIGHTS);
  const mfn = p2m & P2M_MFN_MASK;
  const entry = Tlb.entryOf(ctx, va, view);
  const tag = (va & ~(<u64>0xfff)) | (asidBase(ctx, view) + view);
  const data = view != VIEW_ALIGN && !watchedPage(ctx, va);
  const writable = data && rights & CAN_WRITE && p2m & P2M_WRITABLE;
  const write = writable && access != EXEC && load<u64>(<usize>FRAME_CODE_BITS + (<usize>mfn << 3)) == 0;
  store<u64>(entry, data && rights & CAN_READ ? tag : EMPTY, TLB_READ);
  store<u64>(entry, write ? tag : EMPTY, TLB_WRITE);
  if (write) noteWrites(ctx, entry, mfn);
  store<u64>(entry, rights & CAN_EXEC ? tag : EMPTY, TLB_EXEC);
  store<u32>(entry, (mfn << 12) - (<u32>va & 0xfffff000), TLB_ADDEND);
  const scratch = <usize>Ctx.get32(ctx, PCPU) + PCPU_SCRATCH;
  store<u32>(scratch, load<u32>(scratch, TLB_USED) | (<u32>1 << tlbOf(ctx, view)), TLB_USED);
  let flags: u32 = writable ? TLBF_WRITABLE : 0;
  if (view & 1) Ctx.set(ctx, USER_ENTERED, 1);
  else {
    const listed = load<u32>(entry, TLB_FLAGS) & TLBF_LISTED;
    flags |= listed;
    if (rights & IS_GLOBAL) flags |= TLBF_GLOBAL;
    else if (!listed) {
      const count = load<u32>(scratch, TLB_LIST_COUNT);
      store<u16>(scratch + (<usize>count << 1), <u16>(view * TLB_ENTRIES + (<u32>(va >> 12) & (TLB_ENTRIES - 1))), TLB_LIST);
      store<u32>(scratch, count + 1, TLB_LIST_COUNT);
      flags |= TLBF_LISTED;
    }
  }
  store<u32>(entry, flags, TLB_FLAGS);
  if (rights & (IS_2M | IS_4M)) {
    const bit = <u32>(va >> 22) & 1023;
    const word = scratch + TLB_LARGE_2M + <usize>(bit >> 3);
    store<u8>(word, load<u8>(word) | <u8>(<u32>1 << (bit & 7)));
  } else if (rights & IS_1G) {
    const bit = <u32>(va >> 30) & 1023;
    const word = scratch + TLB_LARGE_1G + <usize>(bit >> 3);
    store<u8>(word, load<u8>(word) | <u8>(<u32>1 << (bit & 7)));
  }
}

/** `entry` lets writes to frame `mfn` through. */
function letsWrites(entry: usize, mfn: u32): bool {
  const tag = load<u64>(entry, TLB_WRITE);
  return tag != EMPTY && ((<u32>tag & 0xfffff000) + load<u32>(entry, TLB_ADDEND)) >> 12 == mfn;
}

/** The entry at `entry` is of the pCPU that `ctx` is on. */
function isOwn(ctx: usize, entry: usize): bool {
  return entry - <usize>Ctx.get32(ctx, PCPU) < <usize>PCPU_STRIDE;
}

/** Another entry may be noted in place of `noted`. */
function isFree(ctx: usize, noted: usize, mfn: u32): bool {
  return noted == 0 || (isOwn(ctx, noted) && !letsWrites(noted, mfn));
}

/**
 * Notes the write tag of `entry` for its frame. Where two other entries have one for it, or one may be another pCPU's, all have to be looked at from now on: an entry is
 * noted by the pCPU whose it is, and only in place of one of its own that lets nothing through.
 */
function noteWrites(ctx: usize, entry: usize, mfn: u32): void {
  const at = <usize>FRAME_WRITE_TAGS + (<usize>mfn << 3);
  const first = <usize>load<u32>(at);
  const second = <usize>load<u32>(at, 4);
  if (first == entry || second == entry || first == WRITE_TAGS_MANY) return;
  if (isFree(ctx, first, mfn)) store<u32>(at, <u32>entry);
  else if (isOwn(ctx, first) && isFree(ctx, second, mfn)) store<u32>(at, <u32>entry, 4);
  else store<u32>(at, WRITE_TAGS_MANY);
}

/** A write by way of `entry`, which its page's code alone kept from the fast path: offset into `frames` of `va`. With the code gone, the fast path is open again. */
export function letWrites(ctx: usize, entry: usize, va: u64): u32 {
  const offset = <u32>va + load<u32>(entry, TLB_ADDEND);
  if (load<u64>(<usize>FRAME_CODE_BITS + (<usize>(offset >> 12) << 3)) == 0) {
    store<u64>(entry, load<u64>(entry, TLB_READ), TLB_WRITE);
    noteWrites(ctx, entry, offset >> 12);
  }
  return offset;
}

function empty(entry: usize): void {
  store<u64>(entry, EMPTY, TLB_READ);
  store<u64>(entry, EMPTY, TLB_WRITE);
  store<u64>(entry, EMPTY, TLB_EXEC);
}

/** A tag of the entry that is in use, or EMPTY. */
function anyTag(entry: usize): u64 {
  const read = load<u64>(entry, TLB_READ);
  return read != EMPTY ? read : load<u64>(entry, TLB_EXEC);
}

/** Drops every entry of the pCPU, whosever it is. */
export function flushPcpu(ctx: usize): void {
  newGeneration(ctx);
}

/** Drops all entries of this vCPU, global ones too (CR0, CR4, EFER changes; p2m changes). */
export function flushAll(ctx: usize): void {
  newSpaces(ctx);
}

/** Drops this vCPU's entries that are not global (MOV to CR3 without PCIDs). */
export function flushNonGlobal(ctx: usize): void {
  if (!Ctx.cr4Has(ctx, 0x80)) {
    // PGE is off: there is nothing global
    newSpaces(ctx);
    return;
  }
  dropListed(ctx);
  newUserSpaces(ctx);
}

/** CR3 has been loaded with PCIDs on: drops the entries that are neither global nor, if `keep`, those of its PCID or, in any case, of another PCID's user code. */
export function changePcid(ctx: usize, keep: bool): void {
  dropListed(ctx);
  selectPcid(ctx, Ctx.get(ctx, CR3) & 0xfff, keep);
}

/** Drops this vCPU's entries of a PCID that are not global. */
export function flushPcid(ctx: usize, pcid: u64): void {
  dropListed(ctx);
  forgetPcid(ctx, pcid);
}

/** Drops the supervisor entries of this pCPU that are not global: no number tells whose they are. */
function dropListed(ctx: usize): void {
  const pcpu = <usize>Ctx.get32(ctx, PCPU);
  const scratch = pcpu + PCPU_SCRATCH;
  const count = load<u32>(scratch, TLB_LIST_COUNT);
  for (let i: u32 = 0; i < count; i++) {
    const at = <usize>load<u16>(scratch + (<usize>i << 1), TLB_LIST);
    // the soft TLBs lie one behind the other
    const entry = pcpu + at * TLB_STRIDE;
    const flags = load<u32>(entry, TLB_FLAGS);
    if (!(flags & TLBF_GLOBAL)) empty(entry);
    store<u32>(entry, flags & ~TLBF_LISTED, TLB_FLAGS);
  }
  store<u32>(scratch, 0, TLB_LIST_COUNT);
}

/** Drops the entries for `va`, global or not, of every view and PCID, with all 4 KiB parts of a larger page around it (INVLPG). */
export function flushPage(ctx: usize, va: u64): void {
  const pcpu = <usize>Ctx.get32(ctx, PCPU);
  const scratch = pcpu + PCPU_SCRATCH;
  const used = load<u32>(scratch, TLB_USED);
  const bit2 = <u32>(va >> 22) & 1023;
  const bit1 = <u32>(va >> 30) & 1023;
  const large1 = load<u8>(scratch + TLB_LARGE_1G + <usize>(bit1 >> 3)) >> <u8>(bit1 & 7) & 1;
  const large2 = load<u8>(scratch + TLB_LARGE_2M + <usize>(bit2 >> 3)) >> <u8>(bit2 & 7) & 1;
  for (let n: u32 = 0; n < <u32>TLB_COUNT; n++) {
    if (!(used >> n & 1)) continue;
    const first = pcpu + <usize>n * TLB_SIZE;
    if (large1) flushRange(first, va, 30, 0, TLB_ENTRIES);
    else if (large2) flushRange(first, va, 22, <usize>(va >> 12) & (TLB_ENTRIES - 1) & ~1023, 1024);
    else {
      const entry = first + ((<usize>(va >> 12) & (TLB_ENTRIES - 1)) << 5);
      if ((anyTag(entry) ^ va) >> 12 == 0) empty(entry);
    }
  }
}

/** Drops entries first..first+count-1 of the soft TLB at `tlb` whose address agrees with `va` above bit `shift`. */
function flushRange(tlb: usize, va: u64, shift: u64, first: usize, count: usize): void {
  for (let i = first; i < first + count; i++) {
    const entry = tlb + i * TLB_STRIDE;
    if ((anyTag(entry) ^ va) >> shift == 0) empty(entry);
  }
}

/** Drops every entry of this pCPU that maps frame `mfn` (page taken away, mapped elsewhere). */
export function flushFrame(ctx: usize, mfn: u32): void {
  const pcpu = <usize>Ctx.get32(ctx, PCPU);
  const used = load<u32>(pcpu + PCPU_SCRATCH, TLB_USED);
  for (let n: u32 = 0; n < <u32>TLB_COUNT; n++) {
    if (!(used >> n & 1)) continue;
    const first = pcpu + <usize>n * TLB_SIZE;
    for (let entry = first; entry < first + TLB_SIZE; entry += TLB_STRIDE) {
      const tag = anyTag(entry);
      if (tag != EMPTY && ((<u32>tag & 0xfffff000) + load<u32>(entry, TLB_ADDEND)) >> 12 == mfn) empty(entry);
    }
  }
}

/** Drops the write tags of frame `mfn` on this pCPU: from now on stores to it take the slow path (it holds translated code). */
export function protectFrame(ctx: usize, mfn: u32): void {
  const at = <usize>FRAME_WRITE_TAGS + (<usize>mfn << 3);
  const noted = <usize>load<u32>(at);
  const second = <usize>load<u32>(at, 4);
  if (noted == 0) return;
  if (noted != WRITE_TAGS_MANY && isOwn(ctx, noted) && (second == 0 || isOwn(ctx, second))) {
    if (letsWrites(noted, mfn)) store<u64>(noted, EMPTY, TLB_WRITE);
    if (second != 0 && letsWrites(second, mfn)) store<u64>(second, EMPTY, TLB_WRITE);
    return;
  }
  const pcpu = <usize>Ctx.get32(ctx, PCPU);
  const used = load<u32>(pcpu + PCPU_SCRATCH, TLB_USED);
  for (let n: u32 = 0; n < <u32>TLB_COUNT; n++) {
    if (!(used >> n & 1)) continue;
    const first = pcpu + <usize>n * TLB_SIZE;
    for (let entry = first; entry < first + TLB_SIZE; entry += TLB_STRIDE) {
      if (letsWrites(entry, mfn)) store<u64>(entry, EMPTY, TLB_WRITE);
    }
  }
}
