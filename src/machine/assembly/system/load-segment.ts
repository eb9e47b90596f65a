/**
 * Loading ES, SS, DS, FS and GS. @see Intel SDM 2B MOV, table of checks; AMD APM 2 4.8.1
 */
import { CPL, SEG_ATTR, SEG_BASE, SEG_LIMIT, SEG_SEL } from '../../layout';
import { raise } from '../exceptions/raise';
import { updateMode } from '../mode';
import {
  ATTR_UNUSABLE, attrOf, baseOf, dplOf, fetchDescriptor, isCode, isConforming, isPresent, isReadable, isWritableData, limitOf, touchDescriptor,
} from './descriptor';
import { cpl, get32, GP, is64, isRealLike, isVm86, NP, set, setSegment, SS, SSF } from './slots';

/** Makes a segment register null: unusable, with the privilege of a stack segment where that counts. */
export function setNull(ctx: usize, seg: i32, selector: u32): void {
  setSegment(ctx, seg, selector, 0, 0, ATTR_UNUSABLE | (seg == SS ? cpl(ctx) << 5 : 0));
}

/** Fills a segment register from a descriptor that passed all checks. */
export function setFromDescriptor(ctx: usize, seg: i32, selector: u32, descriptor: u64): void {
  setSegment(ctx, seg, selector, baseOf(descriptor), limitOf(descriptor), attrOf(descriptor) | 1);
}

/** Real-address and virtual-8086 mode: the base is the selector times 16; real mode keeps limit and size. */
export function setRealSegment(ctx: usize, seg: i32, selector: u32): void {
  set(ctx, SEG_BASE + seg, <u64>selector << 4);
  set(ctx, SEG_SEL + seg, selector);
  if (isVm86(ctx)) {
    set(ctx, SEG_LIMIT + seg, 0xffff);
    set(ctx, SEG_ATTR + seg, 0xf3);
  } else {
    const old = get32(ctx, SEG_ATTR + seg);
    if ((old & ATTR_UNUSABLE) != 0) set(ctx, SEG_LIMIT + seg, 0xffff);
    set(ctx, SEG_ATTR + seg, 0x93 | ((old & ATTR_UNUSABLE) != 0 ? 0 : old & 0xc00));
  }
}

/**
 * Checks a stack selector for privilege `level` and returns its descriptor; raises `vector`(selector) for what is wrong
 * with it and #SS(selector) when it is not present. The caller has dealt with null selectors.
 */
export function checkedStack(ctx: usize, selector: u32, level: u32, vector: i32): u64 {
  const descriptor = fetchDescriptor(ctx, selector, vector);
  const attr = attrOf(descriptor);
  if ((selector & 3) != level || !isWritableData(attr) || dplOf(attr) != level) raise(ctx, vector, true, selector & 0xfffc);
  if (!isPresent(attr)) raise(ctx, SSF, true, selector & 0xfffc);
  return descriptor;
}

/** MOV, POP and the LDS family: loads a data segment register in the current mode, with all checks. */
export function loadSegment(ctx: usize, seg: i32, selector: u32): void {
  if (isRealLike(ctx)) {
    setRealSegment(ctx, seg, selector);
    updateMode(ctx);
    return;
  }
  const level = cpl(ctx);
  if (seg == SS) {
    if ((selector & 0xfffc) == 0) {
      if (!is64(ctx) || level == 3 || (selector & 3) != level) raise(ctx, GP, true, 0);
      setNull(ctx, seg, selector);
      updateMode(ctx);
      return;
    }
    const descriptor = checkedStack(ctx, selector, level, GP);
    touchDescriptor(ctx, selector, descriptor);
    setFromDescriptor(ctx, seg, selector, descriptor);
    updateMode(ctx);
    return;
  }
  if ((selector & 0xfffc) == 0) {
    setNull(ctx, seg, selector);
  } else {
    const descriptor = checkedData(ctx, selector, level, GP);
    touchDescriptor(ctx, selector, descriptor);
    setFromDescriptor(ctx, seg, selector, descriptor);
  }
  // 64-bit code neither looks at these bases nor at their limits in its mode word
  if (!is64(ctx)) updateMode(ctx);
}

/** Checks a data selector (not null) as `level`; raises `vector`(selector), or #NP(selector). */
export function checkedData(ctx: usize, selector: u32, level: u32, vector: i32): u64 {
  const descriptor = fetchDescriptor(ctx, selector, vector);
  const attr = attrOf(descriptor);
  if (!isReadable(attr)) raise(ctx, vector, true, selector & 0xfffc);
  if (!isConforming(attr)) {
    const dpl = dplOf(attr);
    if (level > dpl || (selector & 3) > dpl) raise(ctx, vector, true, selector & 0xfffc);
  }
  if (!isPresent(attr)) raise(ctx, NP, true, selector & 0xfffc);
  return descriptor;
}

/**
 * After a return to a less privileged level: data segments that the new level may not use become null.
 * @see Intel SDM 2A RET, "FOR each of segment register (ES, FS, GS, and DS)"
 */
export function dropPrivilegedSegments(ctx: usize): void {
  const level = get32(ctx, CPL);
  for (let seg = 0; seg < 6; seg++) {
    if (seg == 1 || seg == SS) continue;
    const attr = get32(ctx, SEG_ATTR + seg);
    if ((attr & ATTR_UNUSABLE) != 0) continue;
    if (dplOf(attr) < level && !(isCode(attr) && isConforming(attr))) setNull(ctx, seg, 0);
  }
}
