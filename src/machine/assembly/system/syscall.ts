/** SYSCALL, SYSRET, SYSENTER, SYSEXIT. @see AMD APM 3 SYSCALL, SYSRET, 2 6.1; Intel SDM 2B SYSENTER */
import {
  CPL, CSTAR, EFER, EFLAGS_SYS, LSTAR, RCX, RDX, RIP, RSP, SEG_SEL, SFMASK, STAR, STEP_PENDING, SYSENTER_CS, SYSENTER_EIP, SYSENTER_ESP,
} from '../../layout';
import { raise } from '../exceptions/raise';
import { updateMode } from '../mode';
import { readFlags, writeFlags } from './flags-register';
import { cpl, CS, get, get32, GP, is64, isCanonical, isIntel, isLong, isProtected, isVm86, nextRip, set, setSegment, SS, UD } from './slots';

const R11 = 11;
/** Flat 64-bit code, flat 32-bit code and flat data, level 0; or-ed with the level << 5. */
const CODE64: u32 = 0xa9b;
const CODE32: u32 = 0xc9b;
const DATA: u32 = 0xc93;
const ALL_FLAGS: u32 = 0x3f7fd5;
const TF: u32 = 0x100;
const IF: u32 = 0x200;
const RF: u32 = 0x10000;
const VM: u32 = 0x20000;

function setFlatCode(ctx: usize, selector: u32, attr: u32, level: u32): void {
  setSegment(ctx, CS, selector, 0, 0xffffffff, attr | (level << 5));
  set(ctx, CPL, level);
}

function setFlatStack(ctx: usize, selector: u32, level: u32): void {
  setSegment(ctx, SS, selector, 0, 0xffffffff, DATA | (level << 5));
}

export function syscall(ctx: usize, next: i32): void {
  if ((get32(ctx, EFER) & 1) == 0 || (isIntel(ctx) && !is64(ctx))) raise(ctx, UD, false, 0);
  const star = get(ctx, STAR);
  const selector = <u32>(star >> 32) & 0xfffc;
  const rip = nextRip(ctx, next);
  set(ctx, RCX, rip);
  if (isLong(ctx)) {
    const flags = readFlags(ctx) & ~RF;
    set(ctx, R11, flags);
    set(ctx, RIP, is64(ctx) ? get(ctx, LSTAR) : get(ctx, CSTAR));
    writeFlags(ctx, flags & ~get32(ctx, SFMASK), ALL_FLAGS);
    // masking TF takes the trap of this instruction along
    if ((get32(ctx, SFMASK) & TF) != 0) set(ctx, STEP_PENDING, 0);
    setFlatCode(ctx, selector, CODE64, 0);
  } else {
    set(ctx, RIP, star & 0xffffffff);
    set(ctx, EFLAGS_SYS, get32(ctx, EFLAGS_SYS) & ~(IF | VM | RF));
    setFlatCode(ctx, selector, CODE32, 0);
  }
  setFlatStack(ctx, (selector + 8) & 0xffff, 0);
  updateMode(ctx);
}

export function sysret(ctx: usize, size: i32): void {
  const intel = isIntel(ctx);
  if ((get32(ctx, EFER) & 1) == 0 || !isProtected(ctx) || isVm86(ctx) || (intel && !is64(ctx))) raise(ctx, UD, false, 0);
  const rip = get(ctx, RCX);
  if (cpl(ctx) != 0 || (intel && size == 8 && !isCanonical(rip))) raise(ctx, GP, true, 0);
  const base = <u32>(get(ctx, STAR) >> 48);
  const wide = size == 8;
  if (isLong(ctx)) {
    writeFlags(ctx, get32(ctx, R11) & ~(RF | VM), ALL_FLAGS);
  } else {
    set(ctx, EFLAGS_SYS, get32(ctx, EFLAGS_SYS) | IF);
  }
  // AMD: an RCX that is not canonical faults on the fetch, at level 3
  set(ctx, RIP, wide ? rip : rip & 0xffffffff);
  setFlatCode(ctx, ((wide ? base + 16 : base) & 0xffff) | 3, wide ? CODE64 : CODE32, 3);
  const ss = (base + 8) & 0xffff;
  if (intel) setFlatStack(ctx, ss | 3, 3);
  else set(ctx, SEG_SEL + SS, ss); // AMD leaves base, limit and attributes as they are
  updateMode(ctx);
}

export function sysenter(ctx: usize): void {
  if (!isIntel(ctx) && isLong(ctx)) raise(ctx, UD, false, 0);
  const selector = get32(ctx, SYSENTER_CS) & 0xfffc;
  if (!isProtected(ctx) || selector == 0) raise(ctx, GP, true, 0);
  const long = isLong(ctx);
  set(ctx, EFLAGS_SYS, get32(ctx, EFLAGS_SYS) & ~(IF | VM | RF));
  set(ctx, RIP, long ? get(ctx, SYSENTER_EIP) : get(ctx, SYSENTER_EIP) & 0xffffffff);
  set(ctx, RSP, long ? get(ctx, SYSENTER_ESP) : get(ctx, SYSENTER_ESP) & 0xffffffff);
  setFlatCode(ctx, selector, long ? CODE64 : CODE32, 0);
  setFlatStack(ctx, (selector + 8) & 0xffff, 0);
  updateMode(ctx);
}

export function sysexit(ctx: usize, size: i32): void {
  if (!isIntel(ctx) && isLong(ctx)) raise(ctx, UD, false, 0);
  const base = get32(ctx, SYSENTER_CS) & 0xfffc;
  if (!isProtected(ctx) || isVm86(ctx) || cpl(ctx) != 0 || base == 0) raise(ctx, GP, true, 0);
  const rip = get(ctx, RDX);
  const sp = get(ctx, RCX);
  const wide = size == 8;
  if (wide && (!isCanonical(rip) || !isCanonical(sp))) raise(ctx, GP, true, 0);
  set(ctx, RIP, wide ? rip : rip & 0xffffffff);
  set(ctx, RSP, wide ? sp : sp & 0xffffffff);
  setFlatCode(ctx, ((base + (wide ? 32 : 16)) & 0xffff) | 3, wide ? CODE64 : CODE32, 3);
  setFlatStack(ctx, ((base + (wide ? 40 : 24)) & 0xffff) | 3, 3);
  updateMode(ctx);
}
