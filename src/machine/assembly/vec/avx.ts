/** VEX forms: 128-bit operations that clear what is above, 256-bit ones in two halves, and the operations that cross halves. */
import * as N from '../../helpers/vec';
import { CR0, SEG_BASE, XCR0 } from '../../layout';
import { NM, raise, raiseUd } from '../exceptions/raise';
import { probeWrite, readSized, readUnaligned, writeSized } from '../memory/access';
import { segmentLinear } from '../memory/segment';
import { Env, F32, LANES } from '../softfloat/environment';
import { Ctx } from '../state';
import { dispatchVec, pure, testBits } from './dispatch';
import { fused } from './fma';
import { fromHalves, toHalves } from './half';
import { LANE_ADD, LANE_MUL, softLanes } from './lanes';
import { begin, commit } from './mxcsr';
import { Vec } from './registers';

const CR0_TS: u32 = 8;
const CR4_OSXSAVE: u32 = 0x40000;
/** Vector temporaries that the lifter never gets to: upper halves of operands, and the lower half of the result. */
const UPPER_A: i32 = 36;
const UPPER_B: i32 = 37;
const UPPER_C: i32 = 38;
const LOWER: i32 = 39;

@unmanaged
class High {
  @inline static get(ctx: usize, n: i32): v128 {
    return v128.load(Vec.at(ctx, n), 16);
  }
  @inline static set(ctx: usize, n: i32, value: v128): void {
    v128.store(Vec.at(ctx, n), value, 16);
  }
  @inline static clear(ctx: usize, n: i32): void {
    v128.store(Vec.at(ctx, n), i64x2.splat(0), 16);
  }
  /** Both halves. */
  @inline static setBoth(ctx: usize, n: i32, low: v128, high: v128): void {
    const at = Vec.at(ctx, n);
    v128.store(at, low);
    v128.store(at, high, 16);
  }
}

/** #UD unless the system has switched AVX on, #NM for CR0.TS. */
function check(ctx: usize): void {
  if (!Ctx.cr4Has(ctx, CR4_OSXSAVE) || (Ctx.get32(ctx, XCR0) & 6) != 6) raiseUd(ctx);
  if (Ctx.get32(ctx, CR0) & CR0_TS) raise(ctx, NM, false, 0);
}

/** The upper half as the low one. */
function lowered(x: v128): v128 {
  return v128.shuffle<i64>(x, i64x2.splat(0), 1, 2);
}

function zeroRegisters(ctx: usize, count: i32, all: bool): void {
  for (let i = 0; i < count; i++) {
    High.clear(ctx, i);
    if (all) Vec.set(ctx, i, i64x2.splat(0));
  }
}

// ---- memory ---------------------------------------------------------------------------------------------------------------

function selected(ctx: usize, mask: i32, i: u32, size: u32): bool {
  const at = Vec.at(ctx, mask) + i * size;
  return size == 8 ? load<i64>(at) < 0 : load<i32>(at) < 0;
}

function elementAddress(ctx: usize, offset: u64, segment: u32, how: u32): u64 {
  if (Ctx.is64(ctx)) return segment >= 4 ? offset + Ctx.get(ctx, SEG_BASE + segment) : offset;
  return segmentLinear(ctx, u32(offset), segment, how);
}

/** Address of element i of a masked move; only the elements moved are checked against the segment. */
function maskedAddress(ctx: usize, offset: u64, i: u32, extra: u32, how: u32): u64 {
  return elementAddress(ctx, offset + u64(i * (extra & 15)), (extra >> 8) & 7, how);
}

function maskedLoad(ctx: usize, d: i32, mask: i32, offset: u64, extra: u32): void {
  const size = extra & 15;
  const count: u32 = (extra & 16 ? 32 : 16) / size;
  const at = ctx + LANES;
  v128.store(at, i64x2.splat(0));
  v128.store(at + 16, i64x2.splat(0));
  for (let i: u32 = 0; i < count; i++) {
    if (!selected(ctx, mask, i, size)) continue;
    const value = readSized(ctx, maskedAddress(ctx, offset, i, extra, size), size);
    if (size == 8) store<u64>(at + 8 * i, value);
    else store<u32>(at + 4 * i, u32(value));
  }
  High.setBoth(ctx, d, v128.load(at), v128.load(at + 16));
}

function maskedStore(ctx: usize, d: i32, mask: i32, offset: u64, extra: u32): void {
  const size = extra & 15;
  const count: u32 = (extra & 16 ? 32 : 16) / size;
  for (let i: u32 = 0; i < count; i++) if (selected(ctx, mask, i, size)) probeWrite(ctx, maskedAddress(ctx, offset, i, extra, size | 0x100), size);
  const from = Vec.at(ctx, d);
  for (let i: u32 = 0; i < count; i++) {
    if (!selected(ctx, mask, i, size)) continue;
    writeSized(ctx, maskedAddress(ctx, offset, i, extra, size | 0x100), size, size == 8 ? load<u64>(from + 8 * i) : load<u32>(from + 4 * i));
  }
}

/** Elements done before a fault stay done, and their mask is cleared: the instruction goes on where it stopped. */
function gather(ctx: usize, d: i32, indexes: i32, base: u64, mask: i32, extra: i32): void {
  const size: u32 = extra & 4 ? 8 : 4;
  const wideIndex = (extra & 8) != 0;
  const bytes: u32 = extra & 16 ? 32 : 16;
  const count = bytes / (wideIndex ? 8 : size);
  const to = Vec.at(ctx, d);
  const masks = Vec.at(ctx, mask);
  const from = Vec.at(ctx, indexes);
  for (let i: u32 = 0; i < count; i++) {
    if (selected(ctx, mask, i, size)) {
      const index = wideIndex ? load<i64>(from + 8 * i) : i64(load<i32>(from + 4 * i));
      let offset = base + (u64(index) << (extra & 3));
      if (extra & 32) offset &= 0xffffffff;
      const value = readUnaligned(ctx, elementAddress(ctx, offset, (extra >> 8) & 7, size), size);
      if (size == 8) store<u64>(to + 8 * i, value);
      else store<u32>(to + 4 * i, u32(value));
    }
    if (size == 8) store<u64>(masks + 8 * i, 0);
    else store<u32>(masks + 4 * i, 0);
  }
  High.setBoth(ctx, mask, i64x2.splat(0), i64x2.splat(0));
  const used = count * size;
  if (used < 32) High.clear(ctx, d);
  if (used < 16) store<u64>(to, 0, 8);
}

// ---- lanes across halves ----------------------------------------------------------------------------------------------------

/** PERMQ, PERMPD. */
function permuteQuadwords(ctx: usize, d: i32, b: i32, imm: i32): void {
  const at = ctx + LANES;
  v128.store(at, Vec.get(ctx, b));
  v128.store(at + 16, High.get(ctx, b));
  const to = Vec.at(ctx, d);
  for (let i = 0; i < 4; i++) store<u64>(to + 8 * i, load<u64>(at + (usize((imm >> (2 * i)) & 3) << 3)));
}

/** PERMD, PERMPS. */
function permuteDoublewords(ctx: usize, d: i32, a: i32, b: i32): void {
  const at = ctx + LANES;
  v128.store(at, Vec.get(ctx, b));
  v128.store(at + 16, High.get(ctx, b));
  v128.store(at + 32, Vec.get(ctx, a));
  v128.store(at + 48, High.get(ctx, a));
  const to = Vec.at(ctx, d);
  for (let i: usize = 0; i < 32; i += 4) store<u32>(to + i, load<u32>(at + ((load<u32>(at + 32 + i) & 7) << 2)));
}

function half(ctx: usize, a: i32, b: i32, select: i32): v128 {
  if (select & 8) return i64x2.splat(0);
  const from = select & 2 ? b : a;
  return select & 1 ? High.get(ctx, from) : Vec.get(ctx, from);
}

function insertHalf(ctx: usize, d: i32, a: i32, b: i32, imm: i32): void {
  const value = Vec.get(ctx, b);
  const low = imm & 1 ? Vec.get(ctx, a) : value;
  const high = imm & 1 ? value : High.get(ctx, a);
  High.setBoth(ctx, d, low, high);
}

function broadcast(n: i32, x: v128): v128 {
  switch (n) {
    case N.V_BROADCAST: return i8x16.splat(i8(i8x16.extract_lane_s(x, 0)));
    case N.V_BROADCAST + 1: return i16x8.splat(i16(i16x8.extract_lane_s(x, 0)));
    case N.V_BROADCAST + 2: return i32x4.splat(i32x4.extract_lane(x, 0));
    case N.V_BROADCAST + 3: return i64x2.splat(i64x2.extract_lane(x, 0));
    default: return x;
  }
}

/** Flags of VTESTPS and VTESTPD: PTEST of the sign bits. */
function testSigns(x: v128, y: v128, doubles: bool): u64 {
  const signs = doubles ? i64x2.splat(i64.MIN_VALUE) : i32x4.splat(i32.MIN_VALUE);
  return testBits(x, v128.and(y, signs));
}

// ---- 256 bits ---------------------------------------------------------------------------------------------------------------

function wideInteger(ctx: usize, n: i32, d: i32, a: i32, b: i32, imm: i32): void {
  const y = Vec.get(ctx, b);
  let upper = High.get(ctx, b);
  let upperImm = imm;
  switch (n) {
    case N.V_PSLLW:
    case N.V_PSLLD:
    case N.V_PSLLQ:
    case N.V_PSRLW:
    case N.V_PSRLD:
    case N.V_PSRLQ:
    case N.V_PSRAW:
    case N.V_PSRAD: upper = y; break;
    case N.V_PMOVSXBW:
    case N.V_PMOVSXWD:
    case N.V_PMOVSXDQ:
    case N.V_PMOVZXBW:
    case N.V_PMOVZXWD:
    case N.V_PMOVZXDQ: upper = lowered(y); break;
    case N.V_PMOVSXBD:
    case N.V_PMOVSXWQ:
    case N.V_PMOVZXBD:
    case N.V_PMOVZXWQ: upper = v128.shuffle<i32>(y, y, 1, 1, 1, 1); break;
    case N.V_PMOVSXBQ:
    case N.V_PMOVZXBQ: upper = v128.shuffle<i16>(y, y, 1, 1, 1, 1, 1, 1, 1, 1); break;
    case N.V_SHUFPD:
    case N.V_BLENDPD: upperImm = imm >> 2; break;
    case N.V_BLENDPS: upperImm = imm >> 4; break;
    case N.V_MPSADBW: upperImm = imm >> 3; break;
    default: break;
  }
  const high = pure(ctx, n, High.get(ctx, a), upper, upperImm);
  const low = pure(ctx, n, Vec.get(ctx, a), y, imm);
  High.setBoth(ctx, d, low, high);
}

/** VDPPS: the steps of both halves together, for each may end the instruction. */
function wideDotProduct(ctx: usize, d: i32, a: i32, b: i32, imm: i32): void {
  const zero = i64x2.splat(0);
  const bits = i32x4(1, 2, 4, 8);
  const from = i32x4.ne(v128.and(i32x4.splat(imm >> 4), bits), zero);
  const to = i32x4.ne(v128.and(i32x4.splat(imm), bits), zero);
  begin(ctx);
  let low = softLanes(ctx, LANE_MUL, F32, 4, v128.and(Vec.get(ctx, a), from), v128.and(Vec.get(ctx, b), from));
  let high = softLanes(ctx, LANE_MUL, F32, 4, v128.and(High.get(ctx, a), from), v128.and(High.get(ctx, b), from));
  commit(ctx);
  low = softLanes(ctx, LANE_ADD, F32, 2, v128.shuffle<i32>(low, low, 0, 2, 0, 2), v128.shuffle<i32>(low, low, 1, 3, 1, 3));
  high = softLanes(ctx, LANE_ADD, F32, 2, v128.shuffle<i32>(high, high, 0, 2, 0, 2), v128.shuffle<i32>(high, high, 1, 3, 1, 3));
  commit(ctx);
  low = softLanes(ctx, LANE_ADD, F32, 1, low, v128.shuffle<i32>(low, low, 1, 1, 1, 1));
  high = softLanes(ctx, LANE_ADD, F32, 1, high, v128.shuffle<i32>(high, high, 1, 1, 1, 1));
  commit(ctx);
  High.setBoth(ctx, d, v128.and(v128.shuffle<i32>(low, low, 0, 0, 0, 0), to), v128.and(v128.shuffle<i32>(high, high, 0, 0, 0, 0), to));
}

/** Both halves as operations of their own, with the exceptions of one. */
function wideFloat(ctx: usize, n: i32, d: i32, a: i32, b: i32, c: i32, extra: i64): void {
  const widens = n == N.V_CVTPS2PD || n == N.V_CVTDQ2PD || n == N.V_CVTPH2PS;
  const narrows = n == N.V_CVTPD2PS || n == N.V_CVTPD2DQ || n == N.V_CVTTPD2DQ || n == N.V_CVTPS2PH;
  Vec.set(ctx, UPPER_A, High.get(ctx, a));
  Vec.set(ctx, UPPER_B, widens ? lowered(Vec.get(ctx, b)) : High.get(ctx, b));
  Vec.set(ctx, UPPER_C, High.get(ctx, c));
  begin(ctx);
  Env.setHeld(ctx, 1);
  dispatchVec(ctx, n, LOWER, a, b, c, extra);
  dispatchVec(ctx, n, UPPER_A, UPPER_A, UPPER_B, UPPER_C, extra);
  Env.setHeld(ctx, 0);
  commit(ctx);
  const low = Vec.get(ctx, LOWER);
  const high = Vec.get(ctx, UPPER_A);
  if (narrows) High.setBoth(ctx, d, v128.shuffle<i64>(low, high, 0, 2), i64x2.splat(0));
  else High.setBoth(ctx, d, low, high);
}

function blendMask(n: i32, mask: v128): v128 {
  return n == N.V_PBLENDVB ? i8x16.shr_s(mask, 7) : n == N.V_BLENDVPS ? i32x4.shr_s(mask, 31) : i64x2.shr_s(mask, 63);
}

function wide(ctx: usize, n: i32, d: i32, a: i32, b: i32, c: i32, extra: i64): void {
  if (n < 192) return wideInteger(ctx, n, d, a, b, i32(extra));
  switch (n) {
    case N.V_PBLENDVB:
    case N.V_BLENDVPS:
    case N.V_BLENDVPD: {
      const low = v128.bitselect(Vec.get(ctx, b), Vec.get(ctx, a), blendMask(n, Vec.get(ctx, c)));
      const high = v128.bitselect(High.get(ctx, b), High.get(ctx, a), blendMask(n, High.get(ctx, c)));
      return High.setBoth(ctx, d, low, high);
    }
    case N.V_PMOVMSKB: return Ctx.set(ctx, d, u64(u32(i8x16.bitmask(Vec.get(ctx, a)) | (i8x16.bitmask(High.get(ctx, a)) << 16))));
    case N.V_MOVMSKPS: return Ctx.set(ctx, d, u64(u32(i32x4.bitmask(Vec.get(ctx, a)) | (i32x4.bitmask(High.get(ctx, a)) << 4))));
    case N.V_MOVMSKPD: return Ctx.set(ctx, d, u64(u32(i64x2.bitmask(Vec.get(ctx, a)) | (i64x2.bitmask(High.get(ctx, a)) << 2))));
    case N.V_PTEST: return Ctx.set(ctx, d, testBits(Vec.get(ctx, a), Vec.get(ctx, b)) & testBits(High.get(ctx, a), High.get(ctx, b)));
    case N.V_TESTPS:
    case N.V_TESTPD: {
      const doubles = n == N.V_TESTPD;
      return Ctx.set(ctx, d, testSigns(Vec.get(ctx, a), Vec.get(ctx, b), doubles) & testSigns(High.get(ctx, a), High.get(ctx, b), doubles));
    }
    case N.V_DP + 2: return wideDotProduct(ctx, d, a, b, i32(extra));
    default: break;
  }
  if (n >= N.V_BROADCAST && n < N.V_ZEROUPPER) {
    const value = broadcast(n, Vec.get(ctx, b));
    return High.setBoth(ctx, d, value, value);
  }
  wideFloat(ctx, n, d, a, b, c, extra);
}

/** Helpers from V_FMA on. */
export function beyond(ctx: usize, n: i32, d: i32, a: i32, b: i32, c: i32, extra: i64): void {
  if (n >= N.V_VEX256) return wide(ctx, n - N.V_VEX256, d, a, b, c, extra);
  if (n >= N.V_VEX128) {
    dispatchVec(ctx, n - N.V_VEX128, d, a, b, c, extra);
    return High.clear(ctx, d);
  }
  if (n < N.V_CVTPH2PS) return fused(ctx, n, d, a, b, c);
  if (n >= N.V_BROADCAST && n < N.V_ZEROUPPER) return Vec.set(ctx, d, broadcast(n, Vec.get(ctx, b)));
  const imm = i32(extra);
  switch (n) {
    case N.V_CVTPH2PS: return Vec.set(ctx, d, fromHalves(ctx, Vec.get(ctx, b)));
    case N.V_CVTPS2PH: return Vec.set(ctx, d, toHalves(ctx, Vec.get(ctx, b), imm));
    case N.V_PERMQ: return permuteQuadwords(ctx, d, b, imm);
    case N.V_PERMD: return permuteDoublewords(ctx, d, a, b);
    case N.V_PERM2: {
      const low = half(ctx, a, b, imm);
      const high = half(ctx, a, b, imm >> 4);
      return High.setBoth(ctx, d, low, high);
    }
    case N.V_INSERT128: return insertHalf(ctx, d, a, b, imm);
    case N.V_EXTRACT128: return High.setBoth(ctx, d, imm & 1 ? High.get(ctx, b) : Vec.get(ctx, b), i64x2.splat(0));
    case N.V_ZEROUPPER: return zeroRegisters(ctx, c, false);
    case N.V_ZEROALL: return zeroRegisters(ctx, c, true);
    case N.V_MASKLOAD: return maskedLoad(ctx, d, a, Ctx.get(ctx, b), u32(imm));
    case N.V_MASKSTORE: return maskedStore(ctx, d, a, Ctx.get(ctx, b), u32(imm));
    case N.V_GATHER: return gather(ctx, d, a, Ctx.get(ctx, b), c, imm);
    case N.V_CHECK_AVX: return check(ctx);
    case N.V_TESTPS: return Ctx.set(ctx, d, testSigns(Vec.get(ctx, a), Vec.get(ctx, b), false));
    case N.V_TESTPD: return Ctx.set(ctx, d, testSigns(Vec.get(ctx, a), Vec.get(ctx, b), true));
    default: unreachable();
  }
}
