/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM. @see Intel SDM vol. 1, 10.8.3.1 and vol. 2B, 4.1 */
import { RAX, RCX, RDX } from '../../layout';
import { LANES } from '../softfloat/environment';
import { Ctx } from '../state';
import { Vec } from './registers';

/** Element `i` of the 16 bytes at `at`, by imm[1:0]: unsigned or signed bytes or words. */
function element(at: usize, i: i32, format: u32): i32 {
  switch (format) {
    case 0: return load<u8>(at + i);
    case 1: return load<u16>(at + 2 * i);
    case 2: return load<i8>(at + i);
    default: return load<i16>(at + 2 * i);
  }
}

/** Elements before the first zero. */
function implicitLength(at: usize, format: u32, count: i32): i32 {
  for (let i = 0; i < count; i++) if (element(at, i, format) == 0) return i;
  return count;
}

/** Magnitude of a length register, at most `count`. */
function explicitLength(value: i64, count: i32): i32 {
  const size = value < 0 ? u64(-value) : u64(value);
  return size > u64(count) ? count : i32(size);
}

/** Bit j of the first result for each element j of the second operand. */
function aggregate(x: usize, y: usize, lengthX: i32, lengthY: i32, count: i32, imm: i32): u32 {
  const format = imm & 3;
  let result: u32 = 0;
  for (let j = 0; j < count; j++) {
    let hit = false;
    switch ((imm >> 2) & 3) {
      case 0: {
        if (j < lengthY) for (let i = 0; i < lengthX && !hit; i++) hit = element(x, i, format) == element(y, j, format);
        break;
      }
      case 1: {
        if (j < lengthY) {
          const value = element(y, j, format);
          for (let i = 0; i + 1 < lengthX && !hit; i += 2) hit = value >= element(x, i, format) && value <= element(x, i + 1, format);
        }
        break;
      }
      case 2: {
        if (j < lengthX && j < lengthY) hit = element(x, j, format) == element(y, j, format);
        else hit = j >= lengthX && j >= lengthY;
        break;
      }
      default: {
        hit = true;
        for (let i = 0; i < lengthX && i + j < count && hit; i++) hit = i + j < lengthY && element(x, i, format) == element(y, i + j, format);
      }
    }
    if (hit) result |= 1 << j;
  }
  return result;
}

/** The whole instruction: index to RCX or mask to vector 0; flags to slot d. `wide`: lengths of 64 bits. */
export function compareStrings(ctx: usize, d: i32, a: i32, b: i32, imm: i32, explicit: bool, wide: bool, mask: bool): void {
  const format = imm & 3;
  const count = format & 1 ? 8 : 16;
  const x = ctx + LANES;
  const y = x + 16;
  v128.store(x, Vec.get(ctx, a));
  v128.store(y, Vec.get(ctx, b));
  let lengthX: i32;
  let lengthY: i32;
  if (explicit) {
    const first = i64(Ctx.get(ctx, RAX));
    const second = i64(Ctx.get(ctx, RDX));
    lengthX = explicitLength(wide ? first : i64(i32(first)), count);
    lengthY = explicitLength(wide ? second : i64(i32(second)), count);
  } else {
    lengthX = implicitLength(x, format, count);
    lengthY = implicitLength(y, format, count);
  }
  let result = aggregate(x, y, lengthX, lengthY, count, imm);
  if (imm & 16) result ^= imm & 32 ? (1 << lengthY) - 1 : (1 << count) - 1;
  if (mask) {
    if (imm & 64) {
      for (let i = 0; i < 16; i++) store<u8>(x + i, (result >> (format & 1 ? i >> 1 : i)) & 1 ? 0xff : 0);
    } else {
      store<u64>(x, result);
      store<u64>(x + 8, 0);
    }
    Vec.set(ctx, 0, v128.load(x));
  } else {
    let index: u32 = count;
    if (result != 0) index = imm & 64 ? 31 - clz<u32>(result) : ctz<u32>(result);
    Ctx.set(ctx, RCX, index);
  }
  const flags: u32 = u32(result != 0) | (u32(lengthY < count) << 6) | (u32(lengthX < count) << 7) | ((result & 1) << 11);
  Ctx.set(ctx, d, flags);
}
