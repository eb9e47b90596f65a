/**
 * RFLAGS as a whole, and PUSHF, POPF, CLI, STI, CLAC, STAC with their privileges (IOPL, VME, PVI).
 * @see Intel SDM 2B POPF, table 4-16; 3A 20.3 (VME)
 */
import { EFLAGS_SYS, RIP, SHADOW, SHADOW_STI } from '../../layout';
import { raise } from '../exceptions/raise';
import { getFlags, setFlags } from '../flags';
import { updateMode } from '../mode';
import { cpl, cr4Has, get32, GP, iopl, isProtected, isVm86, nextRip, set, UD } from './slots';

const TF: u32 = 0x100;
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
const CR4_VME: u32 = 1;
const CR4_PVI: u32 = 2;

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

/** What PUSHF stores. */
export function pushedFlags(ctx: usize, size: i32): u64 {
  let flags = readFlags(ctx) & ~(RF | VM);
  if (isVm86(ctx) && iopl(ctx) < 3) {
    if (size != 2 || !cr4Has(ctx, CR4_VME)) {
      raise(ctx, GP, true, 0);
      return 0;
    }
    flags = (flags & ~IF) | IOPL | ((get32(ctx, EFLAGS_SYS) & VIF) != 0 ? IF : 0);
  }
  return size == 2 ? flags & 0xffff : flags;
}

/** The checks of POPF of `value`: only virtual-8086 mode has any. */
export function checkPopFlags(ctx: usize, value: u32, size: i32): void {
  if (!isVm86(ctx) || iopl(ctx) == 3) return;
  if (size == 2 && cr4Has(ctx, CR4_VME)) {
    const pending = (get32(ctx, EFLAGS_SYS) & VIP) != 0 && (value & IF) != 0;
    if (!pending && (value & TF) == 0) return;
  }
  raise(ctx, GP, true, 0);
}

/** POPF after checkPopFlags; sets RIP. */
export function popFlags(ctx: usize, value: u32, size: i32, next: i32): void {
  let mask: u32 = size == 2 ? ANY_LEVEL & 0xffff : ANY_LEVEL | RF;
  const level = cpl(ctx);
  let bits = value & ~RF;
  if (isVm86(ctx)) {
    if (iopl(ctx) == 3) {
      mask |= IF;
    } else {
      // 16-bit POPF with CR4.VME: IF is virtual
      mask |= VIF;
      bits = (bits & ~VIF) | ((value & IF) != 0 ? VIF : 0);
    }
  } else {
    if (level <= iopl(ctx)) mask |= IF;
    if (level == 0) mask |= IOPL;
  }
  const rip = nextRip(ctx, next);
  writeFlags(ctx, bits, mask);
  set(ctx, RIP, rip);
  updateMode(ctx);
}

/** 1: acts on IF, 2: on VIF, 0: #GP(0). `vme` is set for virtual-8086 mode with CR4.VME. */
function interruptFlagRight(ctx: usize): i32 {
  if (!isProtected(ctx)) return 1;
  if (isVm86(ctx)) return iopl(ctx) == 3 ? 1 : cr4Has(ctx, CR4_VME) ? 2 : 0;
  if (cpl(ctx) <= iopl(ctx)) return 1;
  return cpl(ctx) == 3 && cr4Has(ctx, CR4_PVI) ? 2 : 0;
}

export function clearInterrupts(ctx: usize): void {
  const right = interruptFlagRight(ctx);
  if (right == 0) raise(ctx, GP, true, 0);
  set(ctx, EFLAGS_SYS, get32(ctx, EFLAGS_SYS) & ~(right == 1 ? IF : VIF));
}

/** STI: interrupts come after the instruction that follows, if they were off. Sets RIP. */
export function setInterrupts(ctx: usize, next: i32): void {
  const right = interruptFlagRight(ctx);
  const flags = get32(ctx, EFLAGS_SYS);
  if (right == 0 || (right == 2 && (flags & VIP) != 0)) raise(ctx, GP, true, 0);
  if (right == 1) {
    if ((flags & IF) == 0) set(ctx, SHADOW, SHADOW_STI);
    set(ctx, EFLAGS_SYS, flags | IF);
  } else {
    set(ctx, EFLAGS_SYS, flags | VIF);
  }
  set(ctx, RIP, nextRip(ctx, next));
}

/** CLAC, STAC. */
export function setAlignmentCheck(ctx: usize, on: bool): void {
  if (cpl(ctx) != 0) raise(ctx, UD, false, 0);
  const flags = get32(ctx, EFLAGS_SYS);
  set(ctx, EFLAGS_SYS, on ? flags | AC : flags & ~AC);
  updateMode(ctx);
}
