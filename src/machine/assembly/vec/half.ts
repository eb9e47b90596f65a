/** F16C: halves to singles and back. @see Intel SDM vol. 2D, VCVTPH2PS, VCVTPS2PH */
import { convert } from '../softfloat/convert';
import { CLASS_FINITE, CLASS_INF, CLASS_QNAN, CLASS_SNAN, CLASS_ZERO, Env, F16, F32, LANES, MODE_FTZ, Slot } from '../softfloat/environment';
import { unpack } from '../softfloat/unpack';
import { begin, commit } from './mxcsr';

/** Unpacks binary16; MXCSR.DAZ does not count, and a denormal is no denormal operand. */
function unpackHalf(slot: Slot, bits: u32): void {
  slot.sign = bits >> 15;
  slot.denormal = 0;
  const field = i32((bits >> 10) & 31);
  const fraction = u64(bits & 0x3ff) << 53;
  slot.exp = field - 15;
  slot.sig = fraction | 0x8000000000000000;
  if (field == 31) slot.cls = fraction == 0 ? CLASS_INF : fraction >> 62 ? CLASS_QNAN : CLASS_SNAN;
  else if (field != 0) slot.cls = CLASS_FINITE;
  else if (fraction == 0) slot.cls = CLASS_ZERO;
  else {
    const n = clz<u64>(fraction);
    slot.cls = CLASS_FINITE;
    slot.sig = fraction << n;
    slot.exp = -14 - i32(n);
  }
}

/** Four singles of the low four halves. */
export function fromHalves(ctx: usize, y: v128): v128 {
  begin(ctx);
  const at = ctx + LANES;
  v128.store(at, y);
  for (let i: usize = 0; i < 4; i++) {
    unpackHalf(Slot.a(ctx), load<u16>(at + 2 * i));
    store<u32>(at + 16 + 4 * i, u32(convert(ctx, F32, 0)));
  }
  commit(ctx);
  return v128.load(at + 16);
}

/** Four halves in the low half; imm[1:0] rounding, imm[2] MXCSR's instead. MXCSR.FTZ does not count. */
export function toHalves(ctx: usize, y: v128, imm: i32): v128 {
  begin(ctx);
  const rounding = Env.rounding(ctx);
  const mode = Env.mode(ctx);
  if (!(imm & 4)) Env.setRounding(ctx, imm & 3);
  Env.setMode(ctx, mode & ~MODE_FTZ);
  const at = ctx + LANES;
  v128.store(at, y);
  v128.store(at + 16, i64x2.splat(0));
  for (let i: usize = 0; i < 4; i++) {
    unpack(ctx, Slot.a(ctx), F32, load<u32>(at + 4 * i));
    store<u16>(at + 16 + 2 * i, u16(convert(ctx, F16, 1)));
  }
  // the other half of a 256-bit conversion starts from the same environment
  Env.setRounding(ctx, rounding);
  Env.setMode(ctx, mode);
  commit(ctx);
  return v128.load(at + 16);
}
