/** Checks of code segments and instruction pointers that all far transfers share, and the switch to them. */
import { CPL, SEG_LIMIT } from '../../layout';
import { raise } from '../exceptions/raise';
import { ATTR_BIG, ATTR_LONG, attrOf, dplOf, isCode, isConforming, isPresent, limitOf } from './descriptor';
import { setFromDescriptor } from './load-segment';
import { CS, get32, GP, isCanonical, isLong, NP, set } from './slots';

/** True if code with these attributes would run as 64-bit code. */
export function isLongCode(ctx: usize, attr: u32): bool {
  return (attr & ATTR_LONG) != 0 && isLong(ctx);
}

/** #GP(0) unless `rip` may be an instruction pointer in the code segment of `descriptor`. */
export function checkTarget(ctx: usize, rip: u64, descriptor: u64): void {
  if (isLongCode(ctx, attrOf(descriptor))) {
    if (!isCanonical(rip)) raise(ctx, GP, true, 0);
  } else if (rip > <u64>limitOf(descriptor)) {
    raise(ctx, GP, true, 0);
  }
}

/** #GP(0) when `rip` is outside CS as it is. */
export function checkRealTarget(ctx: usize, rip: u64): void {
  if (rip > <u64>get32(ctx, SEG_LIMIT + CS)) raise(ctx, GP, true, 0);
}

/** #GP(selector) unless it is a code segment that this mode can run; long mode: not both L and D. */
export function checkCodeType(ctx: usize, selector: u32, attr: u32, vector: i32): void {
  if (!isCode(attr) || (isLong(ctx) && (attr & (ATTR_LONG | ATTR_BIG)) == (ATTR_LONG | ATTR_BIG))) raise(ctx, vector, true, selector & 0xfffc);
}

/** Checks for a JMP or CALL without a gate from level `level`. @see Intel SDM 3A 5.8.1 */
export function checkDirectCode(ctx: usize, selector: u32, descriptor: u64, level: u32): void {
  const attr = attrOf(descriptor);
  const dpl = dplOf(attr);
  checkCodeType(ctx, selector, attr, GP);
  if (isConforming(attr) ? dpl > level : dpl != level || (selector & 3) > level) raise(ctx, GP, true, selector & 0xfffc);
  if (!isPresent(attr)) raise(ctx, NP, true, selector & 0xfffc);
}

/** Checks for RETF and IRET to the level in the selector. */
export function checkReturnCode(ctx: usize, selector: u32, descriptor: u64): void {
  const attr = attrOf(descriptor);
  const dpl = dplOf(attr);
  const level = selector & 3;
  checkCodeType(ctx, selector, attr, GP);
  if (isConforming(attr) ? dpl > level : dpl != level) raise(ctx, GP, true, selector & 0xfffc);
  if (!isPresent(attr)) raise(ctx, NP, true, selector & 0xfffc);
}

/** Loads CS and the level; everything was checked. The caller sets RIP and calls updateMode. */
export function setCode(ctx: usize, selector: u32, descriptor: u64, level: u32): void {
  setFromDescriptor(ctx, CS, (selector & 0xfffc) | level, descriptor);
  set(ctx, CPL, level);
}
