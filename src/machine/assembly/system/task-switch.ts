/**
 * Hardware task switches with 16- and 32-bit TSSs. The new TSS is read and the old one written before the vCPU changes;
 * what is wrong with the new task's segments is raised in the new task. @see Intel SDM 3A 8.3; AMD APM 2 12.3
 */
import {
  CPL, CR0, CR3, CTX_SCRATCH, CUR_UOP, DR6, DR7, LDTR_ATTR, LDTR_BASE, LDTR_LIMIT, LDTR_SEL, RIP, SEG_LIMIT, SEG_SEL, TR_ATTR, TR_BASE, TR_LIMIT,
  TR_SEL,
} from '../../layout';
import { raise, raiseDbTrap } from '../exceptions/raise';
import { probeView, readSys16, readSys64, supervisorView, writeSys16, writeSys32 } from '../memory/access';
import { WRITE } from '../memory/walk';
import { flushNonGlobal } from '../memory/tlb';
import { updateMode } from '../mode';
import {
  ATTR_UNUSABLE, attrOf, baseOf, descriptorAddress, dplOf, fetchDescriptor, isCode, isConforming, isPresent, limitOf, setBusy, touchDescriptor,
} from './descriptor';
import { readFlags, writeFlags } from './flags-register';
import { checkedData, checkedStack, setFromDescriptor, setRealSegment } from './load-segment';
import { setCode } from './code-segment';
import { setStackPointer, stackWidth, writeStack } from './stack';
import { CS, get, get32, GP, isVm86, NP, set, setSegment, SS, TS } from './slots';

/** What caused a task switch. */
export const BY_JMP = 0;
export const BY_CALL = 1;
export const BY_IRET = 2;
/** Exception or interrupt through a task gate. */
export const BY_GATE = 3;

const NT: u32 = 0x4000;
const VM: u32 = 0x20000;
/** The 104 bytes of the new task, copied before anything is changed. */
const IMAGE: usize = CTX_SCRATCH + 0x900;

/**
 * Switches to the task of TSS selector `selector`, whose descriptor passed the caller's checks (table, type, presence).
 * `rip` is what the old task saves; `error` is pushed on the new stack when `hasError`; `ext` is 1 for external events.
 */
export function taskSwitch(ctx: usize, selector: u32, by: i32, rip: u64, hasError: bool, error: u32, ext: u32): void {
  const descriptor = fetchDescriptor(ctx, selector, TS);
  const attr = attrOf(descriptor);
  const wide = (attr & 8) != 0;
  const base = baseOf(descriptor);
  const limit = limitOf(descriptor);
  if (limit < <u32>(wide ? 0x67 : 0x2b)) raise(ctx, TS, true, (selector & 0xfffc) | ext);

  const image = ctx + IMAGE;
  const bytes = wide ? 104 : 44;
  for (let i = 0; i < bytes; i += 2) store<u16>(image + <usize>i, <u16>readSys16(ctx, base + <u64>i));

  const oldBase = get(ctx, TR_BASE);
  const oldWide = (get32(ctx, TR_ATTR) & 8) != 0;
  const oldSelector = get32(ctx, TR_SEL);
  const nested = by == BY_CALL || by == BY_GATE;
  probeSys(ctx, oldBase + (oldWide ? 0x20 : 0x0e), oldWide ? 0x40 : 0x1c);
  if (nested) probeSys(ctx, base, 2);
  probeSys(ctx, descriptorAddress(ctx, selector, 8) + 5, 1);

  let oldFlags = readFlags(ctx);
  if (by == BY_IRET) oldFlags &= ~NT;
  if (!nested) setBusy(ctx, oldSelector, false);
  saveTask(ctx, oldBase, oldWide, rip, oldFlags);
  if (nested) writeSys16(ctx, base, oldSelector);
  if (by != BY_IRET) setBusy(ctx, selector, true);

  // from here on everything happens in the new task: an exception has its RIP
  set(ctx, CUR_UOP, 0);
  set(ctx, TR_SEL, selector);
  set(ctx, TR_BASE, base);
  set(ctx, TR_LIMIT, limit);
  set(ctx, TR_ATTR, attr | 2);
  set(ctx, CR0, get(ctx, CR0) | 8);
  set(ctx, DR7, get(ctx, DR7) & ~<u64>0x155);
  loadTask(ctx, image, wide, nested, ext);
  if (hasError) {
    const size = wide ? 4 : 2;
    const sp = get(ctx, 4) - <u64>size;
    writeStack(ctx, sp, size, error);
    setStackPointer(ctx, sp, stackWidth(ctx));
  }
  if (wide && (load<u8>(image + 0x64) & 1) != 0) {
    set(ctx, DR6, get(ctx, DR6) | 0x8000);
    raiseDbTrap(ctx);
  }
}

/**
 * Task gate: checks TSS selector `selector` of the gate and switches. Delivery of interrupts comes here with BY_GATE.
 * @see Intel SDM 2A CALL, TASK-GATE
 */
export function taskGate(ctx: usize, selector: u32, by: i32, rip: u64, hasError: bool, error: u32, ext: u32): void {
  const wrong = (selector & 0xfffc) | ext;
  if ((selector & 4) != 0 || (selector & 0xfffc) == 0) raise(ctx, GP, true, wrong);
  const address = descriptorAddress(ctx, selector, 8);
  if (address == u64.MAX_VALUE) raise(ctx, GP, true, wrong);
  const attr = attrOf(readSys64(ctx, address));
  if ((attr & 0x17) != 1) raise(ctx, GP, true, wrong);
  if (!isPresent(attr)) raise(ctx, NP, true, wrong);
  taskSwitch(ctx, selector, by, rip, hasError, error, ext);
}

/** Faults now if a later system write of `size` bytes would. Task switches exist outside long mode only. */
function probeSys(ctx: usize, va: u64, size: u32): void {
  probeView(ctx, va & 0xffffffff, size, WRITE, supervisorView(ctx), false);
}

function saveTask(ctx: usize, base: u64, wide: bool, rip: u64, flags: u32): void {
  if (wide) {
    writeSys32(ctx, base + 0x20, <u32>rip);
    writeSys32(ctx, base + 0x24, flags);
    for (let i = 0; i < 8; i++) writeSys32(ctx, base + 0x28 + <u64>(4 * i), get32(ctx, i));
    for (let i = 0; i < 6; i++) writeSys16(ctx, base + 0x48 + <u64>(4 * i), get32(ctx, SEG_SEL + i));
  } else {
    writeSys16(ctx, base + 0x0e, <u32>rip & 0xffff);
    writeSys16(ctx, base + 0x10, flags & 0xffff);
    for (let i = 0; i < 8; i++) writeSys16(ctx, base + 0x12 + <u64>(2 * i), get32(ctx, i) & 0xffff);
    for (let i = 0; i < 4; i++) writeSys16(ctx, base + 0x22 + <u64>(2 * i), get32(ctx, SEG_SEL + i));
  }
}

function loadTask(ctx: usize, image: usize, wide: bool, nested: bool, ext: u32): void {
  if (wide && (get32(ctx, CR0) & 0x80000000) != 0) {
    set(ctx, CR3, load<u32>(image + 0x1c));
    flushNonGlobal(ctx);
  }
  let flags: u32 = wide ? load<u32>(image + 0x24) : <u32>load<u16>(image + 0x10);
  if (nested) flags |= NT;
  for (let i = 0; i < 8; i++) {
    set(ctx, i, wide ? <u64>load<u32>(image + 0x28 + 4 * i) : <u64>load<u16>(image + 0x12 + 2 * i) | 0xffff0000);
  }
  set(ctx, RIP, wide ? <u64>load<u32>(image + 0x20) : <u64>load<u16>(image + 0x0e));
  const ldt: u32 = load<u16>(image + (wide ? 0x60 : 0x2a));
  set(ctx, LDTR_SEL, ldt);
  set(ctx, LDTR_ATTR, ATTR_UNUSABLE);
  // all selectors are there before the first check, with nothing behind them
  const segments = wide ? 6 : 4;
  for (let i = 0; i < 6; i++) {
    const selector: u32 = i < segments ? load<u16>(image + (wide ? 0x48 + 4 * i : 0x22 + 2 * i)) : 0;
    setSegment(ctx, i, selector, 0, 0, ATTR_UNUSABLE);
  }
  writeFlags(ctx, flags, 0x3f7fd5);
  const cs = get32(ctx, SEG_SEL + CS);
  set(ctx, CPL, (flags & VM) != 0 ? 3 : cs & 3);
  updateMode(ctx);
  if ((ldt & 0xfffc) != 0) loadTaskLdt(ctx, ldt, ext);
  if (isVm86(ctx)) {
    for (let i = 0; i < 6; i++) setRealSegment(ctx, i, get32(ctx, SEG_SEL + i));
  } else {
    loadTaskSegments(ctx, cs, ext);
  }
  updateMode(ctx);
  if (get(ctx, RIP) > <u64>get32(ctx, SEG_LIMIT + CS)) raise(ctx, GP, true, ext);
}

function loadTaskLdt(ctx: usize, selector: u32, ext: u32): void {
  const error = (selector & 0xfffc) | ext;
  if ((selector & 4) != 0) raise(ctx, TS, true, error);
  const descriptor = fetchDescriptor(ctx, selector, TS);
  const attr = attrOf(descriptor);
  if ((attr & 0x9f) != 0x82) raise(ctx, TS, true, error);
  set(ctx, LDTR_BASE, baseOf(descriptor));
  set(ctx, LDTR_LIMIT, limitOf(descriptor));
  set(ctx, LDTR_ATTR, attr);
}

function loadTaskSegments(ctx: usize, cs: u32, ext: u32): void {
  const error = (cs & 0xfffc) | ext;
  if ((cs & 0xfffc) == 0) raise(ctx, TS, true, error);
  const code = fetchDescriptor(ctx, cs, TS);
  const attr = attrOf(code);
  const level = cs & 3;
  if (!isCode(attr) || (isConforming(attr) ? dplOf(attr) > level : dplOf(attr) != level)) raise(ctx, TS, true, error);
  if (!isPresent(attr)) raise(ctx, NP, true, error);
  touchDescriptor(ctx, cs, code);
  setCode(ctx, cs, code, level);
  const ss = get32(ctx, SEG_SEL + SS);
  if ((ss & 0xfffc) == 0) raise(ctx, TS, true, (ss & 0xfffc) | ext);
  const stack = checkedStack(ctx, ss, level, TS);
  touchDescriptor(ctx, ss, stack);
  setFromDescriptor(ctx, SS, ss, stack);
  for (let seg = 0; seg < 6; seg++) {
    if (seg == CS || seg == SS) continue;
    const selector = get32(ctx, SEG_SEL + seg);
    if ((selector & 0xfffc) == 0) continue;
    const data = checkedData(ctx, selector, level, TS);
    touchDescriptor(ctx, selector, data);
    setFromDescriptor(ctx, seg, selector, data);
  }
}
