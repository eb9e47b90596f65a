/** From an exact value (or one with sticky bits) to the bits of a format: rounding, overflow, underflow, and the special results. */
import {
  Env,
  F16,
  F32,
  F64,
  F80PC,
  FE_INEXACT,
  FE_INVALID,
  FE_OVERFLOW,
  FE_UNDERFLOW,
  MODE_FTZ,
  MODE_WRAP,
  ROUND_DOWN,
  ROUND_NEAREST,
  ROUND_UP,
  Slot,
} from './environment';
import { shiftRightJam } from './wide';

const INTEGER: u64 = 0x8000000000000000;
const QUIET: u64 = 0x4000000000000000;

/** Puts sign, exponent field and left-aligned significand together. 80-bit: returns sign and exponent, significand in Env.sig. */
export function pack(ctx: usize, format: u32, sign: u32, field: u32, sig: u64): u64 {
  if (format == F64) return (u64(sign) << 63) | (u64(field) << 52) | ((sig << 1) >> 12);
  if (format == F32) return (u64(sign) << 31) | (u64(field) << 23) | ((sig << 1) >> 41);
  if (format == F16) return (u64(sign) << 15) | (u64(field) << 10) | ((sig << 1) >> 54);
  Env.setSig(ctx, sig);
  return (sign << 15) | field;
}

function maxField(format: u32): u32 {
  return format == F32 ? 0xff : format == F64 ? 0x7ff : format == F16 ? 31 : 0x7fff;
}

export function packZero(ctx: usize, format: u32, sign: u32): u64 {
  return pack(ctx, format, sign, 0, 0);
}

export function packInfinity(ctx: usize, format: u32, sign: u32): u64 {
  return pack(ctx, format, sign, maxField(format), INTEGER);
}

/** The slot's NaN made quiet. */
export function packNaN(ctx: usize, format: u32, slot: Slot): u64 {
  return pack(ctx, format, slot.sign, maxField(format), slot.sig | QUIET | INTEGER);
}

/** The NaN of invalid operations ("real indefinite"). */
export function indefinite(ctx: usize, format: u32): u64 {
  return pack(ctx, format, 1, maxField(format), QUIET | INTEGER);
}

/** As `indefinite`, and raises the invalid flag. */
export function invalid(ctx: usize, format: u32): u64 {
  Env.raise(ctx, FE_INVALID);
  return indefinite(ctx, format);
}

/** 1 if the discarded part makes the kept one larger: `odd` = its last bit, `guard` = first discarded bit, `sticky` = any other. */
export function increments(rounding: u32, sign: u32, odd: bool, guard: bool, sticky: bool): bool {
  if (rounding == ROUND_NEAREST) return guard && (sticky || odd);
  if (!guard && !sticky) return false;
  return rounding == (sign ? ROUND_DOWN : ROUND_UP);
}

/**
 * Rounds (-1)^sign * (hi.lo / 2^63) * 2^exp to `format` and packs it, raising overflow, underflow (tininess is detected after
 * rounding) and inexact. Bit 63 of hi is set; bit 0 of lo may be sticky.
 */
export function finish(ctx: usize, format: u32, sign: u32, exp: i32, hi: u64, lo: u64): u64 {
  let shift: u64 = 0;
  let emax = 16383;
  if (format == F64) {
    shift = 11;
    emax = 1023;
  } else if (format == F32) {
    shift = 40;
    emax = 127;
  } else if (format == F16) {
    shift = 53;
    emax = 15;
  } else if (format == F80PC) {
    shift = 64 - u64(Env.precision(ctx));
  }
  const emin = 1 - emax;
  const rounding = Env.rounding(ctx);
  const ulp = u64(1) << shift;
  Env.setRoundedUp(ctx, 0);
  let guard: bool;
  let sticky: bool;
  if (shift == 0) {
    guard = lo >> 63 != 0;
    sticky = lo << 1 != 0;
  } else {
    guard = (hi & (ulp >> 1)) != 0;
    sticky = (hi & ((ulp >> 1) - 1)) != 0 || lo != 0;
  }
  let kept = hi & ~(ulp - 1);
  let inexact = guard || sticky;
  let up = increments(rounding, sign, (kept & ulp) != 0, guard, sticky);
  if (exp < emin) {
    const tiny = exp < emin - 1 || !up || kept + ulp != 0;
    if (tiny && !(Env.masks(ctx) & FE_UNDERFLOW)) {
      Env.raise(ctx, FE_UNDERFLOW);
      if (Env.mode(ctx) & MODE_WRAP) {
        exp += 24576;
        if (exp < emin) {
          // too small even so (FSCALE)
          Env.raise(ctx, FE_INEXACT);
          return packZero(ctx, format, sign);
        }
      } else {
        if (inexact) Env.raise(ctx, FE_INEXACT);
        return packZero(ctx, format, sign);
      }
    } else if (tiny && Env.mode(ctx) & MODE_FTZ) {
      Env.raise(ctx, FE_UNDERFLOW | FE_INEXACT);
      return packZero(ctx, format, sign);
    } else {
      hi = shiftRightJam(ctx, hi, lo, emin - exp);
      lo = Env.low(ctx);
      if (shift == 0) {
        guard = lo >> 63 != 0;
        sticky = lo << 1 != 0;
      } else {
        guard = (hi & (ulp >> 1)) != 0;
        sticky = (hi & ((ulp >> 1) - 1)) != 0 || lo != 0;
      }
      kept = hi & ~(ulp - 1);
      if (guard || sticky) Env.raise(ctx, tiny ? FE_INEXACT | FE_UNDERFLOW : FE_INEXACT);
      if (increments(rounding, sign, (kept & ulp) != 0, guard, sticky)) {
        kept += ulp;
        Env.setRoundedUp(ctx, 1);
      }
      return pack(ctx, format, sign, u32(kept >> 63), kept);
    }
  }
  if (up) {
    Env.setRoundedUp(ctx, 1);
    kept += ulp;
    if (kept == 0) {
      kept = INTEGER;
      exp++;
    }
  }
  if (exp > emax) {
    if (Env.masks(ctx) & FE_OVERFLOW) {
      Env.raise(ctx, FE_OVERFLOW | FE_INEXACT);
      if (rounding == ROUND_NEAREST || rounding == (sign ? ROUND_DOWN : ROUND_UP)) {
        Env.setRoundedUp(ctx, 1);
        return packInfinity(ctx, format, sign);
      }
      Env.setRoundedUp(ctx, 0);
      return pack(ctx, format, sign, maxField(format) - 1, ~(ulp - 1));
    }
    Env.raise(ctx, FE_OVERFLOW);
    if (inexact) Env.raise(ctx, FE_INEXACT);
    if (!(Env.mode(ctx) & MODE_WRAP)) return packInfinity(ctx, format, sign);
    exp -= 24576;
    if (exp > emax) {
      Env.raise(ctx, FE_INEXACT);
      Env.setRoundedUp(ctx, 1);
      return packInfinity(ctx, format, sign);
    }
  } else if (inexact) {
    Env.raise(ctx, FE_INEXACT);
  }
  return pack(ctx, format, sign, u32(exp + emax), kept);
}

/** Rounds (hi.lo) of any alignment: normalises first; zero gives the zero of `sign`. */
export function finishAny(ctx: usize, format: u32, sign: u32, exp: i32, hi: u64, lo: u64): u64 {
  if (hi == 0) {
    if (lo == 0) return packZero(ctx, format, sign);
    hi = lo;
    lo = 0;
    exp -= 64;
  }
  const n = clz<u64>(hi);
  if (n != 0) {
    hi = (hi << n) | (lo >> (64 - n));
    lo <<= n;
    exp -= i32(n);
  }
  return finish(ctx, format, sign, exp, hi, lo);
}
