/**
 * RFLAGS as a whole, and PUSHF, POPF, CLI, STI, CLAC, STAC with their privileges. CR4.VME and PVI are not there.
 * @see Intel SDM 2B POPF, table 4-16
 */
import { BUDGET, EFLAGS_SYS, RIP, SHADOW, SHADOW_STI, WANT_WINDOW } from '../../layout';
import { raise } from '../exceptions/raise';
import { getFlags, setFlags } from '../flags';
import { updateMode } from '../mode';
import { cpl, get, get32, GP, iopl, isProtected, isVm86, nextRip, set, UD } from './slots';

const IF: u32 = 0x200;
const IOPL: u32 = 0x3000;
const RF: u32 = 0x10000;
const VM: u32 = 0x20000;
const AC: u32 = 0x40000;
const VIF: u32 = 0x80000;
const VIP: u32 = 0x100000;
const ARITHMETIC: u32 = 0x8d5;
/** Flags that POPF writes at any level: arithmetic, TF, DF, NT, AC, ID. */
const ANY_LEVEL: u32 = 0x244dd5;

/** RFLAGS with all bits. */
export function readFlags(ctx: usize): u32 {
  return getFlags(ctx) | get32(ctx, EFLAGS_SYS) | 2;
}

/** Writes the RFLAGS bits of `mask`. The caller calls updateMode. */
export function writeFlags(ctx: usize, value: u32, mask: u32): void {
  const system = get32(ctx, EFLAGS_SYS);
  const arithmetic = (mask & ARITHMETIC) == ARITHMETIC ? value & ARITHMETIC : (getFlags(ctx) & ~mask) | (value & mask & ARITHMETIC);
  setFlags(ctx, arithmetic);
  const writable = mask & 0x3f7700;
  set(ctx, EFLAGS_SYS, (system & ~writable) | (value & writable));
}

/** Bits that IRET with operand size `size` may write, by the level and mode it runs in. */
export function iretMask(ctx: usize, size: i32): u32 {
  let mask: u32 = size == 2 ? ANY_LEVEL & 0xffff : ANY_LEVEL | RF;
  if (isVm86(ctx)) return mask | IF; // IOPL is 3, else it would not have come here; IOPL itself stays
  const level = cpl(ctx);
  if (level <= iopl(ctx)) mask |= IF;
  if (level == 0) mask |= size == 2 || !isProtected(ctx) ? IOPL : IOPL | VIF | VIP;
  return mask;
}

/** Virtual-8086 mode lets PUSHF, POPF and INT n through with IOPL 3 only. */
export function checkVm86Iopl(ctx: usize): void {
  if (isVm86(ctx) && iopl(ctx) < 3) raise(ctx, GP, true, 0);
}

/** What PUSHF stores. */
export function pushedFlags(ctx: usize, size: i32): u64 {
  checkVm86Iopl(ctx);
  const flags = readFlags(ctx) & ~(RF | VM);
  return size == 2 ? flags & 0xffff : flags;
}

/** POPF after checkVm86Iopl; sets RIP. */
export function popFlags(ctx: usize, value: u32, size: i32, next: i32): void {
  let mask: u32 = size == 2 ? ANY_LEVEL & 0xffff : ANY_LEVEL | RF;
  const level = cpl(ctx);
  if (level <= iopl(ctx)) mask |= IF;
  if (level == 0) mask |= IOPL;
  const rip = nextRip(ctx, next);
  writeFlags(ctx, value & ~RF, mask);
  set(ctx, RIP, rip);
  updateMode(ctx);
}

/** CLI and STI: #GP(0) without the privilege. Level 3 of virtual-8086 mode counts like any. */
function requireInterruptRight(ctx: usize): void {
  if (isProtected(ctx) && cpl(ctx) > iopl(ctx)) raise(ctx, GP, true, 0);
}

export function clearInterrupts(ctx: usize): void {
  requireInterruptRight(ctx);
  set(ctx, EFLAGS_SYS, get32(ctx, EFLAGS_SYS) & ~IF);
}

/**
 * STI: interrupts come after the instruction that follows, if they were off. Sets RIP. Where nobody wants to give one, and that instruction runs before anybody
 * can, there is no shadow to be noted, which would lead through the full lookup.
 */
export function setInterrupts(ctx: usize, next: i32): void {
  requireInterruptRight(ctx);
  const flags = get32(ctx, EFLAGS_SYS);
  if ((flags & IF) == 0 && (get(ctx, WANT_WINDOW) != 0 || <i64>get(ctx, BUDGET) <= 0)) set(ctx, SHADOW, SHADOW_STI);
  set(ctx, EFLAGS_SYS, flags | IF);
  set(ctx, RIP, nextRip(ctx, next));
}

/** CLAC, STAC. */
export function setAlignmentCheck(ctx: usize, on: bool): void {
  if (cpl(ctx) != 0) raise(ctx, UD, false, 0);
  const flags = get32(ctx, EFLAGS_SYS);
  set(ctx, EFLAGS_SYS, on ? flags | AC : flags & ~AC);
  updateMode(ctx);
}
