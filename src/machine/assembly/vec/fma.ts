/** FMA3: native arithmetic made exact where that is certainly right, else soft float. Kinds: 0 SS, 1 SD, 2 PS, 3 PD. */
import * as N from '../../helpers/vec';
import { F32, F64, LANES, Slot } from '../softfloat/environment';
import { multiplyAdd } from '../softfloat/multiply-add';
import { unpack } from '../softfloat/unpack';
import { begin, commit, Mxcsr } from './mxcsr';
import { Range } from './range';
import { Vec } from './registers';

/** What rounding lost of x + y = r. */
function lostInSum(x: f64, y: f64, r: f64): f64 {
  const part = r - x;
  return x - (r - part) + (y - part);
}

/** A sum that rounding changed is made odd, towards what was lost: a further rounding then sees that there was more. */
function oddSum(x: f64, y: f64): f64 {
  const r = x + y;
  const lost = lostInSum(x, y, r);
  const bits = reinterpret<u64>(r);
  if (lost == 0 || bits & 1) return r;
  return reinterpret<f64>(lost > 0 == r > 0 ? bits + 1 : bits - 1);
}

/** x * y + z in singles: the product is exact as a double. */
function singles(x: f32, y: f32, z: f32): f32 {
  return f32(oddSum(f64(x) * f64(y), f64(z)));
}

/** The number's exponent lets products of it, and what rounding loses of them, be represented. */
function moderate(x: f64): bool {
  const field = (reinterpret<u64>(x) << 1) >> 53;
  return field - 723 <= 600;
}

/** Upper half of a significand. */
function upper(x: f64): f64 {
  const t = x * 134217729.0;
  return t - (t - x);
}

/** x * y + z in doubles, of moderate numbers. */
function doubles(x: f64, y: f64, z: f64): f64 {
  const product = x * y;
  const x1 = upper(x);
  const x0 = x - x1;
  const y1 = upper(y);
  const y0 = y - y1;
  const rest = x0 * y0 - (product - x1 * y1 - x0 * y1 - x1 * y0);
  const small = z + rest;
  const smallLost = lostInSum(z, rest, small);
  const large = product + small;
  return large + oddSum(smallLost, lostInSum(product, small, large));
}

function lane32(ctx: usize, plain: bool, x: u32, y: u32, z: u32, product: u32, addend: u32): u32 {
  if (plain) {
    const a = reinterpret<f32>(x ^ (product << 31));
    const b = reinterpret<f32>(y);
    const c = reinterpret<f32>(z ^ (addend << 31));
    if (Range.in32(a) && Range.in32(b) && Range.in32(c)) {
      const r = singles(a, b, c);
      if (Range.out32(r)) return reinterpret<u32>(r);
    }
  }
  unpack(ctx, Slot.a(ctx), F32, x);
  unpack(ctx, Slot.b(ctx), F32, y);
  unpack(ctx, Slot.c(ctx), F32, z);
  return u32(multiplyAdd(ctx, F32, product, addend));
}

function lane64(ctx: usize, plain: bool, x: u64, y: u64, z: u64, product: u64, addend: u64): u64 {
  if (plain) {
    const a = reinterpret<f64>(x ^ (product << 63));
    const b = reinterpret<f64>(y);
    const c = reinterpret<f64>(z ^ (addend << 63));
    if (moderate(a) && moderate(b) && moderate(c)) {
      const r = doubles(a, b, c);
      if (Range.out64(r)) return reinterpret<u64>(r);
    }
  }
  unpack(ctx, Slot.a(ctx), F64, x);
  unpack(ctx, Slot.b(ctx), F64, y);
  unpack(ctx, Slot.c(ctx), F64, z);
  return multiplyAdd(ctx, F64, u32(product), u32(addend));
}

/** Helpers V_FMA: d = a * b + c. */
export function fused(ctx: usize, n: i32, d: i32, a: i32, b: i32, c: i32): void {
  const kind = n & 3;
  const operation = u32(n - N.V_FMA) >> 2;
  const product: u32 = operation < 4 ? operation >> 1 : 0;
  const plain = Mxcsr.isPlain(ctx);
  const x = Vec.at(ctx, a);
  const y = Vec.at(ctx, b);
  const z = Vec.at(ctx, c);
  const at = ctx + LANES;
  begin(ctx);
  if (kind & 1) {
    const lanes: usize = kind == 1 ? 1 : 2;
    for (let i: usize = 0; i < lanes; i++) {
      const addend = operation < 4 ? operation & 1 : u32(i & 1) ^ (operation == 4 ? 1 : 0);
      store<u64>(at + 8 * i, lane64(ctx, plain, load<u64>(x + 8 * i), load<u64>(y + 8 * i), load<u64>(z + 8 * i), product, addend));
    }
  } else {
    const lanes: usize = kind == 0 ? 1 : 4;
    for (let i: usize = 0; i < lanes; i++) {
      const addend = operation < 4 ? operation & 1 : u32(i & 1) ^ (operation == 4 ? 1 : 0);
      store<u32>(at + 4 * i, lane32(ctx, plain, load<u32>(x + 4 * i), load<u32>(y + 4 * i), load<u32>(z + 4 * i), product, addend));
    }
  }
  commit(ctx);
  if (kind == 0) store<u32>(Vec.at(ctx, d), load<u32>(at));
  else if (kind == 1) store<u64>(Vec.at(ctx, d), load<u64>(at));
  else Vec.set(ctx, d, v128.load(at));
}
