/**
 * Far JMP and far CALL: code segments, call gates with their stack switch, TSS and task gates.
 * Nothing of the vCPU changes before the last possible fault. @see Intel SDM 2A CALL, 2A JMP, 3A 5.8; AMD APM 2 4.11
 */
import { RIP, RSP, SEG_SEL, TR_BASE, TR_LIMIT, TR_SEL, TR_ATTR } from '../../layout';
import { raise } from '../exceptions/raise';
import { readSys16, readSys32, readSys64, supervisorView, writeView } from '../memory/access';
import { updateMode } from '../mode';
import { checkCodeType, checkDirectCode, checkRealTarget, checkTarget, setCode } from './code-segment';
import {
  ATTR_LONG, attrOf, baseOf, dplOf, fetchDescriptor, fetchUpper, isConforming, isPresent, isSystem, isWritableData, limitOf, touchDescriptor,
} from './descriptor';
import { setFromDescriptor, setNull, setRealSegment } from './load-segment';
import { readStack, setStackPointer, stackAddress, stackWidth, stackWidthFor, widthOf, wrapStack, writeStackOf } from './stack';
import { BY_CALL, BY_JMP, taskGate, taskSwitch } from './task-switch';
import { cpl, CS, get, get32, GP, isCanonical, isLong, isRealLike, nextRip, NP, set, SS, SSF, truncate, TS } from './slots';

/** System descriptor types. */
const TYPE_TSS16: u32 = 1;
const TYPE_CALL_GATE16: u32 = 4;
const TYPE_TASK_GATE: u32 = 5;
const TYPE_TSS32: u32 = 9;
const TYPE_CALL_GATE32: u32 = 12;

export function farJump(ctx: usize, selector: u32, offset: u64, size: i32, next: i32): void {
  farTransfer(ctx, selector & 0xffff, truncate(offset, size), size, next, false);
}

export function farCall(ctx: usize, selector: u32, offset: u64, size: i32, next: i32): void {
  farTransfer(ctx, selector & 0xffff, truncate(offset, size), size, next, true);
}

function farTransfer(ctx: usize, selector: u32, offset: u64, size: i32, next: i32, call: bool): void {
  if (isRealLike(ctx)) {
    checkRealTarget(ctx, offset);
    if (call) pushReturn(ctx, size, next, stackWidth(ctx));
    setRealSegment(ctx, CS, selector);
    set(ctx, RIP, offset);
    updateMode(ctx);
    return;
  }
  if ((selector & 0xfffc) == 0) raise(ctx, GP, true, 0);
  const descriptor = fetchDescriptor(ctx, selector, GP);
  const attr = attrOf(descriptor);
  if (isSystem(attr)) {
    systemTransfer(ctx, selector, descriptor, next, call);
    return;
  }
  const level = cpl(ctx);
  checkDirectCode(ctx, selector, descriptor, level);
  checkTarget(ctx, offset, descriptor);
  touchDescriptor(ctx, selector, descriptor);
  if (call) pushReturn(ctx, size, next, stackWidthFor(ctx, attr));
  setCode(ctx, selector, descriptor, level);
  set(ctx, RIP, offset);
  updateMode(ctx);
}

/** Pushes CS and the return address on the current stack, which counts as one of `width`: that of the code that is entered. */
function pushReturn(ctx: usize, size: i32, next: i32, width: i32): void {
  const sp = get(ctx, RSP);
  writeStackOf(ctx, sp - <u64>size, size, get(ctx, SEG_SEL + CS), width);
  writeStackOf(ctx, sp - <u64>(2 * size), size, nextRip(ctx, next), width);
  setStackPointer(ctx, sp - <u64>(2 * size), width);
}

function systemTransfer(ctx: usize, selector: u32, descriptor: u64, next: i32, call: bool): void {
  const attr = attrOf(descriptor);
  const type = attr & 15;
  const long = isLong(ctx);
  const error = selector & 0xfffc;
  const known = type == TYPE_CALL_GATE32 || (!long && (type == TYPE_CALL_GATE16 || type == TYPE_TASK_GATE || type == TYPE_TSS16 || type == TYPE_TSS32));
  if (!known) raise(ctx, GP, true, error);
  const level = cpl(ctx);
  if (dplOf(attr) < level || dplOf(attr) < (selector & 3)) raise(ctx, GP, true, error);
  if (type == TYPE_TSS16 || type == TYPE_TSS32) {
    if ((selector & 4) != 0) raise(ctx, GP, true, error);
    if (!isPresent(attr)) raise(ctx, NP, true, error);
    taskSwitch(ctx, selector, call ? BY_CALL : BY_JMP, nextRip(ctx, next), false, 0, 0);
    return;
  }
  if (!isPresent(attr)) raise(ctx, NP, true, error);
  if (type == TYPE_TASK_GATE) {
    taskGate(ctx, <u32>(descriptor >> 16) & 0xffff, call ? BY_CALL : BY_JMP, nextRip(ctx, next), false, 0, 0);
    return;
  }
  callGate(ctx, selector, descriptor, type, next, call);
}

function callGate(ctx: usize, gateSelector: u32, gate: u64, type: u32, next: i32, call: bool): void {
  const long = isLong(ctx);
  const level = cpl(ctx);
  let offset = (gate & 0xffff) | (type == TYPE_CALL_GATE32 ? (gate >> 32) & 0xffff0000 : 0);
  if (long) {
    const upper = fetchUpper(ctx, gateSelector, GP);
    if ((upper & 0x1f0000000000) != 0) raise(ctx, GP, true, gateSelector & 0xfffc);
    offset |= upper << 32;
  }
  const selector = <u32>(gate >> 16) & 0xffff;
  const error = selector & 0xfffc;
  if (error == 0) raise(ctx, GP, true, 0);
  const descriptor = fetchDescriptor(ctx, selector, GP);
  const attr = attrOf(descriptor);
  const dpl = dplOf(attr);
  checkCodeType(ctx, selector, attr, GP);
  if (long && (attr & ATTR_LONG) == 0) raise(ctx, GP, true, error);
  const conforming = isConforming(attr);
  if (dpl > level || (!call && !conforming && dpl != level)) raise(ctx, GP, true, error);
  if (!isPresent(attr)) raise(ctx, NP, true, error);
  if (call && !conforming && dpl < level) {
    callInner(ctx, gate, type, selector, descriptor, dpl, offset, next);
    return;
  }
  checkTarget(ctx, offset, descriptor);
  touchDescriptor(ctx, selector, descriptor);
  if (call) pushReturn(ctx, long ? 8 : type == TYPE_CALL_GATE32 ? 4 : 2, next, stackWidthFor(ctx, attr));
  setCode(ctx, selector, descriptor, level);
  set(ctx, RIP, offset);
  updateMode(ctx);
}

/** Offset in the TSS of the stack pointer for `level`; #TS(TR) when it lies outside. `bytes` must be there from it. */
function tssStackOffset(ctx: usize, level: u32, wide: bool, long: bool): u32 {
  const offset: u32 = long ? 4 + 8 * level : wide ? 4 + 8 * level : 2 + 4 * level;
  const bytes: u32 = long ? 8 : wide ? 6 : 4;
  if (offset + bytes - 1 > get32(ctx, TR_LIMIT)) raise(ctx, TS, true, get32(ctx, TR_SEL) & 0xfffc);
  return offset;
}

/** Eight bytes on the new stack of a long-mode call gate, which is a supervisor's. */
function pushInner(ctx: usize, sp: u64, value: u64): void {
  writeView(ctx, stackAddress(ctx, sp, 8, 8, 0, 0, 0, 0), 8, value, supervisorView(ctx), true);
}

function callInner(ctx: usize, gate: u64, type: u32, selector: u32, descriptor: u64, level: u32, offset: u64, next: i32): void {
  const oldSp = get(ctx, RSP);
  const oldSs = get(ctx, SEG_SEL + SS);
  const oldCs = get(ctx, SEG_SEL + CS);
  const rip = nextRip(ctx, next);
  const tss = get(ctx, TR_BASE);
  if (isLong(ctx)) {
    const sp = readSys64(ctx, tss + <u64>tssStackOffset(ctx, level, true, true));
    if (!isCanonical(sp)) raise(ctx, SSF, true, 0);
    checkTarget(ctx, offset, descriptor);
    touchDescriptor(ctx, selector, descriptor);
    pushInner(ctx, sp - 8, oldSs);
    pushInner(ctx, sp - 16, oldSp);
    pushInner(ctx, sp - 24, oldCs);
    pushInner(ctx, sp - 32, rip);
    setCode(ctx, selector, descriptor, level);
    setNull(ctx, SS, level);
    set(ctx, RSP, sp - 32);
    set(ctx, RIP, offset);
    updateMode(ctx);
    return;
  }
  const wide = (get32(ctx, TR_ATTR) & 8) != 0;
  const at = tss + <u64>tssStackOffset(ctx, level, wide, false);
  const sp = wide ? readSys32(ctx, at) : readSys16(ctx, at);
  const ss = <u32>readSys16(ctx, at + (wide ? 4 : 2));
  const error = ss & 0xfffc;
  if (error == 0) raise(ctx, TS, true, 0);
  const stack = fetchDescriptor(ctx, ss, TS);
  const attr = attrOf(stack);
  if ((ss & 3) != level || dplOf(attr) != level || !isWritableData(attr)) raise(ctx, TS, true, error);
  if (!isPresent(attr)) raise(ctx, SSF, true, error);
  checkTarget(ctx, offset, descriptor);
  const size = type == TYPE_CALL_GATE32 ? 4 : 2;
  const count = <i32>(gate >> 32) & 31;
  const width = widthOf(attr);
  const base = baseOf(stack);
  const limit = limitOf(stack);
  // the pushes in the order of the manual; parameters keep their order
  let to = sp;
  for (let i = 0; i < 4 + count; i++) {
    const value: u64 =
      i == 0 ? oldSs : i == 1 ? oldSp
        : i < 2 + count ? readStack(ctx, oldSp + <u64>((count - 1 - (i - 2)) * size), size)
        : i == 2 + count ? oldCs : rip;
    to = wrapStack(to - <u64>size, width);
    const va = stackAddress(ctx, to, size, width, base, limit, attr, error);
    // a call gate never leads to level 3, so this is a supervisor's stack
    writeView(ctx, va, size, value, supervisorView(ctx), false);
  }
  touchDescriptor(ctx, selector, descriptor);
  touchDescriptor(ctx, ss, stack);
  setCode(ctx, selector, descriptor, level);
  setFromDescriptor(ctx, SS, ss, stack);
  set(ctx, RSP, sp);
  setStackPointer(ctx, to, width);
  set(ctx, RIP, offset);
  updateMode(ctx);
}
