/**
 * Guest memory for the interpreter's slow path and for the helpers. All take linear addresses; all throw on a fault.
 *
 *   read8..read64, write8..write64     with the rights of the current privilege level
 *   readRmw(ctx, va, size)             a read that demands write permission (first half of a read-modify-write)
 *   read128, write128                  as v128; readLow128 etc. by halves are read64 at va and va + 8
 *   readSys8..64, writeSys8..64        supervisor access whatever the CPL: descriptor tables, TSS
 *   readView / writeView               with a given view (VIEW_*): stacks of another privilege level
 *   probeRead, probeWrite(ctx, va, n)  fault now if a later access of n bytes (n <= 4096) would
 *   translateVa(ctx, va, access)       frames offset, or -1 with EXC, EXC_ERROR, CR2 prepared
 *   resolve(ctx, va, access, view)     does not throw, see below
 *
 * Addresses are cut to 32 bits when the running code is not 64-bit (system accesses: outside long mode).
 * An access that crosses a page resolves both pages before anything is read or written.
 */
import {
  ASID, CPL, CPU_FLAGS, CPU_PARANOID, CR2, CUR_UOP, DEBUG_PENDING, DR0, DR7, EFLAGS_SYS, FRAME_CODE_BITS, MODE, MODE_CODE64, MODE_FLAT, MODE_SIZE_MASK, P2M_WRITABLE, RBP, RSP,
  T0, TEMPS, TLB_ADDEND, TLB_EXEC, TLB_FLAGS, TLB_READ, TLB_WRITE, TLBF_WRITABLE, UOP_A, UOP_B, UOP_D, UOP_IDX, UOP_IMM, UOP_SIZE, WALK_GPA,
} from "../../layout";
import {
  OP_ADD, OP_ADDI, OP_ADDI32, OP_ENTER, OP_F_PUSH64, OP_F_RET64, OP_HINT, OP_HSYS, OP_HVEC, OP_HX87, OP_LD8, OP_LEA, OP_LEA32, OP_MOV, OP_VLD256, OP_VST128, OP_VST256, OP_ZX16, OP_ZX32,
} from "../../ops";
import { V_GATHER, V_MASKLOAD, V_MASKSTORE } from "../../helpers/vec";
import { codeWrite } from "../blocks";
import { check_access } from "../env";
import { AC, GP, PF, raise, setPending, SS } from "../exceptions/raise";
import { ld128, ld16u, ld32u, ld64, ld8u, st128, st16, st32, st64, st8 } from "../frames";
import { Ctx } from "../state";
import { mmioRead, mmioWrite } from "./mmio";
import { frameOffset, isRam, p2mEntry } from "./p2m";
import { asidBase, Spaces } from "./asid";
import { fill, letWrites, Tlb } from "./tlb";
import { READ, VIEW_SMAP, VIEW_ALIGN, VIEW_SUPERVISOR, VIEW_USER, walk, WALK_OK, WRITE } from "./walk";

// results of resolve(): low 32 bits are the frames offset when none of these is set
export const R_MMIO: u64 = 0x100000000; // slot WALK_GPA has the guest-physical address
export const R_FAULT: u64 = 0x200000000; // low 32 bits: page-fault error code
export const R_NONCANONICAL: u64 = 0x400000000;
export const R_FAILED: u64 = R_FAULT | R_NONCANONICAL;

/** View of the current privilege level. */
export function currentView(ctx: usize): u32 {
  return Ctx.get32(ctx, ASID) & 3;
}

/** View of supervisor code, SMAP in force unless RFLAGS.AC is set. */
export function supervisorView(ctx: usize): u32 {
  return Ctx.cr4Has(ctx, 0x200000) && !(Ctx.get32(ctx, EFLAGS_SYS) & 0x40000) ? VIEW_SMAP : VIEW_SUPERVISOR;
}

/** View of implicit accesses to system structures: SMAP in force whatever RFLAGS.AC says. */
function systemView(ctx: usize): u32 {
  return Ctx.cr4Has(ctx, 0x200000) ? VIEW_SMAP : VIEW_SUPERVISOR;
}

/** Cuts an address of the running code to its size. */
function cut(ctx: usize, va: u64): u64 {
  return Ctx.is64(ctx) ? va : va & 0xffffffff;
}

function cutSys(ctx: usize, va: u64): u64 {
  return Ctx.isLong(ctx) ? va : va & 0xffffffff;
}

/**
 * Finds the byte at `va` for `access` of `view`, filling the soft TLB: its frames offset, or one of the R_ results.
 * Throws nothing and changes nothing but the TLB and accessed and dirty bits.
 */
export function resolve(ctx: usize, va: u64, access: u32, view: u32): u64 {
  const result = find(ctx, va, access, view);
  if (Ctx.get32(ctx, CPU_FLAGS) & CPU_PARANOID) check_access(ctx, <u32>va, <u32>(va >> 32), access, view, <u32>result, <u32>(result >> 32));
  return result;
}

function find(ctx: usize, va: u64, access: u32, view: u32): u64 {
  Spaces.claim(ctx);
  const entry = Tlb.entryOf(ctx, va, view);
  const tag = (va & ~(<u64>0xfff)) | (asidBase(ctx, view) + view);
  const have = access == READ ? load<u64>(entry, TLB_READ) : access == WRITE ? load<u64>(entry, TLB_WRITE) : load<u64>(entry, TLB_EXEC);
  if (have == tag) return <u64>(<u32>va + load<u32>(entry, TLB_ADDEND));
  if (access == WRITE && load<u64>(entry, TLB_READ) == tag && load<u32>(entry, TLB_FLAGS) & TLBF_WRITABLE) return <u64>letWrites(ctx, entry, va);
  if (!Ctx.isCanonical(va)) return R_NONCANONICAL;
  const code = walk(ctx, va, access, view == VIEW_ALIGN ? VIEW_USER : view);
  if (code != WALK_OK) return R_FAULT | <u64>code;
  const gpa = Ctx.get(ctx, WALK_GPA);
  const p2m = p2mEntry(ctx, gpa);
  if (!isRam(p2m) || (access == WRITE && !(p2m & P2M_WRITABLE))) return R_MMIO;
  fill(ctx, va, access, view, p2m);
  return <u64>frameOffset(p2m, gpa);
}

function keepsBase(op: i32): bool {
  return op == OP_LEA || op == OP_LEA32 || op == OP_ADDI || op == OP_ADDI32 || op == OP_ADD || op == OP_ZX16 || op == OP_ZX32 || op == OP_MOV;
}

/** Slot `slot`, as it is before the micro-op at `uop`, is RSP or RBP, or was computed from one of them as base by the same instruction. */
function fromStackPointer(uop: usize, slot: i32): bool {
  const idx = load<u8>(uop, UOP_IDX);
  while (slot != RSP && slot != RBP) {
    if (slot < T0 || slot >= T0 + TEMPS) return false;
    uop -= UOP_SIZE;
    const op = load<u16>(uop);
    if (load<u8>(uop, UOP_IDX) != idx || op == OP_ENTER) return false;
    if (load<u8>(uop, UOP_D) != slot) continue;
    // bit strings: the base is the second
    if (op == OP_ADD && fromStackPointer(uop, load<u8>(uop, UOP_B))) return true;
    if (keepsBase(op)) slot = load<u8>(uop, UOP_A);
  }
  return true;
}

/** The address is formed with RSP or RBP by the running instruction: a non-canonical one gives #SS. */
function isStackAccess(ctx: usize): bool {
  const uop = <usize>Ctx.get32(ctx, CUR_UOP);
  if (uop == 0) return false;
  const op = <i32>load<u16>(uop);
  if (op >= OP_F_PUSH64 && op <= OP_F_RET64) return true;
  if ((op >= OP_LD8 && op <= OP_VST128) || op == OP_VLD256 || op == OP_VST256) return fromStackPointer(uop, load<u8>(uop, UOP_A));
  // where helpers that make the access themselves have the address
  if (op == OP_HVEC) {
    const helper = load<u32>(uop, UOP_IMM) & 0xffff;
    if (helper == V_MASKLOAD || helper == V_MASKSTORE || helper == V_GATHER) return fromStackPointer(uop, load<u8>(uop, UOP_B));
  }
  return (op == OP_HX87 || op == OP_HVEC || op == OP_HSYS || op == OP_HINT) && fromStackPointer(uop, load<u8>(uop, UOP_A));
}

/** Prepares the exception of a failed resolve(); the caller throws. */
export function prepareFault(ctx: usize, va: u64, result: u64): void {
  if (result & R_NONCANONICAL) setPending(ctx, isStackAccess(ctx) ? SS : GP, true, 0);
  else {
    Ctx.set(ctx, CR2, va);
    setPending(ctx, PF, true, <u32>result);
  }
}

function raiseFault(ctx: usize, va: u64, result: u64): void {
  if (result & R_NONCANONICAL) raise(ctx, isStackAccess(ctx) ? SS : GP, true, 0);
  else {
    Ctx.set(ctx, CR2, va);
    raise(ctx, PF, true, <u32>result);
  }
}

/** resolve() that throws; R_MMIO is still the caller's. */
function mustResolve(ctx: usize, va: u64, access: u32, view: u32): u64 {
  const result = resolve(ctx, va, access, view);
  if (result & R_FAILED) raiseFault(ctx, va, result);
  return result;
}

/** Notes data breakpoints that [va, va + size) touches; the trap comes after the instruction. */
function watch(ctx: usize, va: u64, size: u32, access: u32): void {
  const dr7 = Ctx.get32(ctx, DR7);
  for (let i: u32 = 0; i < 4; i++) {
    const kind = dr7 >> (16 + (i << 2)) & 3;
    if (!(dr7 >> (i << 1) & 3) || !(kind == 3 || (kind == 1 && access == WRITE))) continue;
    const code = dr7 >> (18 + (i << 2)) & 3;
    const length: u64 = code == 2 ? 8 : <u64>code + 1;
    const start = Ctx.get(ctx, DR0 + i) & ~(length - 1);
    if (va < start + length && start < va + size) Ctx.set(ctx, DEBUG_PENDING, Ctx.get(ctx, DEBUG_PENDING) | (1 << i));
  }
}

function loadPart(ctx: usize, at: u64, gpa: u64, size: u32): u64 {
  if (at & R_MMIO) return mmioRead(ctx, gpa, size);
  const offset = <u32>at;
  if (size == 1) return <u64>ld8u(offset);
  if (size == 2) return <u64>ld16u(offset);
  if (size == 4) return <u64>ld32u(offset);
  return ld64(offset);
}

function storePart(ctx: usize, at: u64, gpa: u64, size: u32, value: u64): void {
  if (at & R_MMIO) {
    mmioWrite(ctx, gpa, size, value);
    return;
  }
  const offset = <u32>at;
  if (size == 1) st8(offset, <u32>value);
  else if (size == 2) st16(offset, <u32>value);
  else if (size == 4) st32(offset, <u32>value);
  else st64(offset, value);
}

/** Second page's first byte, for an access at `va` that crosses. */
function nextPage(va: u64, wide: bool): u64 {
  const next = (va | 0xfff) + 1;
  return wide ? next : next & 0xffffffff;
}

/** The next page's first byte, or a fault: an access that leaves the canonical addresses, or flat segments at 4 GiB, is #GP whatever its first page holds. */
function canonicalNext(ctx: usize, va: u64, wide: bool): u64 {
  const va2 = nextPage(va, wide);
  const mode = Ctx.get32(ctx, MODE);
  const wraps = va2 == 0 && (mode & MODE_SIZE_MASK) != MODE_CODE64 && (mode & MODE_FLAT) != 0;
  if (wide ? !Ctx.isCanonical(va2) : wraps) raiseFault(ctx, va, R_NONCANONICAL);
  return va2;
}

/** #AC(0) for a misaligned access of a user who asked for it. */
function checkAlignment(ctx: usize, va: u64, size: u32, view: u32): void {
  if (view == VIEW_ALIGN && va & <u64>(size - 1) && Ctx.isCanonical(va)) raise(ctx, AC, true, 0);
}

/** Any size up to 8; `va` already cut; `access` READ or WRITE (for read-modify-write). */
export function readView(ctx: usize, va: u64, size: u32, access: u32, view: u32, wide: bool): u64 {
  checkAlignment(ctx, va, size, view);
  if (Ctx.get32(ctx, DR7) & 0xff) {
    mustResolve(ctx, va, access, view);
    watch(ctx, va, size, access);
  }
  const first: u32 = 4096 - (<u32>va & 0xfff);
  if (size <= first) {
    const at = mustResolve(ctx, va, access, view);
    return loadPart(ctx, at, Ctx.get(ctx, WALK_GPA), size);
  }
  const va2 = canonicalNext(ctx, va, wide);
  const at1 = mustResolve(ctx, va, access, view);
  const gpa1 = Ctx.get(ctx, WALK_GPA);
  const at2 = mustResolve(ctx, va2, access, view);
  const gpa2 = Ctx.get(ctx, WALK_GPA);
  let value: u64 = 0;
  for (let i: u32 = 0; i < size; i++) {
    const byte = i < first ? loadPart(ctx, at1 + i, gpa1 + i, 1) : loadPart(ctx, at2 + (i - first), gpa2 + (i - first), 1);
    value |= (byte & 0xff) << (<u64>i << 3);
  }
  return value;
}

/** Any size up to 8; `va` already cut. Drops translated code that is overwritten. */
export function writeView(ctx: usize, va: u64, size: u32, value: u64, view: u32, wide: bool): void {
  checkAlignment(ctx, va, size, view);
  if (Ctx.get32(ctx, DR7) & 0xff) {
    mustResolve(ctx, va, WRITE, view);
    watch(ctx, va, size, WRITE);
  }
  const first: u32 = 4096 - (<u32>va & 0xfff);
  if (size <= first) {
    const at = mustResolve(ctx, va, WRITE, view);
    if (!(at & R_MMIO) && load<u64>(<usize>FRAME_CODE_BITS + (<usize>(<u32>at >> 12) << 3)) != 0) codeWrite(ctx, <u32>at, size);
    storePart(ctx, at, Ctx.get(ctx, WALK_GPA), size, value);
    return;
  }
  const va2 = canonicalNext(ctx, va, wide);
  const at1 = mustResolve(ctx, va, WRITE, view);
  const gpa1 = Ctx.get(ctx, WALK_GPA);
  const at2 = mustResolve(ctx, va2, WRITE, view);
  const gpa2 = Ctx.get(ctx, WALK_GPA);
  if (!(at1 & R_MMIO)) codeWrite(ctx, <u32>at1, first);
  if (!(at2 & R_MMIO)) codeWrite(ctx, <u32>at2, size - first);
  for (let i: u32 = 0; i < size; i++) {
    const byte = value >> (<u64>i << 3) & 0xff;
    if (i < first) storePart(ctx, at1 + i, gpa1 + i, 1, byte);
    else storePart(ctx, at2 + (i - first), gpa2 + (i - first), 1, byte);
  }
}

/** Slow path of loads. */
export function slowRead(ctx: usize, va: u64, size: u32, access: u32): u64 {
  const wide = Ctx.is64(ctx);
  return readView(ctx, wide ? va : va & 0xffffffff, size, access, currentView(ctx), wide);
}

/** Slow path of stores. */
export function slowWrite(ctx: usize, va: u64, size: u32, value: u64): void {
  const wide = Ctx.is64(ctx);
  writeView(ctx, wide ? va : va & 0xffffffff, size, value, currentView(ctx), wide);
}

/** Soft-TLB hits, to be inlined; `last` = size - 1 (an access that crosses a page misses). */
@unmanaged
export class Fast {
  @inline static readHit(ctx: usize, va: u64, last: u64, entry: usize): bool {
    return load<u64>(entry, TLB_READ) == (((va + last) & ~(<u64>0xfff)) | load<u64>(ctx + (ASID << 3)));
  }
  @inline static writeHit(ctx: usize, va: u64, last: u64, entry: usize): bool {
    return load<u64>(entry, TLB_WRITE) == (((va + last) & ~(<u64>0xfff)) | load<u64>(ctx + (ASID << 3)));
  }
  @inline static offset(va: u64, entry: usize): u32 {
    return <u32>va + load<u32>(entry, TLB_ADDEND);
  }
}

export function read8(ctx: usize, va: u64): u64 {
  const entry = Tlb.entry(ctx, va);
  return Fast.readHit(ctx, va, 0, entry) ? <u64>ld8u(Fast.offset(va, entry)) : slowRead(ctx, va, 1, READ);
}

export function read16(ctx: usize, va: u64): u64 {
  const entry = Tlb.entry(ctx, va);
  return Fast.readHit(ctx, va, 1, entry) ? <u64>ld16u(Fast.offset(va, entry)) : slowRead(ctx, va, 2, READ);
}

export function read32(ctx: usize, va: u64): u64 {
  const entry = Tlb.entry(ctx, va);
  return Fast.readHit(ctx, va, 3, entry) ? <u64>ld32u(Fast.offset(va, entry)) : slowRead(ctx, va, 4, READ);
}

export function read64(ctx: usize, va: u64): u64 {
  const entry = Tlb.entry(ctx, va);
  return Fast.readHit(ctx, va, 7, entry) ? ld64(Fast.offset(va, entry)) : slowRead(ctx, va, 8, READ);
}

export function write8(ctx: usize, va: u64, value: u64): void {
  const entry = Tlb.entry(ctx, va);
  if (Fast.writeHit(ctx, va, 0, entry)) st8(Fast.offset(va, entry), <u32>value);
  else slowWrite(ctx, va, 1, value);
}

export function write16(ctx: usize, va: u64, value: u64): void {
  const entry = Tlb.entry(ctx, va);
  if (Fast.writeHit(ctx, va, 1, entry)) st16(Fast.offset(va, entry), <u32>value);
  else slowWrite(ctx, va, 2, value);
}

export function write32(ctx: usize, va: u64, value: u64): void {
  const entry = Tlb.entry(ctx, va);
  if (Fast.writeHit(ctx, va, 3, entry)) st32(Fast.offset(va, entry), <u32>value);
  else slowWrite(ctx, va, 4, value);
}

export function write64(ctx: usize, va: u64, value: u64): void {
  const entry = Tlb.entry(ctx, va);
  if (Fast.writeHit(ctx, va, 7, entry)) st64(Fast.offset(va, entry), value);
  else slowWrite(ctx, va, 8, value);
}

/** 1, 2, 4 or 8 bytes; demands write permission. */
export function readRmw(ctx: usize, va: u64, size: u32): u64 {
  return slowRead(ctx, va, size, WRITE);
}

/** 1, 2, 4 or 8 bytes, zero-extended. */
export function readSized(ctx: usize, va: u64, size: u32): u64 {
  return size == 8 ? read64(ctx, va) : size == 4 ? read32(ctx, va) : size == 2 ? read16(ctx, va) : read8(ctx, va);
}

/** readSized() without #AC, whatever the alignment (gathers). */
export function readUnaligned(ctx: usize, va: u64, size: u32): u64 {
  const view = currentView(ctx);
  return view == VIEW_ALIGN ? readView(ctx, cut(ctx, va), size, READ, VIEW_USER, Ctx.is64(ctx)) : readSized(ctx, va, size);
}

export function writeSized(ctx: usize, va: u64, size: u32, value: u64): void {
  if (size == 8) write64(ctx, va, value);
  else if (size == 4) write32(ctx, va, value);
  else if (size == 2) write16(ctx, va, value);
  else write8(ctx, va, value);
}

export function read128(ctx: usize, va: u64): v128 {
  const entry = Tlb.entry(ctx, va);
  if (Fast.readHit(ctx, va, 15, entry)) return ld128(Fast.offset(va, entry));
  checkAlignment(ctx, cut(ctx, va), 16, currentView(ctx));
  probeRead(ctx, va, 16);
  const low = slowRead(ctx, va, 8, READ);
  const high = slowRead(ctx, va + 8, 8, READ);
  return i64x2.replace_lane(i64x2.splat(low), 1, high);
}

export function write128(ctx: usize, va: u64, value: v128): void {
  const entry = Tlb.entry(ctx, va);
  if (Fast.writeHit(ctx, va, 15, entry)) {
    st128(Fast.offset(va, entry), value);
    return;
  }
  checkAlignment(ctx, cut(ctx, va), 16, currentView(ctx));
  probeWrite(ctx, va, 16);
  slowWrite(ctx, va, 8, i64x2.extract_lane(value, 0));
  slowWrite(ctx, va + 8, 8, i64x2.extract_lane(value, 1));
}

/** 32 bytes at `va` to or from `state`, all of them or a fault. */
export function load256(ctx: usize, va: u64, to: usize): void {
  probeRead(ctx, va, 32);
  const low = read128(ctx, va);
  const high = read128(ctx, va + 16);
  v128.store(to, low);
  v128.store(to, high, 16);
}

export function store256(ctx: usize, va: u64, from: usize): void {
  probeWrite(ctx, va, 32);
  write128(ctx, va, v128.load(from));
  write128(ctx, va + 16, v128.load(from, 16));
}

export function readSys8(ctx: usize, va: u64): u64 {
  return readView(ctx, cutSys(ctx, va), 1, READ, systemView(ctx), Ctx.isLong(ctx));
}

export function readSys16(ctx: usize, va: u64): u64 {
  return readView(ctx, cutSys(ctx, va), 2, READ, systemView(ctx), Ctx.isLong(ctx));
}

export function readSys32(ctx: usize, va: u64): u64 {
  return readView(ctx, cutSys(ctx, va), 4, READ, systemView(ctx), Ctx.isLong(ctx));
}

export function readSys64(ctx: usize, va: u64): u64 {
  const at = cutSys(ctx, va);
  const view = systemView(ctx);
  // descriptors, of which an IRET reads two
  const entry = Tlb.entry(ctx, at);
  if (view == currentView(ctx) && Fast.readHit(ctx, at, 7, entry)) return ld64(Fast.offset(at, entry));
  return readView(ctx, at, 8, READ, view, Ctx.isLong(ctx));
}

export function writeSys8(ctx: usize, va: u64, value: u64): void {
  writeView(ctx, cutSys(ctx, va), 1, value, systemView(ctx), Ctx.isLong(ctx));
}

export function writeSys16(ctx: usize, va: u64, value: u64): void {
  writeView(ctx, cutSys(ctx, va), 2, value, systemView(ctx), Ctx.isLong(ctx));
}

export function writeSys32(ctx: usize, va: u64, value: u64): void {
  writeView(ctx, cutSys(ctx, va), 4, value, systemView(ctx), Ctx.isLong(ctx));
}

export function writeSys64(ctx: usize, va: u64, value: u64): void {
  writeView(ctx, cutSys(ctx, va), 8, value, systemView(ctx), Ctx.isLong(ctx));
}

/** Faults now if a later access by `view` to any of `size` bytes (at most 4096) would. `va` already cut. */
export function probeView(ctx: usize, va: u64, size: u32, access: u32, view: u32, wide: bool): void {
  // one operand, not a whole image
  if (size <= 16 && (size & (size - 1)) == 0) checkAlignment(ctx, va, size < 8 ? size : 8, view);
  const first: u32 = 4096 - (<u32>va & 0xfff);
  const va2 = size > first ? canonicalNext(ctx, va, wide) : 0;
  const at = mustResolve(ctx, va, access, view);
  if (size > first) {
    const at2 = mustResolve(ctx, va2, access, view);
    if (access == WRITE && !(at2 & R_MMIO)) codeWrite(ctx, <u32>at2, size - first);
  }
  if (access == WRITE && !(at & R_MMIO)) codeWrite(ctx, <u32>at, size < first ? size : first);
}

/** Faults now if a later read of `size` bytes would. */
export function probeRead(ctx: usize, va: u64, size: u32): void {
  probeView(ctx, cut(ctx, va), size, READ, currentView(ctx), Ctx.is64(ctx));
}

/** Faults now if a later write of `size` bytes would; also gives up translated code there, so that the write itself cannot throw. */
export function probeWrite(ctx: usize, va: u64, size: u32): void {
  probeView(ctx, cut(ctx, va), size, WRITE, currentView(ctx), Ctx.is64(ctx));
}

/** Frames offset of `va` for the current privilege level, or -1 with the exception prepared in EXC, EXC_ERROR and CR2 (or an EXIT_MMIO: EXC = 0). */
export function translateVa(ctx: usize, va: u64, access: u32): i64 {
  const result = resolve(ctx, cut(ctx, va), access, currentView(ctx));
  if (result & R_FAILED) {
    prepareFault(ctx, va, result);
    return -1;
  }
  return result & R_MMIO ? -1 : <i64>result;
}
