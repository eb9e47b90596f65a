/** Far RET, and the part that IRET shares with it. @see Intel SDM 2B RET; AMD APM 3 RET (Far) */
import { RIP, RSP } from '../../layout';
import { raise } from '../exceptions/raise';
import { updateMode } from '../mode';
import { checkRealTarget, checkReturnCode, checkTarget, isLongCode, setCode } from './code-segment';
import { attrOf, fetchDescriptor, touchDescriptor } from './descriptor';
import { checkedStack, dropPrivilegedSegments, setFromDescriptor, setNull, setRealSegment } from './load-segment';
import { readStack, setStackPointer, stackWidth, stackWidthFor, widthOf } from './stack';
import { cpl, CS, get, GP, isRealLike, set, SS } from './slots';

/** RETF with operand size `size`, dropping `drop` bytes of parameters. */
export function farReturn(ctx: usize, size: i32, drop: u32): void {
  const sp = get(ctx, RSP);
  const width = stackWidth(ctx);
  const rip = readStack(ctx, sp, size);
  const selector = <u32>readStack(ctx, sp + <u64>size, size) & 0xffff;
  const after = sp + <u64>(2 * size) + <u64>drop;
  if (isRealLike(ctx)) {
    checkRealTarget(ctx, rip);
    setRealSegment(ctx, CS, selector);
    setStackPointer(ctx, after, width);
    set(ctx, RIP, rip);
    updateMode(ctx);
    return;
  }
  const level = selector & 3;
  const descriptor = checkedReturn(ctx, selector);
  if (level == cpl(ctx)) {
    checkTarget(ctx, rip, descriptor);
    touchDescriptor(ctx, selector, descriptor);
    setCode(ctx, selector, descriptor, level);
    setStackPointer(ctx, after, stackWidthFor(ctx, attrOf(descriptor)));
    set(ctx, RIP, rip);
    updateMode(ctx);
    return;
  }
  const newSp = readStack(ctx, after, size);
  const ss = <u32>readStack(ctx, after + <u64>size, size) & 0xffff;
  returnOuter(ctx, selector, descriptor, rip, ss, newSp, drop);
  updateMode(ctx);
}

/** Descriptor of the code segment to return to; #GP, #NP by the rules. */
export function checkedReturn(ctx: usize, selector: u32): u64 {
  if ((selector & 0xfffc) == 0) raise(ctx, GP, true, 0);
  const descriptor = fetchDescriptor(ctx, selector, GP);
  if ((selector & 3) < cpl(ctx)) raise(ctx, GP, true, selector & 0xfffc);
  checkReturnCode(ctx, selector, descriptor);
  return descriptor;
}

/**
 * Switches to outer (or, for a 64-bit IRET, the same) level with its stack: all checks, then CS, RIP, SS, RSP and the
 * data segments. Long mode takes a null SS when 64-bit code at a level below 3 is the target. The caller calls updateMode.
 */
export function returnOuter(ctx: usize, selector: u32, descriptor: u64, rip: u64, ss: u32, sp: u64, drop: u32): void {
  const level = selector & 3;
  const outer = level != cpl(ctx);
  const long = isLongCode(ctx, attrOf(descriptor));
  if ((ss & 0xfffc) == 0) {
    if (!long || level == 3 || (ss & 3) != level) raise(ctx, GP, true, 0);
    checkTarget(ctx, rip, descriptor);
    touchDescriptor(ctx, selector, descriptor);
    setCode(ctx, selector, descriptor, level);
    setNull(ctx, SS, ss);
    set(ctx, RSP, sp + <u64>drop);
  } else {
    const stack = checkedStack(ctx, ss, level, GP);
    checkTarget(ctx, rip, descriptor);
    touchDescriptor(ctx, selector, descriptor);
    touchDescriptor(ctx, ss, stack);
    setCode(ctx, selector, descriptor, level);
    setFromDescriptor(ctx, SS, ss, stack);
    setStackPointer(ctx, sp + <u64>drop, long ? 8 : widthOf(attrOf(stack)));
  }
  set(ctx, RIP, rip);
  if (outer) dropPrivilegedSegments(ctx);
}
