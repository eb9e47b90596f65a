/** The x87's registers: stack, tags, status word, and how an instruction begins and ends. */
import { CR0, FCW, FDP, FIP, FOP, FSW, FTW, MODE_CODE64, MODE, MODE_SIZE_MASK, RIP, SEG_SEL, X87, X87_STRIDE } from '../../layout';
import { MF, raise } from '../exceptions/raise';
import { Env, FE_DENORMAL, FE_INEXACT, FE_INVALID, FE_ZERO, MODE_WRAP, Slot } from '../softfloat/environment';
import { unpack80 } from '../softfloat/unpack';
import { Ctx } from '../state';

/** Condition bits of the status word. */
export const C0: u32 = 0x100;
export const C1: u32 = 0x200;
export const C2: u32 = 0x400;
export const C3: u32 = 0x4000;
const CONDITIONS: u32 = C0 | C1 | C2 | C3;
/** Stack fault. */
const SF: u32 = 0x40;
/** Exception summary and the busy bit, which is its copy. */
const ES_B: u32 = 0x8080;
const BEFORE: u32 = FE_INVALID | FE_DENORMAL | FE_ZERO;
const CR0_NE: u32 = 0x20;

/** Sign, exponent and significand of "real indefinite". */
export const INDEFINITE_SE: u32 = 0xffff;
export const INDEFINITE_SIG: u64 = 0xc000000000000000;

@unmanaged
export class Fpu {
  @inline static status(ctx: usize): u32 {
    return Ctx.get32(ctx, FSW);
  }
  @inline static setStatus(ctx: usize, status: u32): void {
    Ctx.set(ctx, FSW, status);
  }
  @inline static control(ctx: usize): u32 {
    return Ctx.get32(ctx, FCW);
  }
  @inline static top(ctx: usize): u32 {
    return (Ctx.get32(ctx, FSW) >> 11) & 7;
  }
  /** Physical number of ST(i). */
  @inline static physical(ctx: usize, i: u32): u32 {
    return (Fpu.top(ctx) + i) & 7;
  }
  /** Address of ST(i). */
  @inline static at(ctx: usize, i: u32): usize {
    return ctx + X87 + Fpu.physical(ctx, i) * X87_STRIDE;
  }
  @inline static isEmpty(ctx: usize, i: u32): bool {
    return ((Ctx.get32(ctx, FTW) >> Fpu.physical(ctx, i)) & 1) == 0;
  }
  @inline static sig(ctx: usize, i: u32): u64 {
    return load<u64>(Fpu.at(ctx, i));
  }
  /** Sign and exponent. */
  @inline static se(ctx: usize, i: u32): u32 {
    return load<u16>(Fpu.at(ctx, i), 8);
  }
  /** Writes ST(i) and marks it used. */
  @inline static write(ctx: usize, i: u32, se: u32, sig: u64): void {
    const at = Fpu.at(ctx, i);
    store<u64>(at, sig);
    store<u64>(at, se & 0xffff, 8);
    Ctx.set(ctx, FTW, Ctx.get32(ctx, FTW) | (1 << Fpu.physical(ctx, i)));
  }
  /** Marks ST(i) empty. */
  @inline static free(ctx: usize, i: u32): void {
    Ctx.set(ctx, FTW, Ctx.get32(ctx, FTW) & ~(1 << Fpu.physical(ctx, i)));
  }
  @inline static setTop(ctx: usize, top: u32): void {
    Fpu.setStatus(ctx, (Fpu.status(ctx) & ~0x3800) | ((top & 7) << 11));
  }
  @inline static pop(ctx: usize): void {
    Fpu.free(ctx, 0);
    Fpu.setTop(ctx, Fpu.top(ctx) + 1);
  }
  /** A new ST(0). */
  @inline static push(ctx: usize, se: u32, sig: u64): void {
    Fpu.setTop(ctx, Fpu.top(ctx) - 1);
    Fpu.write(ctx, 0, se, sig);
  }
  /** Sets the condition bits to `bits`. */
  @inline static conditions(ctx: usize, bits: u32): void {
    Fpu.setStatus(ctx, (Fpu.status(ctx) & ~CONDITIONS) | bits);
  }
  @inline static unpackA(ctx: usize, i: u32): void {
    unpack80(Slot.a(ctx), Fpu.se(ctx, i), Fpu.sig(ctx, i));
  }
  @inline static unpackB(ctx: usize, i: u32): void {
    unpack80(Slot.b(ctx), Fpu.se(ctx, i), Fpu.sig(ctx, i));
  }
}

/** #MF for an exception of an earlier instruction. Without CR0.NE there is no external error logic: nothing happens. */
export function checkPending(ctx: usize): void {
  if (Fpu.status(ctx) & 0x80 && Ctx.get32(ctx, CR0) & CR0_NE) raise(ctx, MF, false, 0);
}

/** Notes the instruction's address and opcode, and that of its memory operand. `extra` and c as in helpers/x87.ts. */
export function note(ctx: usize, c: i32, extra: u32): void {
  let rip = Ctx.get(ctx, RIP) + (extra & 0xff);
  if ((Ctx.get32(ctx, MODE) & MODE_SIZE_MASK) != MODE_CODE64) rip &= 0xffffffff;
  Ctx.set(ctx, FIP, rip);
  let data = Ctx.get(ctx, FOP) & 0xffff00000000;
  if (extra & 0x800000) {
    Ctx.set(ctx, FDP, Ctx.get(ctx, c));
    data = (Ctx.get(ctx, SEG_SEL + ((extra >> 20) & 7)) & 0xffff) << 32;
  }
  Ctx.set(ctx, FOP, data | u64((extra >> 8) & 0x7ff) | ((Ctx.get(ctx, SEG_SEL + 1) & 0xffff) << 16));
}

/** Prepares soft float from the control word. */
export function begin(ctx: usize): void {
  const control = Fpu.control(ctx);
  const precision = (control >> 8) & 3;
  Env.setFlags(ctx, 0);
  Env.setRounding(ctx, (control >> 10) & 3);
  Env.setMasks(ctx, control & 0x3f);
  Env.setMode(ctx, MODE_WRAP);
  Env.setPrecision(ctx, precision == 0 ? 24 : precision == 2 ? 53 : 64);
  Env.setRoundedUp(ctx, 0);
}

/** Notes the gathered flags and C1. True if the result is to be stored (no unmasked exception of an operand). */
export function settle(ctx: usize): bool {
  let flags = Env.flags(ctx);
  const unmasked = flags & ~Env.masks(ctx);
  if (unmasked & BEFORE) flags &= BEFORE;
  let status = (Fpu.status(ctx) & ~C1) | flags;
  if (flags & FE_INEXACT && Env.roundedUp(ctx)) status |= C1;
  if (unmasked) status |= ES_B;
  Fpu.setStatus(ctx, status);
  return (unmasked & BEFORE) == 0;
}

/** Stack underflow (an empty operand; up = 0) or overflow (up = C1). True if masked: the indefinite is the result then. */
export function stackFault(ctx: usize, up: u32): bool {
  const masked = (Fpu.control(ctx) & FE_INVALID) != 0;
  Fpu.setStatus(ctx, (Fpu.status(ctx) & ~C1) | up | SF | FE_INVALID | (masked ? 0 : ES_B));
  return masked;
}

/** ES and B from flags and masks, after either was loaded. */
export function summarize(ctx: usize): void {
  const status = Fpu.status(ctx);
  const pending = status & ~Fpu.control(ctx) & 0x3f;
  Fpu.setStatus(ctx, pending ? status | ES_B : status & ~ES_B);
}
