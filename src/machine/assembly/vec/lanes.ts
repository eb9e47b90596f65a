/** Floating-point operations lane by lane in soft float, for whatever native arithmetic may get wrong. */
import { add, div, mul, sqrtOf } from '../softfloat/arithmetic';
import { compare, EQUAL, GREATER, LESS } from '../softfloat/convert';
import { CLASS_ZERO, F32, LANES, Slot } from '../softfloat/environment';
import { packZero } from '../softfloat/round';
import { unpack } from '../softfloat/unpack';
import { begin, commit } from './mxcsr';

export const LANE_ADD: u32 = 0;
export const LANE_SUB: u32 = 1;
export const LANE_MUL: u32 = 2;
export const LANE_DIV: u32 = 3;
export const LANE_MIN: u32 = 4;
export const LANE_MAX: u32 = 5;
/** Of the second operand. */
export const LANE_SQRT: u32 = 6;
/** Even lanes subtract, odd lanes add. */
export const LANE_ADDSUB: u32 = 7;
/** From here on comparisons: LANE_CMP + predicate. */
export const LANE_CMP: u32 = 32;

/** Orders (bit 0 less, 1 equal, 2 greater, 3 unordered) for which predicates 0..15 hold, four bits each. */
const HOLDS: u64 = 0xf4650b9a7ced8312;
/** Predicates 0..15 that signal quiet NaNs; 16..31 are the other way round. */
const SIGNALS: u32 = 0x6666;

/** 1 if the comparison predicate holds for the order (LESS .. UNORDERED). */
export function holds(predicate: i32, order: i32): u32 {
  const bit = order == LESS ? 0 : order == EQUAL ? 1 : order == GREATER ? 2 : 3;
  return u32(HOLDS >> (4 * (predicate & 15) + bit)) & 1;
}

/** MIN and MAX: the second operand if either is a NaN or both are zeros. */
function extreme(ctx: usize, format: u32, x: u64, y: u64, wanted: i32): u64 {
  const first = compare(ctx, 1) == wanted;
  const slot = first ? Slot.a(ctx) : Slot.b(ctx);
  if (slot.cls == CLASS_ZERO) return packZero(ctx, format, slot.sign);
  return first ? x : y;
}

/** x op y in binary32 or binary64. */
function lane(ctx: usize, op: u32, format: u32, x: u64, y: u64, index: u32): u64 {
  if (op == LANE_SQRT) {
    unpack(ctx, Slot.a(ctx), format, y);
    return sqrtOf(ctx, format);
  }
  unpack(ctx, Slot.a(ctx), format, x);
  unpack(ctx, Slot.b(ctx), format, y);
  switch (op) {
    case LANE_ADD:
    case LANE_SUB: return add(ctx, format, op);
    case LANE_MUL: return mul(ctx, format);
    case LANE_DIV: return div(ctx, format);
    case LANE_MIN: return extreme(ctx, format, x, y, LESS);
    case LANE_MAX: return extreme(ctx, format, x, y, GREATER);
    case LANE_ADDSUB: return add(ctx, format, ~index & 1);
    default: {
      const predicate = op - LANE_CMP;
      const signaling = ((SIGNALS >> (predicate & 15)) ^ (predicate >> 4)) & 1;
      return 0 - u64(holds(predicate, compare(ctx, signaling)));
    }
  }
}

/** Applies an operation to the first `lanes` lanes; the others keep x. Faults as MXCSR says. */
export function soft(ctx: usize, op: u32, format: u32, lanes: u32, x: v128, y: v128): v128 {
  begin(ctx);
  const result = softLanes(ctx, op, format, lanes, x, y);
  commit(ctx);
  return result;
}

/** As `soft`, between begin() and commit(). */
export function softLanes(ctx: usize, op: u32, format: u32, lanes: u32, x: v128, y: v128): v128 {
  const at = ctx + LANES;
  v128.store(at, x);
  v128.store(at + 16, y);
  v128.store(at + 32, x);
  for (let i: u32 = 0; i < lanes; i++) {
    if (format == F32) store<u32>(at + 32 + 4 * i, u32(lane(ctx, op, format, load<u32>(at + 4 * i), load<u32>(at + 16 + 4 * i), i)));
    else store<u64>(at + 32 + 8 * i, lane(ctx, op, format, load<u64>(at + 8 * i), load<u64>(at + 16 + 8 * i), i));
  }
  return v128.load(at + 32);
}

/** Order of two scalars (LESS .. UNORDERED) with COMISS's or UCOMISS's flags. */
export function softOrder(ctx: usize, format: u32, x: u64, y: u64, signaling: u32): i32 {
  begin(ctx);
  unpack(ctx, Slot.a(ctx), format, x);
  unpack(ctx, Slot.b(ctx), format, y);
  const order = compare(ctx, signaling);
  commit(ctx);
  return order;
}
