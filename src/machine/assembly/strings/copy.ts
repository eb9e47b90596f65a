/**
 * MOVS, STOS and LODS. Repeated MOVS and STOS run as bulk copies and fills between the pages that the soft TLB knows;
 * everything else (page ends, other segments, backward, devices, translated code) goes element by element.
 */
import { ASID, ASID_PARANOID, DR7, RAX, RCX, RDI, RSI, TLB_ADDEND, TLB_READ, TLB_WRITE } from '../../layout';
import { copy_within, fill, ld16u, ld32u, ld64, ld8u, st16, st32, st64, st8 } from '../frames';
import { codeWrite } from '../blocks';
import { currentView, R_FAILED, R_MMIO, readSized, resolve, writeSized } from '../memory/access';
import { Tlb } from '../memory/tlb';
import { VIEW_ALIGN, WRITE } from '../memory/walk';
import { Ctx } from '../state';
import { ADDRESS64, allowed, finish, isPlain, linear, mustTrap, nothingToDo, part, retire, setPart, stride } from './element';

const ES = 0;
const NONE: u64 = 0xffffffffffffffff;

/** One element of MOVS, STOS or LODS; everything that may fault comes first. */
function moveOne(ctx: usize, log2: i32, segment: i32, addressSize: i32): void {
  const size: u32 = 1 << log2;
  const from = part(ctx, RSI, addressSize);
  const to = part(ctx, RDI, addressSize);
  const source = linear(ctx, segment, from, size, false);
  const target = linear(ctx, ES, to, size, true);
  writeSized(ctx, target, size, readSized(ctx, source, size));
  const step = <u64>stride(ctx, log2);
  setPart(ctx, RSI, addressSize, from + step);
  setPart(ctx, RDI, addressSize, to + step);
}

function storeOne(ctx: usize, log2: i32, addressSize: i32): void {
  const to = part(ctx, RDI, addressSize);
  writeSized(ctx, linear(ctx, ES, to, 1 << log2, true), 1 << log2, Ctx.get(ctx, RAX));
  setPart(ctx, RDI, addressSize, to + <u64>stride(ctx, log2));
}

function loadOne(ctx: usize, log2: i32, segment: i32, addressSize: i32): void {
  const from = part(ctx, RSI, addressSize);
  const value = readSized(ctx, linear(ctx, segment, from, 1 << log2, false), 1 << log2);
  if (log2 == 0) store<u8>(ctx + (RAX << 3), <u8>value);
  else if (log2 == 1) store<u16>(ctx + (RAX << 3), <u16>value);
  else Ctx.set(ctx, RAX, value);
  setPart(ctx, RSI, addressSize, from + <u64>stride(ctx, log2));
}

/** Frames offset of `va` when the soft TLB allows reading (or writing) there, else NONE. */
function known(ctx: usize, va: u64, write: bool): u64 {
  const entry = Tlb.entry(ctx, va);
  const tag = (va & ~(<u64>0xfff)) | Ctx.get(ctx, ASID);
  if ((write ? load<u64>(entry, TLB_WRITE) : load<u64>(entry, TLB_READ)) != tag) return NONE;
  return <u64>(<u32>va + load<u32>(entry, TLB_ADDEND));
}

/**
 * As known(), for a write of `bytes` bytes in one page: where the soft TLB lets none through for the sake of translated code, that code goes, once and not element by
 * element (throws if it is running). What must be looked at element by element is NONE's.
 */
function writable(ctx: usize, va: u64, bytes: u32): u64 {
  const at = known(ctx, va, true);
  if (at != NONE) return at;
  const view = currentView(ctx);
  if (view == VIEW_ALIGN || Ctx.get32(ctx, DR7) & 0xff || Ctx.get(ctx, ASID) & ASID_PARANOID) return NONE;
  const found = resolve(ctx, va, WRITE, view);
  if (found & (R_FAILED | R_MMIO)) return NONE;
  codeWrite(ctx, <u32>found, bytes);
  return found;
}

/** Whole elements from `va` up to its page's end. */
function room(va: u64, log2: i32): u64 {
  return (4096 - (va & 0xfff)) >> log2;
}

/** Elements that may be done before an index register of this address size wraps. */
function beforeWrap(index: u64, log2: i32, addressSize: i32): u64 {
  if (addressSize == ADDRESS64) return room(index, log2);
  const end: u64 = addressSize == 1 ? 0x100000000 : 0x10000;
  return (end - index) >> log2;
}

/** Forward copy of `count` elements as the instruction defines it: overlapping targets repeat the pattern. */
function copyForward(target: u32, source: u32, count: u32, log2: i32): void {
  const bytes = count << log2;
  const distance = target - source;
  if (distance == 0 || distance >= bytes) {
    copy_within(target, source, bytes);
    return;
  }
  for (let i: u32 = 0; i < bytes; i += 1 << log2) {
    if (log2 == 0) st8(target + i, ld8u(source + i));
    else if (log2 == 1) st16(target + i, ld16u(source + i));
    else if (log2 == 2) st32(target + i, ld32u(source + i));
    else st64(target + i, ld64(source + i));
  }
}

function fillForward(target: u32, value: u64, count: u32, log2: i32): void {
  const byte = value & 0xff;
  const pattern = byte * 0x0101010101010101;
  const mask: u64 = log2 == 3 ? u64.MAX_VALUE : (<u64>1 << (<u64>8 << log2)) - 1;
  if (((value ^ pattern) & mask) == 0) {
    fill(target, <u32>byte, count << log2);
    return;
  }
  const bytes = count << log2;
  for (let i: u32 = 0; i < bytes; i += 1 << log2) {
    if (log2 == 1) st16(target + i, <u32>value);
    else if (log2 == 2) st32(target + i, <u32>value);
    else st64(target + i, value);
  }
}

/** One bulk step of REP MOVS; the number of elements done, 0 when the pages are not at hand. */
function moveMany(ctx: usize, log2: i32, addressSize: i32, most: u64): u64 {
  const from = part(ctx, RSI, addressSize);
  const to = part(ctx, RDI, addressSize);
  const count = min(min(most, min(room(from, log2), room(to, log2))), min(beforeWrap(from, log2, addressSize), beforeWrap(to, log2, addressSize)));
  if (count == 0) return 0;
  const source = known(ctx, from, false);
  if (source == NONE) return 0;
  const target = writable(ctx, to, <u32>count << log2);
  if (target == NONE) return 0;
  copyForward(<u32>target, <u32>source, <u32>count, log2);
  const bytes = count << log2;
  setPart(ctx, RSI, addressSize, from + bytes);
  setPart(ctx, RDI, addressSize, to + bytes);
  return count;
}

function storeMany(ctx: usize, log2: i32, addressSize: i32, most: u64): u64 {
  const to = part(ctx, RDI, addressSize);
  const count = min(most, min(room(to, log2), beforeWrap(to, log2, addressSize)));
  if (count == 0) return 0;
  const target = writable(ctx, to, <u32>count << log2);
  if (target == NONE) return 0;
  fillForward(<u32>target, Ctx.get(ctx, RAX), <u32>count, log2);
  setPart(ctx, RDI, addressSize, to + (count << log2));
  return count;
}

/** Kinds of instruction for repeatMove(). */
const MOVS = 0;
const STOS = 1;
const LODS = 2;

function repeatMove(ctx: usize, kind: i32, log2: i32, segment: i32, addressSize: i32, extra: i64): void {
  if (nothingToDo(ctx, addressSize, extra)) return;
  const bulk = kind != LODS && stride(ctx, log2) > 0 && isPlain(ctx, ES) && (kind == STOS || isPlain(ctx, segment)) && !mustTrap(ctx);
  for (;;) {
    const left = part(ctx, RCX, addressSize);
    if (left == 0) break;
    const most = min(left, allowed(ctx));
    if (most == 0) break;
    if (bulk) {
      const count = kind == MOVS ? moveMany(ctx, log2, addressSize, most) : storeMany(ctx, log2, addressSize, most);
      if (count != 0) {
        retire(ctx, addressSize, count);
        continue;
      }
    }
    if (kind == MOVS) moveOne(ctx, log2, segment, addressSize);
    else if (kind == STOS) storeOne(ctx, log2, addressSize);
    else loadOne(ctx, log2, segment, addressSize);
    retire(ctx, addressSize, 1);
    if (mustTrap(ctx)) break;
  }
  finish(ctx, part(ctx, RCX, addressSize) == 0, extra);
}

export function movs(ctx: usize, log2: i32, repeat: i32, segment: i32, addressSize: i32, extra: i64): void {
  if (repeat != 0) repeatMove(ctx, MOVS, log2, segment, addressSize, extra);
  else moveOne(ctx, log2, segment, addressSize);
}

export function stos(ctx: usize, log2: i32, repeat: i32, addressSize: i32, extra: i64): void {
  if (repeat != 0) repeatMove(ctx, STOS, log2, ES, addressSize, extra);
  else storeOne(ctx, log2, addressSize);
}

export function lods(ctx: usize, log2: i32, repeat: i32, segment: i32, addressSize: i32, extra: i64): void {
  if (repeat != 0) repeatMove(ctx, LODS, log2, segment, addressSize, extra);
  else loadOne(ctx, log2, segment, addressSize);
}
