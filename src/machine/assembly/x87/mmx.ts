/** MMX: the significands of the x87's physical registers, TOP forced to 0 and all tags to valid. */
import { CR0, FSW, FTW, X87, X87_STRIDE } from '../../layout';
import { NM, raise, raiseUd } from '../exceptions/raise';
import { probeWrite, write8, write32, write64 } from '../memory/access';
import * as V from '../../helpers/vec';
import { Ctx } from '../state';
import { immediate } from '../vec/immediate';
import { integer } from '../vec/integer';
import { Vec } from '../vec/registers';
import { checkPending } from './stack';

const CR0_EM: u32 = 4;
const CR0_TS: u32 = 8;

/** What comes before every MMX instruction: #UD, #NM, #MF. */
export function checkMmx(ctx: usize): void {
  if (Ctx.get32(ctx, CR0) & CR0_EM) raiseUd(ctx);
  if (Ctx.get32(ctx, CR0) & CR0_TS) raise(ctx, NM, false, 0);
  checkPending(ctx);
}

@unmanaged
class Mmx {
  @inline static get(ctx: usize, n: i32): u64 {
    return load<u64>(ctx + X87 + n * X87_STRIDE);
  }
  @inline static set(ctx: usize, n: i32, value: u64): void {
    store<u64>(ctx + X87 + n * X87_STRIDE, value);
    store<u64>(ctx + X87 + n * X87_STRIDE, 0xffff, 8);
  }
}

function enter(ctx: usize): void {
  checkMmx(ctx);
  Ctx.set(ctx, FSW, Ctx.get32(ctx, FSW) & ~0x3800);
  Ctx.set(ctx, FTW, 0xff);
}

export function readMmx(ctx: usize, n: i32): u64 {
  enter(ctx);
  return Mmx.get(ctx, n);
}

export function writeMmx(ctx: usize, n: i32, value: u64): void {
  enter(ctx);
  Mmx.set(ctx, n, value);
}

/** EMMS; TOP becomes 0, as AMD's processors have it. */
export function emptyMmx(ctx: usize): void {
  enter(ctx);
  Ctx.set(ctx, FTW, 0);
}

function pair(low: u64, high: u64): v128 {
  return i64x2.replace_lane(i64x2.splat(low), 1, high);
}

/** x op y in 64 bits by the 128-bit operation n; where that works across the whole width, its operands are rearranged. */
function compute(ctx: usize, n: i32, x: u64, y: u64, imm: i32): u64 {
  const zero = i64x2.splat(0);
  switch (n) {
    case V.V_PACKSSWB:
    case V.V_PACKSSDW:
    case V.V_PACKUSWB:
    case V.V_PHADDW:
    case V.V_PHADDD:
    case V.V_PHADDSW:
    case V.V_PHSUBW:
    case V.V_PHSUBD:
    case V.V_PHSUBSW: return i64x2.extract_lane(integer(n, pair(x, y), zero), 0);
    case V.V_PUNPCKHBW:
    case V.V_PUNPCKHWD:
    case V.V_PUNPCKHDQ: return i64x2.extract_lane(integer(n - V.V_PUNPCKHBW + V.V_PUNPCKLBW, pair(x, 0), pair(y, 0)), 1);
    case V.V_PSHUFB: return i64x2.extract_lane(integer(n, pair(x, 0), pair(y & 0x8787878787878787, 0)), 0);
    case V.V_PALIGNR: return i64x2.extract_lane(immediate(ctx, V.V_PSRLDQ, zero, pair(y, x), imm), 0);
  }
  if (n < 128) return i64x2.extract_lane(integer(n, pair(x, 0), pair(y, 0)), 0);
  return i64x2.extract_lane(immediate(ctx, n, pair(x, 0), pair(y, 0), imm), 0);
}

/** MMX register d = d op source, which is MMX register a or (fromVector) the low half of vector a. */
export function binaryMmx(ctx: usize, n: i32, d: i32, a: i32, fromVector: i32, imm: i32): void {
  enter(ctx);
  const source = fromVector ? Vec.low(ctx, a) : Mmx.get(ctx, a);
  Mmx.set(ctx, d, compute(ctx, n, Mmx.get(ctx, d), source, imm));
}

/** MASKMOVQ. */
export function maskedStoreMmx(ctx: usize, d: i32, a: i32, address: u64): void {
  // as on AMD's processors: MMX state is entered before, and all eight bytes must be writable, whatever the mask
  enter(ctx);
  probeWrite(ctx, address, 8);
  const value = Mmx.get(ctx, d);
  const mask = Mmx.get(ctx, a);
  for (let i: u64 = 0; i < 8; i++) if ((mask >> (8 * i + 7)) & 1) write8(ctx, address + i, (value >> (8 * i)) & 0xff);
}

/** MOVD, MOVQ, MOVNTQ to memory. */
export function storeMmx(ctx: usize, d: i32, address: u64, size: i32): void {
  checkMmx(ctx);
  if (size == 4) write32(ctx, address, Mmx.get(ctx, d));
  else write64(ctx, address, Mmx.get(ctx, d));
  enter(ctx);
}
