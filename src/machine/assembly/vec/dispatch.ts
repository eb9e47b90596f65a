/** Entry to the SSE helpers: OP_HVEC. Numbers and operands: ../../helpers/vec.ts. */
import * as N from '../../helpers/vec';
import { CR0, MXCSR } from '../../layout';
import { NM, raise, raiseGp, raiseUd } from '../exceptions/raise';
import { probeWrite, write8 } from '../memory/access';
import { Ctx } from '../state';
import { beyond } from './avx';
import { conversion, round } from './conversion';
import { float } from './float';
import { immediate } from './immediate';
import { integer } from './integer';
import { later, laterImmediate } from './later';
import { MXCSR_MASK } from './mxcsr';
import { Vec } from './registers';
import { sha256Rounds } from './sha';
import { compareStrings } from './string-compare';

const CR0_EM: u32 = 4;
const CR0_TS: u32 = 8;
const CR4_OSFXSR: u32 = 0x200;

/** #UD or #NM where control registers forbid SSE. */
function check(ctx: usize): void {
  if (Ctx.get32(ctx, CR0) & CR0_EM || !Ctx.cr4Has(ctx, CR4_OSFXSR)) raiseUd(ctx);
  if (Ctx.get32(ctx, CR0) & CR0_TS) raise(ctx, NM, false, 0);
}

function maskedStore(ctx: usize, a: i32, b: i32, address: u64): void {
  const from = Vec.at(ctx, a);
  const mask = Vec.at(ctx, b);
  // as on AMD's processors all sixteen bytes must be writable, whatever the mask
  probeWrite(ctx, address, 16);
  for (let i: usize = 0; i < 16; i++) if (load<i8>(mask + i) < 0) write8(ctx, address + i, load<u8>(from + i));
}

function insertLane(ctx: usize, d: i32, a: i32, log: i32, lane: i32): void {
  const at = Vec.at(ctx, d) + (lane << log);
  const value = Ctx.get(ctx, a);
  if (log == 0) store<u8>(at, u8(value));
  else if (log == 1) store<u16>(at, u16(value));
  else if (log == 2) store<u32>(at, u32(value));
  else store<u64>(at, value);
}

/** Flags of PTEST: ZF if (y & x) is 0, CF if (y & ~x) is 0. */
export function testBits(x: v128, y: v128): u64 {
  return (v128.any_true(v128.and(x, y)) ? 0 : 0x40) | (v128.any_true(v128.andnot(y, x)) ? 0 : 1);
}

/** The numbers below 192: functions of two 128-bit values. */
export function pure(ctx: usize, n: i32, x: v128, y: v128, imm: i32): v128 {
  if (n < N.V_AESENC) return integer(n, x, y);
  if (n < 128) return later(ctx, n, x, y);
  return n < N.V_AESKEYGENASSIST ? immediate(ctx, n, x, y, imm) : laterImmediate(ctx, n, x, y, imm);
}

/** OP_HVEC: helper n with the fields of the micro-op; extra = imm >> 16. */
export function dispatchVec(ctx: usize, n: i32, d: i32, a: i32, b: i32, c: i32, extra: i64): void {
  if (n < N.V_AESENC) return Vec.set(ctx, d, integer(n, Vec.get(ctx, a), Vec.get(ctx, b)));
  if (n < 192) return Vec.set(ctx, d, pure(ctx, n, Vec.get(ctx, a), Vec.get(ctx, b), i32(extra)));
  if (n >= N.V_FMA) return beyond(ctx, n, d, a, b, c, extra);
  if (n >= N.V_CVTPS2PD) return conversion(ctx, n, d, a, b, c);
  if (n >= 256) {
    if ((n & ~3) == N.V_ROUND) return round(ctx, n & 3, d, a, b, i32(extra));
    return float(ctx, n, d, a, b, i32(extra));
  }
  switch (n) {
    case N.V_PBLENDVB: return Vec.set(ctx, d, v128.bitselect(Vec.get(ctx, b), Vec.get(ctx, a), i8x16.shr_s(Vec.get(ctx, c), 7)));
    case N.V_BLENDVPS: return Vec.set(ctx, d, v128.bitselect(Vec.get(ctx, b), Vec.get(ctx, a), i32x4.shr_s(Vec.get(ctx, c), 31)));
    case N.V_BLENDVPD: return Vec.set(ctx, d, v128.bitselect(Vec.get(ctx, b), Vec.get(ctx, a), i64x2.shr_s(Vec.get(ctx, c), 63)));
    case N.V_PMOVMSKB: return Ctx.set(ctx, d, u64(u32(i8x16.bitmask(Vec.get(ctx, a)))));
    case N.V_MOVMSKPS: return Ctx.set(ctx, d, u64(u32(i32x4.bitmask(Vec.get(ctx, a)))));
    case N.V_MOVMSKPD: return Ctx.set(ctx, d, u64(u32(i64x2.bitmask(Vec.get(ctx, a)))));
    case N.V_PTEST: return Ctx.set(ctx, d, testBits(Vec.get(ctx, a), Vec.get(ctx, b)));
    case N.V_PINSR: return insertLane(ctx, d, a, b, c);
    case N.V_MOVSS: return Vec.set(ctx, d, v128.shuffle<i32>(Vec.get(ctx, a), Vec.get(ctx, b), 4, 1, 2, 3));
    case N.V_MASKMOVDQU: return maskedStore(ctx, a, b, Ctx.get(ctx, c));
    case N.V_PCMPESTRI: return compareStrings(ctx, d, a, b, i32(extra), true, (extra & 0x100) != 0, false);
    case N.V_PCMPESTRM: return compareStrings(ctx, d, a, b, i32(extra), true, (extra & 0x100) != 0, true);
    case N.V_PCMPISTRI: return compareStrings(ctx, d, a, b, i32(extra), false, false, false);
    case N.V_PCMPISTRM: return compareStrings(ctx, d, a, b, i32(extra), false, false, true);
    case N.V_CHECK: return check(ctx);
    case N.V_SHA256RNDS2: return Vec.set(ctx, d, sha256Rounds(ctx, Vec.get(ctx, a), Vec.get(ctx, b), Vec.get(ctx, c)));
    case N.V_LDMXCSR: {
      const value = Ctx.get32(ctx, a);
      if (value & ~MXCSR_MASK) raiseGp(ctx, 0);
      return Ctx.set(ctx, MXCSR, value);
    }
    default: unreachable();
  }
}
