/** SSE conversions between integers and floating point, between precisions, and ROUNDxx. */
import * as N from '../../helpers/vec';
import { convert, fromInteger, roundToInteger, toInteger } from '../softfloat/convert';
import { Env, F32, F64, FE_INEXACT, LANES, ROUND_ZERO, Slot } from '../softfloat/environment';
import { unpack } from '../softfloat/unpack';
import { Ctx } from '../state';
import { begin, commit, Mxcsr } from './mxcsr';
import { Range } from './range';
import { Vec } from './registers';

/** The four conversions of one lane: from format to format. */
function reformat(ctx: usize, from: u32, to: u32, x: u64): u64 {
  unpack(ctx, Slot.a(ctx), from, x);
  return convert(ctx, to, 1);
}

function widen(ctx: usize, y: v128): v128 {
  const low = v128.shuffle<i64>(y, y, 0, 0);
  if (Range.in32x4(low)) return f64x2.promote_low_f32x4(y);
  begin(ctx);
  const first = reformat(ctx, F32, F64, u64(u32(i32x4.extract_lane(y, 0))));
  const second = reformat(ctx, F32, F64, u64(u32(i32x4.extract_lane(y, 1))));
  commit(ctx);
  return i64x2.replace_lane(i64x2.splat(first), 1, second);
}

function narrow(ctx: usize, y: v128): v128 {
  if (Mxcsr.isPlain(ctx) && Range.in64x2(y)) {
    const r = f32x4.demote_f64x2_zero(y);
    const halves = v128.shuffle<i64>(r, r, 0, 0);
    const nothing = f32x4.demote_f64x2_zero(v128.and(f64x2.eq(y, f64x2.splat(0)), f64x2.splat(1)));
    if (Range.out32x4(v128.or(halves, v128.shuffle<i64>(nothing, nothing, 0, 0)))) return r;
  }
  begin(ctx);
  const first = reformat(ctx, F64, F32, i64x2.extract_lane(y, 0));
  const second = reformat(ctx, F64, F32, i64x2.extract_lane(y, 1));
  commit(ctx);
  return i64x2.replace_lane(i64x2.splat(0), 0, first | (second << 32));
}

function singleToDouble(ctx: usize, d: i32, a: i32, b: i32): void {
  const x = load<f32>(Vec.at(ctx, b));
  let r = reinterpret<u64>(f64(x));
  if (!Range.ordinary32(x)) {
    begin(ctx);
    r = reformat(ctx, F32, F64, reinterpret<u32>(x));
    commit(ctx);
  }
  Vec.merge(ctx, d, a);
  store<u64>(Vec.at(ctx, d), r);
}

function doubleToSingle(ctx: usize, d: i32, a: i32, b: i32): void {
  const x = load<f64>(Vec.at(ctx, b));
  const r = f32(x);
  let bits = reinterpret<u32>(r);
  if (!(Mxcsr.isPlain(ctx) && Range.in64(x) && (Range.out32(r) || x == 0))) {
    begin(ctx);
    bits = u32(reformat(ctx, F64, F32, reinterpret<u64>(x)));
    commit(ctx);
  }
  Vec.merge(ctx, d, a);
  store<u32>(Vec.at(ctx, d), bits);
}

function integersToSingles(ctx: usize, y: v128): v128 {
  if (Mxcsr.isPlain(ctx)) return f32x4.convert_i32x4_s(y);
  begin(ctx);
  const at = ctx + LANES;
  v128.store(at, y);
  for (let i: usize = 0; i < 16; i += 4) store<u32>(at + i, u32(fromInteger(ctx, F32, i64(load<i32>(at + i)))));
  commit(ctx);
  return v128.load(at);
}

/** Integers from singles by `rounding`. */
function singlesToIntegers(ctx: usize, y: v128, truncate: bool): v128 {
  begin(ctx);
  const rounding = truncate ? ROUND_ZERO : Env.rounding(ctx);
  const at = ctx + LANES;
  v128.store(at, y);
  for (let i: usize = 0; i < 16; i += 4) {
    unpack(ctx, Slot.a(ctx), F32, load<u32>(at + i));
    store<u32>(at + i, u32(toInteger(ctx, 32, rounding)));
  }
  commit(ctx);
  return v128.load(at);
}

/** Two integers from doubles, upper half zero. */
function doublesToIntegers(ctx: usize, y: v128, truncate: bool): v128 {
  begin(ctx);
  const rounding = truncate ? ROUND_ZERO : Env.rounding(ctx);
  unpack(ctx, Slot.a(ctx), F64, i64x2.extract_lane(y, 0));
  const first = u32(toInteger(ctx, 32, rounding));
  unpack(ctx, Slot.a(ctx), F64, i64x2.extract_lane(y, 1));
  const second = u32(toInteger(ctx, 32, rounding));
  commit(ctx);
  return i64x2.replace_lane(i64x2.splat(0), 0, u64(first) | (u64(second) << 32));
}

/** CVTSI2SS, CVTSI2SD. */
function fromSlot(ctx: usize, format: u32, d: i32, a: i32, value: i64): void {
  let bits: u64;
  if (format == F64) {
    const size = value < 0 ? -value : value;
    if (Mxcsr.isPlain(ctx) || u64(size) <= 0x20000000000000) {
      bits = reinterpret<u64>(f64(value));
    } else {
      begin(ctx);
      bits = fromInteger(ctx, F64, value);
      commit(ctx);
    }
    Vec.merge(ctx, d, a);
    store<u64>(Vec.at(ctx, d), bits);
    return;
  }
  if (Mxcsr.isPlain(ctx)) {
    bits = reinterpret<u32>(f32(value));
  } else {
    begin(ctx);
    bits = fromInteger(ctx, F32, value);
    commit(ctx);
  }
  Vec.merge(ctx, d, a);
  store<u32>(Vec.at(ctx, d), u32(bits));
}

/** CVT(T)SS2SI, CVT(T)SD2SI: an integer of `bits` bits, zero-extended. */
function toSlot(ctx: usize, format: u32, x: u64, bits: u32, truncate: bool): u64 {
  if (format == F64) {
    const value = reinterpret<f64>(x);
    const limit: f64 = bits == 32 ? 2147483647.0 : 9.2e18;
    if (abs<f64>(value) < limit && Range.in64(value)) {
      const whole = truncate ? trunc<f64>(value) : nearest<f64>(value);
      if (whole == value || (Mxcsr.ignoresInexact(ctx) && (truncate || Mxcsr.isPlain(ctx)))) {
        return bits == 32 ? u64(u32(i32(whole))) : u64(i64(whole));
      }
    }
  }
  begin(ctx);
  unpack(ctx, Slot.a(ctx), format, x);
  const value = toInteger(ctx, bits, truncate ? ROUND_ZERO : Env.rounding(ctx));
  commit(ctx);
  return bits == 32 ? u64(u32(value)) : u64(value);
}

/** ROUNDSS .. ROUNDPD: imm[1:0] rounding, imm[2] MXCSR's instead, imm[3] no inexact. */
export function round(ctx: usize, kind: i32, d: i32, a: i32, b: i32, imm: i32): void {
  begin(ctx);
  const rounding = imm & 4 ? Env.rounding(ctx) : imm & 3;
  const at = ctx + LANES;
  const format = kind & 1 ? F64 : F32;
  v128.store(at, Vec.get(ctx, b));
  v128.store(at + 16, Vec.get(ctx, a));
  const bytes: usize = kind == 0 ? 4 : kind == 1 ? 8 : 16;
  if (format == F32) {
    for (let i: usize = 0; i < bytes; i += 4) {
      unpack(ctx, Slot.a(ctx), F32, load<u32>(at + i));
      store<u32>(at + 16 + i, u32(roundToInteger(ctx, F32, rounding, 0)));
    }
  } else {
    for (let i: usize = 0; i < bytes; i += 8) {
      unpack(ctx, Slot.a(ctx), F64, load<u64>(at + i));
      store<u64>(at + 16 + i, roundToInteger(ctx, F64, rounding, 0));
    }
  }
  if (imm & 8) Env.setFlags(ctx, Env.flags(ctx) & ~FE_INEXACT);
  commit(ctx);
  Vec.set(ctx, d, v128.load(at + 16));
}

/** Helpers V_CVT*. */
export function conversion(ctx: usize, n: i32, d: i32, a: i32, b: i32, c: i32): void {
  switch (n) {
    case N.V_CVTPS2PD: return Vec.set(ctx, d, widen(ctx, Vec.get(ctx, b)));
    case N.V_CVTPD2PS: return Vec.set(ctx, d, narrow(ctx, Vec.get(ctx, b)));
    case N.V_CVTSS2SD: return singleToDouble(ctx, d, a, b);
    case N.V_CVTSD2SS: return doubleToSingle(ctx, d, a, b);
    case N.V_CVTDQ2PS: return Vec.set(ctx, d, integersToSingles(ctx, Vec.get(ctx, b)));
    case N.V_CVTDQ2PD: return Vec.set(ctx, d, f64x2.convert_low_i32x4_s(Vec.get(ctx, b)));
    case N.V_CVTPS2DQ: return Vec.set(ctx, d, singlesToIntegers(ctx, Vec.get(ctx, b), false));
    case N.V_CVTTPS2DQ: return Vec.set(ctx, d, singlesToIntegers(ctx, Vec.get(ctx, b), true));
    case N.V_CVTPD2DQ: return Vec.set(ctx, d, doublesToIntegers(ctx, Vec.get(ctx, b), false));
    case N.V_CVTTPD2DQ: return Vec.set(ctx, d, doublesToIntegers(ctx, Vec.get(ctx, b), true));
    case N.V_CVTSI2SS:
    case N.V_CVTSI2SD: {
      const value = i64(Ctx.get(ctx, b));
      return fromSlot(ctx, n == N.V_CVTSI2SD ? F64 : F32, d, a, c == 4 ? i64(i32(value)) : value);
    }
    case N.V_CVTSS2SI: return Ctx.set(ctx, d, toSlot(ctx, F32, u64(load<u32>(Vec.at(ctx, b))), c * 8, false));
    case N.V_CVTSD2SI: return Ctx.set(ctx, d, toSlot(ctx, F64, Vec.low(ctx, b), c * 8, false));
    case N.V_CVTTSS2SI: return Ctx.set(ctx, d, toSlot(ctx, F32, u64(load<u32>(Vec.at(ctx, b))), c * 8, true));
    case N.V_CVTTSD2SI: return Ctx.set(ctx, d, toSlot(ctx, F64, Vec.low(ctx, b), c * 8, true));
    default: unreachable();
  }
}
