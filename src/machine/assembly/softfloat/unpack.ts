/** From the bits of a number to a Slot. */
import { CLASS_BAD, CLASS_FINITE, CLASS_INF, CLASS_QNAN, CLASS_SNAN, CLASS_ZERO, Env, F32, MODE_DAZ, Slot } from './environment';

const QUIET: u64 = 0x4000000000000000;
const INTEGER: u64 = 0x8000000000000000;

/** Unpacks binary32 or binary64 (`format`); with DAZ a denormal becomes a zero of its sign. */
export function unpack(ctx: usize, slot: Slot, format: u32, bits: u64): void {
  if (format == F32) unpack32(ctx, slot, u32(bits));
  else unpack64(ctx, slot, bits);
}

export function unpack32(ctx: usize, slot: Slot, bits: u32): void {
  slot.sign = bits >> 31;
  const exp = i32((bits >> 23) & 0xff);
  const fraction = u64(bits & 0x7fffff);
  small(ctx, slot, exp, exp == 0xff, exp - 127, fraction << 40, -126);
}

export function unpack64(ctx: usize, slot: Slot, bits: u64): void {
  slot.sign = u32(bits >> 63);
  const exp = i32(bits >> 52) & 0x7ff;
  small(ctx, slot, exp, exp == 0x7ff, exp - 1023, (bits & 0xfffffffffffff) << 11, -1022);
}

/** `fraction` is left-aligned below bit 63. */
function small(ctx: usize, slot: Slot, field: i32, special: bool, exp: i32, fraction: u64, emin: i32): void {
  slot.denormal = 0;
  slot.exp = exp;
  slot.sig = fraction | INTEGER;
  if (special) {
    slot.cls = fraction == 0 ? CLASS_INF : fraction & QUIET ? CLASS_QNAN : CLASS_SNAN;
  } else if (field != 0) {
    slot.cls = CLASS_FINITE;
  } else if (fraction == 0 || Env.mode(ctx) & MODE_DAZ) {
    slot.cls = CLASS_ZERO;
    slot.sig = 0;
  } else {
    const n = clz<u64>(fraction);
    slot.cls = CLASS_FINITE;
    slot.denormal = 1;
    slot.sig = fraction << n;
    slot.exp = emin - i32(n);
  }
}

/** Unpacks an 80-bit number: `se` is sign (bit 15) and exponent. */
export function unpack80(slot: Slot, se: u32, sig: u64): void {
  slot.sign = (se >> 15) & 1;
  const exp = i32(se & 0x7fff);
  slot.denormal = 0;
  slot.sig = sig;
  slot.exp = exp - 16383;
  if (exp == 0) {
    if (sig == 0) {
      slot.cls = CLASS_ZERO;
      return;
    }
    const n = clz<u64>(sig);
    slot.cls = CLASS_FINITE;
    slot.denormal = 1;
    slot.sig = sig << n;
    slot.exp = -16382 - i32(n);
  } else if (sig & INTEGER) {
    if (exp != 0x7fff) slot.cls = CLASS_FINITE;
    else slot.cls = sig << 1 == 0 ? CLASS_INF : sig & QUIET ? CLASS_QNAN : CLASS_SNAN;
  } else {
    slot.cls = CLASS_BAD;
  }
}
