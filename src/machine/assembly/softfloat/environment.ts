/**
 * What a floating-point operation needs beside its operands, and where it leaves more than one result: a block of scratch
 * in the vCPU's context, because AssemblyScript functions return one value and the core may hold no globals.
 *
 * An operation reads the rounding mode, masks and modes from here (the x87 or SSE front end puts them there), gathers
 * exception flags here, and an unpacked operand stands in one of the two slots A and B.
 */
import { FPU_SCRATCH } from '../../layout';

// Exception flags, in the order of FSW, FCW, MXCSR.
/** Invalid operation. */
export const FE_INVALID: u32 = 1;
/** Denormal operand. */
export const FE_DENORMAL: u32 = 2;
/** Division by zero. */
export const FE_ZERO: u32 = 4;
export const FE_OVERFLOW: u32 = 8;
export const FE_UNDERFLOW: u32 = 16;
/** Inexact result. */
export const FE_INEXACT: u32 = 32;

// Rounding modes, as in RC of FCW and MXCSR.
export const ROUND_NEAREST: u32 = 0;
export const ROUND_DOWN: u32 = 1;
export const ROUND_UP: u32 = 2;
export const ROUND_ZERO: u32 = 3;

/** Denormal operands count as zeros. */
export const MODE_DAZ: u32 = 1;
/** Tiny results become zeros (while underflow is masked). */
export const MODE_FTZ: u32 = 2;
/** Results with unmasked overflow or underflow get their exponent wrapped by 24576 (x87 register results). */
export const MODE_WRAP: u32 = 4;

// Formats of a result.
/** binary32; bits in the low half of a u64. */
export const F32: u32 = 0;
/** binary64. */
export const F64: u32 = 1;
/** 80-bit extended: sign and exponent returned, significand in Env.sig. */
export const F80: u32 = 2;
/** 80-bit extended, significand rounded as the precision control says. */
export const F80PC: u32 = 3;
/** binary16, for conversions only. */
export const F16: u32 = 4;

// Classes of an unpacked operand. Everything from CLASS_QNAN on needs the NaN rules.
export const CLASS_ZERO: u32 = 0;
export const CLASS_FINITE: u32 = 1;
export const CLASS_INF: u32 = 2;
export const CLASS_QNAN: u32 = 3;
export const CLASS_SNAN: u32 = 4;
/** An 80-bit pattern that no operation makes (unnormal, pseudo-NaN, pseudo-infinity): invalid operand. */
export const CLASS_BAD: u32 = 5;

/** Byte offsets from a context to the two unpacked operands. */
export const SLOT_A: usize = FPU_SCRATCH + 0x20;
export const SLOT_B: usize = FPU_SCRATCH + 0x40;
export const SLOT_C: usize = FPU_SCRATCH + 0x80;
/** 256 bytes in which the vector helpers gather lanes. */
export const LANES: usize = FPU_SCRATCH + 0x100;
/** 1 KiB of scratch of the transcendental functions. */
export const WIDE: usize = FPU_SCRATCH + 0x400;

/** The environment of one context. */
@unmanaged
export class Env {
  /** FE_* raised so far. */
  @inline static flags(ctx: usize): u32 {
    return load<u32>(ctx + FPU_SCRATCH);
  }
  @inline static raise(ctx: usize, flags: u32): void {
    store<u32>(ctx + FPU_SCRATCH, load<u32>(ctx + FPU_SCRATCH) | flags);
  }
  @inline static setFlags(ctx: usize, flags: u32): void {
    store<u32>(ctx + FPU_SCRATCH, flags);
  }
  /** ROUND_*. */
  @inline static rounding(ctx: usize): u32 {
    return load<u32>(ctx + FPU_SCRATCH, 4);
  }
  @inline static setRounding(ctx: usize, mode: u32): void {
    store<u32>(ctx + FPU_SCRATCH, mode, 4);
  }
  /** FE_* that are masked. */
  @inline static masks(ctx: usize): u32 {
    return load<u32>(ctx + FPU_SCRATCH, 8);
  }
  @inline static setMasks(ctx: usize, masks: u32): void {
    store<u32>(ctx + FPU_SCRATCH, masks, 8);
  }
  /** MODE_*. */
  @inline static mode(ctx: usize): u32 {
    return load<u32>(ctx + FPU_SCRATCH, 12);
  }
  @inline static setMode(ctx: usize, mode: u32): void {
    store<u32>(ctx + FPU_SCRATCH, mode, 12);
  }
  /** 1 if the last rounding made the magnitude larger (C1). */
  @inline static roundedUp(ctx: usize): u32 {
    return load<u32>(ctx + FPU_SCRATCH, 16);
  }
  @inline static setRoundedUp(ctx: usize, up: u32): void {
    store<u32>(ctx + FPU_SCRATCH, up, 16);
  }
  /** Bits of significand that F80PC keeps: 24, 53 or 64. */
  @inline static precision(ctx: usize): u32 {
    return load<u32>(ctx + FPU_SCRATCH, 20);
  }
  @inline static setPrecision(ctx: usize, bits: u32): void {
    store<u32>(ctx + FPU_SCRATCH, bits, 20);
  }
  /** Significand of the last 80-bit result. */
  @inline static sig(ctx: usize): u64 {
    return load<u64>(ctx + FPU_SCRATCH, 24);
  }
  @inline static setSig(ctx: usize, sig: u64): void {
    store<u64>(ctx + FPU_SCRATCH, sig, 24);
  }
  /** Second half of a wide result: low 64 bits, or a remainder. */
  @inline static low(ctx: usize): u64 {
    return load<u64>(ctx + FPU_SCRATCH, 0x60);
  }
  @inline static setLow(ctx: usize, low: u64): void {
    store<u64>(ctx + FPU_SCRATCH, low, 0x60);
  }
  /** 1 while one instruction's lanes are done in two parts: flags gather, and nothing is committed between them. */
  @inline static held(ctx: usize): u32 {
    return load<u32>(ctx + FPU_SCRATCH, 0x6c);
  }
  @inline static setHeld(ctx: usize, held: u32): void {
    store<u32>(ctx + FPU_SCRATCH, held, 0x6c);
  }
  /** Low bits of the last quotient (FPREM), and 0x100 while the reduction is incomplete. */
  @inline static quotient(ctx: usize): u32 {
    return load<u32>(ctx + FPU_SCRATCH, 0x68);
  }
  @inline static setQuotient(ctx: usize, quotient: u32): void {
    store<u32>(ctx + FPU_SCRATCH, quotient, 0x68);
  }
}

/** An unpacked operand: for a finite one value = (sig / 2^63) * 2^exp with bit 63 of sig set; NaNs keep their payload left-aligned. */
@unmanaged
export class Slot {
  /** CLASS_*. */
  cls: u32;
  /** 0 or 1. */
  sign: u32;
  /** Unbiased exponent. */
  exp: i32;
  /** 1 if the encoding was a denormal (or pseudo-denormal). */
  denormal: u32;
  sig: u64;

  @inline static a(ctx: usize): Slot {
    return changetype<Slot>(ctx + SLOT_A);
  }
  @inline static b(ctx: usize): Slot {
    return changetype<Slot>(ctx + SLOT_B);
  }
  /** The addend of a fused multiply-add. */
  @inline static c(ctx: usize): Slot {
    return changetype<Slot>(ctx + SLOT_C);
  }
}
