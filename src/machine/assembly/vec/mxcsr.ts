/** Entry to and exit from soft float for SSE: modes from MXCSR, sticky flags back to it, unmasked exceptions raised. */
import { MXCSR } from '../../layout';
import { raise, UD, XM } from '../exceptions/raise';
import { Env, FE_DENORMAL, FE_INVALID, FE_ZERO, MODE_DAZ, MODE_FTZ } from '../softfloat/environment';
import { Ctx } from '../state';

/** Bits of MXCSR that exist. */
export const MXCSR_MASK: u32 = 0xffff;
const CR4_OSXMMEXCPT: u32 = 0x400;
const BEFORE: u32 = FE_INVALID | FE_DENORMAL | FE_ZERO;

@unmanaged
export class Mxcsr {
  @inline static get(ctx: usize): u32 {
    return Ctx.get32(ctx, MXCSR);
  }
  /** Round to nearest, all masked, inexact already noted, DAZ and FTZ off: native arithmetic may do. */
  @inline static isPlain(ctx: usize): bool {
    return (Ctx.get32(ctx, MXCSR) & 0xffe0) == 0x1fa0;
  }
  /** An inexact result would change nothing (masked and noted). */
  @inline static ignoresInexact(ctx: usize): bool {
    return (Ctx.get32(ctx, MXCSR) & 0x1020) == 0x1020;
  }
}

/** Prepares the environment; call `commit` after the last lane. */
export function begin(ctx: usize): void {
  if (Env.held(ctx)) return;
  const mxcsr = Mxcsr.get(ctx);
  Env.setFlags(ctx, 0);
  Env.setRounding(ctx, (mxcsr >> 13) & 3);
  Env.setMasks(ctx, (mxcsr >> 7) & 0x3f);
  Env.setMode(ctx, (mxcsr & 0x40 ? MODE_DAZ : 0) | (mxcsr & 0x8000 ? MODE_FTZ : 0));
}

/** Notes the flags; does not return if one is unmasked. An unmasked exception found before computing hides those of the result. */
export function commit(ctx: usize): void {
  if (Env.held(ctx)) return;
  let flags = Env.flags(ctx);
  const unmasked = flags & ~Env.masks(ctx);
  if (unmasked & BEFORE) flags &= BEFORE;
  Ctx.set(ctx, MXCSR, Mxcsr.get(ctx) | flags);
  if (unmasked) raise(ctx, Ctx.cr4Has(ctx, CR4_OSXMMEXCPT) ? XM : UD, false, 0);
}
