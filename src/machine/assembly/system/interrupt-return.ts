/** IRET, IRETD and IRETQ in every mode. @see Intel SDM 2A IRET; AMD APM 3 IRET */
import { CPL, CPU_FLAGS, CPU_INTEL, EFLAGS_SYS, NMI_BLOCKED, RIP, RSP, TR_BASE } from '../../layout';
import { raise } from '../exceptions/raise';
import { readSys16 } from '../memory/access';
import { updateMode } from '../mode';
import { checkRealTarget, checkTarget, setCode } from './code-segment';
import { attrOf, fetchDescriptor, isPresent, touchDescriptor } from './descriptor';
import { checkedReturn, returnOuter } from './far-return';
import { iretMask, writeFlags } from './flags-register';
import { setRealSegment } from './load-segment';
import { readStack, setStackPointer, stackWidth } from './stack';
import { BY_IRET, taskSwitch } from './task-switch';
import { cpl, CS, DS, ES, FS, get, get32, GP, GS, iopl, is64, isLong, isProtected, isVm86, nextRip, NP, set, SS, TS } from './slots';

const NT: u32 = 0x4000;
const VM: u32 = 0x20000;

/**
 * IRET with operand size `size`; `next` is the offset of the instruction behind it (saved by a task return). NMIs may come again
 * after it; on Intel's processors also when it faults. @see Intel SDM 3A 6.7.1
 */
export function interruptReturn(ctx: usize, size: i32, next: i32): void {
  if (get32(ctx, CPU_FLAGS) & CPU_INTEL) set(ctx, NMI_BLOCKED, 0);
  returnFrom(ctx, size, next);
  set(ctx, NMI_BLOCKED, 0);
}

function returnFrom(ctx: usize, size: i32, next: i32): void {
  if (!isProtected(ctx)) {
    realReturn(ctx, size);
    return;
  }
  if (isVm86(ctx)) {
    if (iopl(ctx) != 3) raise(ctx, GP, true, 0);
    realReturn(ctx, size);
    return;
  }
  if ((get32(ctx, EFLAGS_SYS) & NT) != 0) {
    if (isLong(ctx)) raise(ctx, GP, true, 0);
    taskReturn(ctx, nextRip(ctx, next));
    return;
  }
  const sp = get(ctx, RSP);
  const step = <u64>size;
  const rip = readStack(ctx, sp, size);
  const selector = <u32>readStack(ctx, sp + step, size) & 0xffff;
  const flags = <u32>readStack(ctx, sp + 2 * step, size);
  const mask = iretMask(ctx, size);
  if ((flags & VM) != 0 && size == 4 && cpl(ctx) == 0 && !isLong(ctx)) {
    returnToVm86(ctx, sp, rip, selector, flags);
    return;
  }
  // in 64-bit code all five are popped before any is looked at
  const whole = is64(ctx);
  let newSp: u64 = whole ? readStack(ctx, sp + 3 * step, size) : 0;
  let ss: u32 = whole ? <u32>readStack(ctx, sp + 4 * step, size) & 0xffff : 0;
  const descriptor = checkedReturn(ctx, selector);
  if (whole || (selector & 3) != cpl(ctx)) {
    if (!whole) {
      newSp = readStack(ctx, sp + 3 * step, size);
      ss = <u32>readStack(ctx, sp + 4 * step, size) & 0xffff;
    }
    returnOuter(ctx, selector, descriptor, rip, ss, newSp, 0);
  } else {
    checkTarget(ctx, rip, descriptor);
    touchDescriptor(ctx, selector, descriptor);
    const width = stackWidth(ctx);
    setCode(ctx, selector, descriptor, selector & 3);
    setStackPointer(ctx, sp + 3 * step, width);
    set(ctx, RIP, rip);
  }
  writeFlags(ctx, flags, mask);
  updateMode(ctx);
}

function realReturn(ctx: usize, size: i32): void {
  const sp = get(ctx, RSP);
  const step = <u64>size;
  const rip = readStack(ctx, sp, size);
  const selector = <u32>readStack(ctx, sp + step, size) & 0xffff;
  const flags = <u32>readStack(ctx, sp + 2 * step, size);
  checkRealTarget(ctx, rip);
  const mask = iretMask(ctx, size);
  setRealSegment(ctx, CS, selector);
  setStackPointer(ctx, sp + 3 * step, stackWidth(ctx));
  set(ctx, RIP, rip);
  writeFlags(ctx, flags, mask);
  updateMode(ctx);
}

function returnToVm86(ctx: usize, sp: u64, rip: u64, selector: u32, flags: u32): void {
  const newSp = readStack(ctx, sp + 12, 4);
  const ss = <u32>readStack(ctx, sp + 16, 4) & 0xffff;
  const es = <u32>readStack(ctx, sp + 20, 4) & 0xffff;
  const ds = <u32>readStack(ctx, sp + 24, 4) & 0xffff;
  const fs = <u32>readStack(ctx, sp + 28, 4) & 0xffff;
  const gs = <u32>readStack(ctx, sp + 32, 4) & 0xffff;
  if (rip > 0xffff) raise(ctx, GP, true, 0);
  writeFlags(ctx, flags, 0x3f7fd5);
  enterVm86(ctx, selector, ss, es, ds, fs, gs);
  set(ctx, RSP, newSp);
  set(ctx, RIP, rip);
  updateMode(ctx);
}

/** Segment registers and level of virtual-8086 mode; EFLAGS.VM is set already. */
export function enterVm86(ctx: usize, cs: u32, ss: u32, es: u32, ds: u32, fs: u32, gs: u32): void {
  setRealSegment(ctx, ES, es);
  setRealSegment(ctx, CS, cs);
  setRealSegment(ctx, SS, ss);
  setRealSegment(ctx, DS, ds);
  setRealSegment(ctx, FS, fs);
  setRealSegment(ctx, GS, gs);
  set(ctx, CPL, 3);
}

/** IRET with NT set: back to the task in the link field. */
function taskReturn(ctx: usize, rip: u64): void {
  const selector = <u32>readSys16(ctx, get(ctx, TR_BASE));
  const error = selector & 0xfffc;
  if ((selector & 4) != 0 || error == 0) raise(ctx, TS, true, error);
  const attr = attrOf(fetchDescriptor(ctx, selector, TS));
  const type = attr & 0x1f;
  if (type != 3 && type != 11) raise(ctx, TS, true, error);
  if (!isPresent(attr)) raise(ctx, NP, true, error);
  taskSwitch(ctx, selector, BY_IRET, rip, false, 0, 0);
}
