/**
 * The soft TLB of a pCPU: direct mapped, 4 KiB entries, tags with the address-space number in their low 12 bits.
 *
 * fill() is the only code that makes an offset into `frames`. Non-global entries are listed, so that a CR3 write costs as
 * much as there are of them; regions with larger pages are remembered in two small bitmaps, so that INVLPG of one address
 * finds all entries made from the same page.
 */
import {
  DR0, DR7, FRAME_CODE_BITS, P2M_MFN_MASK, P2M_WRITABLE, PCPU, PCPU_SCRATCH, TLB_ADDEND, TLB_ENTRIES, TLB_EXEC, TLB_FLAGS, TLB_LARGE_1G,
  TLB_LARGE_2M, TLB_LIST, TLB_LIST_COUNT, TLB_READ, TLB_STRIDE, TLB_USED, TLB_WRITE, TLBF_GLOBAL, TLBF_LISTED, VCPU_INDEX, WALK_RIGHTS,
} from "../../layout";
import { Ctx } from "../state";
import { CAN_EXEC, CAN_READ, CAN_WRITE, IS_1G, IS_2M, IS_4M, IS_GLOBAL, VIEW_ALIGN } from "./walk";

const EMPTY: u64 = 0xffffffffffffffff;

/** Address of the entry for linear address `va`. */
@unmanaged
export class Tlb {
  @inline static entry(ctx: usize, va: u64): usize {
    return <usize>load<u32>(ctx + (PCPU << 3)) + ((<usize>(va >> 12) & (TLB_ENTRIES - 1)) << 5);
  }
}

/** First address-space number of this vCPU; the view is added. */
export function asidBase(ctx: usize): u64 {
  return <u64>(((Ctx.get32(ctx, VCPU_INDEX) % 1022) + 1) << 2);
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
 * (slot WALK_RIGHTS). Frames with translated code, p2m read-only pages and clean pages get no write tag.
 */
export function fill(ctx: usize, va: u64, view: u32, p2m: u32): void {
  const rights = Ctx.get32(ctx, WALK_RIGHTS);
  const mfn = p2m & P2M_MFN_MASK;
  const entry = Tlb.entry(ctx, va);
  const tag = (va & ~(<u64>0xfff)) | (asidBase(ctx) + view);
  const data = view != VIEW_ALIGN && !watchedPage(ctx, va);
  const write = data && rights & CAN_WRITE && p2m & P2M_WRITABLE && load<u64>(<usize>FRAME_CODE_BITS + (<usize>mfn << 3)) == 0;
  store<u64>(entry, data && rights & CAN_READ ? tag : EMPTY, TLB_READ);
  store<u64>(entry, write ? tag : EMPTY, TLB_WRITE);
  store<u64>(entry, rights & CAN_EXEC ? tag : EMPTY, TLB_EXEC);
  store<u32>(entry, (mfn << 12) - (<u32>va & 0xfffff000), TLB_ADDEND);
  const scratch = <usize>Ctx.get32(ctx, PCPU) + PCPU_SCRATCH;
  store<u32>(scratch, 1, TLB_USED);
  let flags = load<u32>(entry, TLB_FLAGS) & TLBF_LISTED;
  if (rights & IS_GLOBAL) flags |= TLBF_GLOBAL;
  else if (!flags) {
    const count = load<u32>(scratch, TLB_LIST_COUNT);
    store<u16>(scratch + (<usize>count << 1), <u16>(<u32>(va >> 12) & (TLB_ENTRIES - 1)), TLB_LIST);
    store<u32>(scratch, count + 1, TLB_LIST_COUNT);
    flags = TLBF_LISTED;
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

/** True when the entry belongs to this vCPU (any view). */
function ours(entry: usize, base: u64): bool {
  return (anyTag(entry) & 0xffc) == base;
}

/** Drops every entry of the pCPU, whosever it is. */
export function flushPcpu(ctx: usize): void {
  const pcpu = <usize>Ctx.get32(ctx, PCPU);
  if (load<u32>(pcpu + PCPU_SCRATCH, TLB_USED) == 0) return;
  memory.fill(pcpu, 0xff, TLB_ENTRIES * TLB_STRIDE);
  for (let i: usize = 0; i < <usize>TLB_ENTRIES; i++) store<u32>(pcpu + i * TLB_STRIDE, 0, TLB_FLAGS);
  const scratch = pcpu + PCPU_SCRATCH;
  store<u32>(scratch, 0, TLB_USED);
  store<u32>(scratch, 0, TLB_LIST_COUNT);
  memory.fill(scratch + TLB_LARGE_2M, 0, 128);
  memory.fill(scratch + TLB_LARGE_1G, 0, 128);
}

/** Drops all entries of this vCPU, global ones too (CR0, CR4, EFER changes; p2m changes). */
export function flushAll(ctx: usize): void {
  const base = asidBase(ctx);
  const pcpu = <usize>Ctx.get32(ctx, PCPU);
  for (let i: usize = 0; i < <usize>TLB_ENTRIES; i++) {
    const entry = pcpu + i * TLB_STRIDE;
    if (ours(entry, base)) empty(entry);
  }
}

/** Drops this vCPU's entries that are not global (MOV to CR3). */
export function flushNonGlobal(ctx: usize): void {
  const base = asidBase(ctx);
  const pcpu = <usize>Ctx.get32(ctx, PCPU);
  const scratch = pcpu + PCPU_SCRATCH;
  const count = load<u32>(scratch, TLB_LIST_COUNT);
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const index = load<u16>(scratch + (<usize>i << 1), TLB_LIST);
    const entry = pcpu + <usize>index * TLB_STRIDE;
    const flags = load<u32>(entry, TLB_FLAGS);
    if (flags & TLBF_GLOBAL) {
      store<u32>(entry, TLBF_GLOBAL, TLB_FLAGS);
    } else if (ours(entry, base) || anyTag(entry) == EMPTY) {
      empty(entry);
      store<u32>(entry, 0, TLB_FLAGS);
    } else {
      store<u16>(scratch + (<usize>kept << 1), <u16>index, TLB_LIST);
      kept++;
    }
  }
  store<u32>(scratch, kept, TLB_LIST_COUNT);
}

/** Drops this vCPU's entries for `va`, global or not, with all 4 KiB parts of a larger page around it (INVLPG). */
export function flushPage(ctx: usize, va: u64): void {
  const base = asidBase(ctx);
  const pcpu = <usize>Ctx.get32(ctx, PCPU);
  const scratch = pcpu + PCPU_SCRATCH;
  const bit2 = <u32>(va >> 22) & 1023;
  const bit1 = <u32>(va >> 30) & 1023;
  if (load<u8>(scratch + TLB_LARGE_1G + <usize>(bit1 >> 3)) >> <u8>(bit1 & 7) & 1) {
    flushRange(pcpu, base, va, 30, 0, TLB_ENTRIES);
  } else if (load<u8>(scratch + TLB_LARGE_2M + <usize>(bit2 >> 3)) >> <u8>(bit2 & 7) & 1) {
    flushRange(pcpu, base, va, 22, <usize>(va >> 12) & (TLB_ENTRIES - 1) & ~1023, 1024);
  } else {
    const entry = Tlb.entry(ctx, va);
    if (ours(entry, base) && (anyTag(entry) ^ va) >> 12 == 0) empty(entry);
  }
}

/** Drops entries first..first+count-1 whose address agrees with `va` above bit `shift`. */
function flushRange(pcpu: usize, base: u64, va: u64, shift: u64, first: usize, count: usize): void {
  for (let i = first; i < first + count; i++) {
    const entry = pcpu + i * TLB_STRIDE;
    if (ours(entry, base) && (anyTag(entry) ^ va) >> shift == 0) empty(entry);
  }
}

/** Drops every entry of this pCPU that maps frame `mfn` (page taken away, mapped elsewhere). */
export function flushFrame(ctx: usize, mfn: u32): void {
  const pcpu = <usize>Ctx.get32(ctx, PCPU);
  for (let i: usize = 0; i < <usize>TLB_ENTRIES; i++) {
    const entry = pcpu + i * TLB_STRIDE;
    const tag = anyTag(entry);
    if (tag != EMPTY && ((<u32>tag & 0xfffff000) + load<u32>(entry, TLB_ADDEND)) >> 12 == mfn) empty(entry);
  }
}

/** Drops the write tags of frame `mfn` on this pCPU: from now on stores to it take the slow path (it holds translated code). */
export function protectFrame(ctx: usize, mfn: u32): void {
  const pcpu = <usize>Ctx.get32(ctx, PCPU);
  for (let i: usize = 0; i < <usize>TLB_ENTRIES; i++) {
    const entry = pcpu + i * TLB_STRIDE;
    const tag = load<u64>(entry, TLB_WRITE);
    if (tag != EMPTY && ((<u32>tag & 0xfffff000) + load<u32>(entry, TLB_ADDEND)) >> 12 == mfn) store<u64>(entry, EMPTY, TLB_WRITE);
  }
}
