/** SSE arithmetic: native where that is certainly right, else soft float. Kinds: 0 SS, 1 SD, 2 PS, 3 PD. */
import * as N from '../../helpers/vec';
import { EQUAL, GREATER, LESS } from '../softfloat/convert';
import { F32, F64 } from '../softfloat/environment';
import { holds, LANE_ADD, LANE_ADDSUB, LANE_CMP, LANE_DIV, LANE_MAX, LANE_MIN, LANE_MUL, LANE_SQRT, LANE_SUB, soft, softLanes, softOrder } from './lanes';
import { begin, commit, Mxcsr } from './mxcsr';
import { Range } from './range';
import { Vec } from './registers';


/** Scalar double: the low lane of d; the high one comes from a. */
function double(ctx: usize, op: u32, d: i32, a: i32, b: i32): void {
  const x = load<f64>(Vec.at(ctx, a));
  const y = load<f64>(Vec.at(ctx, b));
  let r: f64 = 0;
  let sure = false;
  if (op >= LANE_MIN && op <= LANE_MAX) {
    sure = Range.ordinary64(x) && Range.ordinary64(y);
    r = (op == LANE_MIN ? x < y : x > y) ? x : y;
  } else if (Mxcsr.isPlain(ctx) && Range.in64(y)) {
    switch (op) {
      case LANE_ADD: {
        r = x + y;
        sure = Range.in64(x) && Range.finite64(r);
        break;
      }
      case LANE_SUB: {
        r = x - y;
        sure = Range.in64(x) && Range.finite64(r);
        break;
      }
      case LANE_MUL: {
        r = x * y;
        sure = Range.in64(x) && (Range.out64(r) || x == 0 || y == 0);
        break;
      }
      case LANE_DIV: {
        r = x / y;
        sure = y != 0 && Range.in64(x) && (Range.out64(r) || x == 0);
        break;
      }
      default: {
        r = sqrt<f64>(y);
        sure = y >= 0;
      }
    }
  }
  if (sure) {
    Vec.merge(ctx, d, a);
    store<f64>(Vec.at(ctx, d), r);
  } else {
    Vec.set(ctx, d, soft(ctx, op, F64, 1, Vec.get(ctx, a), Vec.get(ctx, b)));
  }
}

/** Scalar single. */
function single(ctx: usize, op: u32, d: i32, a: i32, b: i32): void {
  const x = load<f32>(Vec.at(ctx, a));
  const y = load<f32>(Vec.at(ctx, b));
  let r: f32 = 0;
  let sure = false;
  if (op >= LANE_MIN && op <= LANE_MAX) {
    sure = Range.ordinary32(x) && Range.ordinary32(y);
    r = (op == LANE_MIN ? x < y : x > y) ? x : y;
  } else if (Mxcsr.isPlain(ctx) && Range.in32(y)) {
    switch (op) {
      case LANE_ADD: {
        r = x + y;
        sure = Range.in32(x) && Range.finite32(r);
        break;
      }
      case LANE_SUB: {
        r = x - y;
        sure = Range.in32(x) && Range.finite32(r);
        break;
      }
      case LANE_MUL: {
        r = x * y;
        sure = Range.in32(x) && (Range.out32(r) || x == 0 || y == 0);
        break;
      }
      case LANE_DIV: {
        r = x / y;
        sure = y != 0 && Range.in32(x) && (Range.out32(r) || x == 0);
        break;
      }
      default: {
        r = sqrt<f32>(y);
        sure = y >= 0;
      }
    }
  }
  if (sure) {
    Vec.merge(ctx, d, a);
    store<f32>(Vec.at(ctx, d), r);
  } else {
    Vec.set(ctx, d, soft(ctx, op, F32, 1, Vec.get(ctx, a), Vec.get(ctx, b)));
  }
}

/** Two doubles. */
function packedDouble(ctx: usize, op: u32, x: v128, y: v128): v128 {
  if (Mxcsr.isPlain(ctx) && Range.in64x2(y) && (op == LANE_SQRT || Range.in64x2(x))) {
    const zero = f64x2.splat(0);
    switch (op) {
      case LANE_ADD: {
        const r = f64x2.add(x, y);
        if (Range.finite64x2(r)) return r;
        break;
      }
      case LANE_SUB: {
        const r = f64x2.sub(x, y);
        if (Range.finite64x2(r)) return r;
        break;
      }
      case LANE_ADDSUB: {
        const r = f64x2.add(x, v128.xor(y, i64x2(i64.MIN_VALUE, 0)));
        if (Range.finite64x2(r)) return r;
        break;
      }
      case LANE_MUL: {
        const r = f64x2.mul(x, y);
        const nothing = v128.or(f64x2.eq(x, zero), f64x2.eq(y, zero));
        if (Range.out64x2(v128.bitselect(f64x2.splat(1), r, nothing))) return r;
        break;
      }
      case LANE_DIV: {
        const r = f64x2.div(x, y);
        if (!v128.any_true(f64x2.eq(y, zero)) && Range.out64x2(v128.bitselect(f64x2.splat(1), r, f64x2.eq(x, zero)))) return r;
        break;
      }
      case LANE_MIN: return v128.bitselect(x, y, f64x2.lt(x, y));
      case LANE_MAX: return v128.bitselect(x, y, f64x2.gt(x, y));
      default: {
        if (i64x2.all_true(f64x2.ge(y, zero))) return f64x2.sqrt(y);
      }
    }
  }
  return soft(ctx, op, F64, 2, x, y);
}

/** Four singles. */
function packedSingle(ctx: usize, op: u32, x: v128, y: v128): v128 {
  if (Mxcsr.isPlain(ctx) && Range.in32x4(y) && (op == LANE_SQRT || Range.in32x4(x))) {
    const zero = f32x4.splat(0);
    switch (op) {
      case LANE_ADD: {
        const r = f32x4.add(x, y);
        if (Range.finite32x4(r)) return r;
        break;
      }
      case LANE_SUB: {
        const r = f32x4.sub(x, y);
        if (Range.finite32x4(r)) return r;
        break;
      }
      case LANE_ADDSUB: {
        const r = f32x4.add(x, v128.xor(y, i32x4(i32.MIN_VALUE, 0, i32.MIN_VALUE, 0)));
        if (Range.finite32x4(r)) return r;
        break;
      }
      case LANE_MUL: {
        const r = f32x4.mul(x, y);
        const nothing = v128.or(f32x4.eq(x, zero), f32x4.eq(y, zero));
        if (Range.out32x4(v128.bitselect(f32x4.splat(1), r, nothing))) return r;
        break;
      }
      case LANE_DIV: {
        const r = f32x4.div(x, y);
        if (!v128.any_true(f32x4.eq(y, zero)) && Range.out32x4(v128.bitselect(f32x4.splat(1), r, f32x4.eq(x, zero)))) return r;
        break;
      }
      case LANE_MIN: return v128.bitselect(x, y, f32x4.lt(x, y));
      case LANE_MAX: return v128.bitselect(x, y, f32x4.gt(x, y));
      default: {
        if (i32x4.all_true(f32x4.ge(y, zero))) return f32x4.sqrt(y);
      }
    }
  }
  return soft(ctx, op, F32, 4, x, y);
}

/** One of the LANE_* operations in each kind. */
function arithmetic(ctx: usize, op: u32, kind: i32, d: i32, a: i32, b: i32): void {
  switch (kind) {
    case 0: return single(ctx, op, d, a, b);
    case 1: return double(ctx, op, d, a, b);
    case 2: return Vec.set(ctx, d, packedSingle(ctx, op, Vec.get(ctx, a), Vec.get(ctx, b)));
    default: return Vec.set(ctx, d, packedDouble(ctx, op, Vec.get(ctx, a), Vec.get(ctx, b)));
  }
}

/** All ones or all zeros by predicate. */
function compareLanes(ctx: usize, kind: i32, d: i32, a: i32, b: i32, predicate: i32): void {
  if (kind == 1) {
    const x = load<f64>(Vec.at(ctx, a));
    const y = load<f64>(Vec.at(ctx, b));
    if (Range.ordinary64(x) && Range.ordinary64(y)) {
      Vec.merge(ctx, d, a);
      store<u64>(Vec.at(ctx, d), 0 - u64(holds(predicate, x < y ? LESS : x == y ? EQUAL : GREATER)));
      return;
    }
  }
  const format = kind & 1 ? F64 : F32;
  const lanes: u32 = kind < 2 ? 1 : kind == 2 ? 4 : 2;
  Vec.set(ctx, d, soft(ctx, LANE_CMP + predicate, format, lanes, Vec.get(ctx, a), Vec.get(ctx, b)));
}

/** DPPS, DPPD: products of the lanes in imm[7:4], their sum to the lanes in imm[3:0]. */
function dotProduct(ctx: usize, kind: i32, x: v128, y: v128, imm: i32): v128 {
  const zero = i64x2.splat(0);
  // each step of the sum is an operation of its own: an unmasked exception ends it
  begin(ctx);
  let sum: v128;
  if (kind == 3) {
    const selected = i64x2.replace_lane(i64x2.splat(-i64((imm >> 4) & 1)), 1, -i64((imm >> 5) & 1));
    const products = softLanes(ctx, LANE_MUL, F64, 2, v128.and(x, selected), v128.and(y, selected));
    commit(ctx);
    sum = softLanes(ctx, LANE_ADD, F64, 1, products, v128.shuffle<i64>(products, products, 1, 1));
    commit(ctx);
    const wanted = i64x2.replace_lane(i64x2.splat(-i64(imm & 1)), 1, -i64((imm >> 1) & 1));
    return v128.and(v128.shuffle<i64>(sum, sum, 0, 0), wanted);
  }
  const bits = i32x4(1, 2, 4, 8);
  const selected = i32x4.ne(v128.and(i32x4.splat(imm >> 4), bits), zero);
  const products = softLanes(ctx, LANE_MUL, F32, 4, v128.and(x, selected), v128.and(y, selected));
  commit(ctx);
  const pairs = softLanes(ctx, LANE_ADD, F32, 2, v128.shuffle<i32>(products, products, 0, 2, 0, 2), v128.shuffle<i32>(products, products, 1, 3, 1, 3));
  commit(ctx);
  sum = softLanes(ctx, LANE_ADD, F32, 1, pairs, v128.shuffle<i32>(pairs, pairs, 1, 1, 1, 1));
  commit(ctx);
  return v128.and(v128.shuffle<i32>(sum, sum, 0, 0, 0, 0), i32x4.ne(v128.and(i32x4.splat(imm), bits), zero));
}

/** ZF, PF, CF of an order. */
export function orderFlags(order: i32): u64 {
  return order == LESS ? 1 : order == EQUAL ? 0x40 : order == GREATER ? 0 : 0x45;
}

/** Flags of COMISS (signaling = 1) or UCOMISS, COMISD or UCOMISD. */
function compareFlags(ctx: usize, kind: i32, a: i32, b: i32, signaling: u32): u64 {
  if (kind == 0) {
    const x = load<f32>(Vec.at(ctx, a));
    const y = load<f32>(Vec.at(ctx, b));
    if (Range.ordinary32(x) && Range.ordinary32(y)) return x < y ? 1 : x == y ? 0x40 : 0;
    return orderFlags(softOrder(ctx, F32, reinterpret<u32>(x), reinterpret<u32>(y), signaling));
  }
  const x = load<f64>(Vec.at(ctx, a));
  const y = load<f64>(Vec.at(ctx, b));
  if (Range.ordinary64(x) && Range.ordinary64(y)) return x < y ? 1 : x == y ? 0x40 : 0;
  return orderFlags(softOrder(ctx, F64, reinterpret<u64>(x), reinterpret<u64>(y), signaling));
}

/** About 1/x, relative error below 2^-13: the quotient rounded to 12 bits. Denormals count as zeros, tiny results become zeros. */
function reciprocal(x: f32): f32 {
  const bits = reinterpret<u32>(x);
  const size = bits & 0x7fffffff;
  const sign = bits & 0x80000000;
  if (size > 0x7f800000) return reinterpret<f32>(bits | 0x400000);
  if (size < 0x00800000) return reinterpret<f32>(sign | 0x7f800000);
  const r = reinterpret<u32>(<f32>1 / x) & 0x7fffffff;
  if (r < 0x00800000) return reinterpret<f32>(sign);
  return reinterpret<f32>(sign | ((r + 0x800) & ~0xfff));
}

/** About 1/sqrt(x), as `reciprocal`. */
function reciprocalRoot(x: f32): f32 {
  const bits = reinterpret<u32>(x);
  const size = bits & 0x7fffffff;
  const sign = bits & 0x80000000;
  if (size > 0x7f800000) return reinterpret<f32>(bits | 0x400000);
  if (size < 0x00800000) return reinterpret<f32>(sign | 0x7f800000);
  if (sign) return reinterpret<f32>(0xffc00000);
  const r = reinterpret<u32>(f32(<f64>1 / sqrt<f64>(f64(x))));
  return reinterpret<f32>((r + 0x800) & ~0xfff);
}

function approximate(ctx: usize, root: bool, kind: i32, d: i32, a: i32, b: i32): void {
  const from = Vec.at(ctx, b);
  const to = Vec.at(ctx, d);
  Vec.merge(ctx, d, kind == 0 ? a : d);
  const bytes: usize = kind == 0 ? 4 : 16;
  for (let i: usize = 0; i < bytes; i += 4) {
    const x = load<f32>(from + i);
    store<f32>(to + i, root ? reciprocalRoot(x) : reciprocal(x));
  }
}

/** Evens of a and b, then odds, for the horizontal forms. */
function horizontal(ctx: usize, op: u32, kind: i32, d: i32, a: i32, b: i32): void {
  const x = Vec.get(ctx, a);
  const y = Vec.get(ctx, b);
  if (kind == 2) Vec.set(ctx, d, packedSingle(ctx, op, v128.shuffle<i32>(x, y, 0, 2, 4, 6), v128.shuffle<i32>(x, y, 1, 3, 5, 7)));
  else Vec.set(ctx, d, packedDouble(ctx, op, v128.shuffle<i64>(x, y, 0, 2), v128.shuffle<i64>(x, y, 1, 3)));
}

/** Helpers V_ADD .. V_UCOMI but V_ROUND. */
export function float(ctx: usize, n: i32, d: i32, a: i32, b: i32, extra: i32): void {
  const kind = n & 3;
  switch (n & ~3) {
    case N.V_ADD: return arithmetic(ctx, LANE_ADD, kind, d, a, b);
    case N.V_SUB: return arithmetic(ctx, LANE_SUB, kind, d, a, b);
    case N.V_MUL: return arithmetic(ctx, LANE_MUL, kind, d, a, b);
    case N.V_DIV: return arithmetic(ctx, LANE_DIV, kind, d, a, b);
    case N.V_MIN: return arithmetic(ctx, LANE_MIN, kind, d, a, b);
    case N.V_MAX: return arithmetic(ctx, LANE_MAX, kind, d, a, b);
    case N.V_SQRT: return arithmetic(ctx, LANE_SQRT, kind, d, a, b);
    case N.V_CMP: return compareLanes(ctx, kind, d, a, b, extra & 31);
    case N.V_RCP: return approximate(ctx, false, kind, d, a, b);
    case N.V_RSQRT: return approximate(ctx, true, kind, d, a, b);
    case N.V_HADD: return horizontal(ctx, LANE_ADD, kind, d, a, b);
    case N.V_HSUB: return horizontal(ctx, LANE_SUB, kind, d, a, b);
    case N.V_ADDSUB: {
      if (kind == 2) Vec.set(ctx, d, packedSingle(ctx, LANE_ADDSUB, Vec.get(ctx, a), Vec.get(ctx, b)));
      else Vec.set(ctx, d, packedDouble(ctx, LANE_ADDSUB, Vec.get(ctx, a), Vec.get(ctx, b)));
      return;
    }
    case N.V_DP: return Vec.set(ctx, d, dotProduct(ctx, kind, Vec.get(ctx, a), Vec.get(ctx, b), extra));
    default: return store<u64>(ctx + d * 8, compareFlags(ctx, kind & 1, a, b, u32(kind < 2)));
  }
}
