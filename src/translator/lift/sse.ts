/** SSE moves, integer arithmetic, shuffles and string compares. Floating point is in ssefp.ts. */

import * as V from '../../machine/helpers/vec.ts';
import { M_READ, M_WRITE } from '../../machine/helpers/x87.ts';
import { RDI, ZERO } from '../../machine/layout.ts';
import { OP_HVEC, OP_HX87, OP_SETFLAGS, OP_SHRI, OP_VGET, OP_VMOV, OP_VPUT, OP_VZERO, OP_ZX8, OP_ZX16, OP_ZX32 } from '../../machine/ops.ts';
import { type Insn, OPK_IMM, OPK_MEM, OPK_VEC } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { Address, SEG_DS, SEG_SS, segmentAddress, sizeNumber } from './memory-operand.ts';
import { read, readZero, write, zeroExtend } from './operands.ts';
import { binary, guard, loadVector, source, storeVector } from './vector-operand.ts';

// ---- moves ----------------------------------------------------------------------------------------------------------

const getLane = (b: Builder, slot: number, vector: number, lane: number): void => b.emit(OP_VGET, slot, vector, 0, lane, 0, 0);
const putLane = (b: Builder, vector: number, lane: number, slot: number): void => b.emit(OP_VPUT, vector, slot, 0, lane, 0, 0);

/** MOVAPS, MOVUPS, MOVDQA, MOVNTDQ, LDDQU ...: 16 bytes. */
export function mov(b: Builder, i: Insn): void {
  guard(b);
  if (i.o0.kind === OPK_MEM) storeVector(b, i, i.o1.reg, 16);
  else if (i.o1.kind === OPK_MEM) loadVector(b, i, i.o0.reg, 16);
  else b.un(OP_VMOV, i.o0.reg, i.o1.reg);
}

/** MOVSS: a load clears the upper lanes, a register move keeps them. */
export function movss(b: Builder, i: Insn): void {
  guard(b);
  if (i.o0.kind === OPK_MEM) storeVector(b, i, i.o1.reg, 4);
  else if (i.o1.kind === OPK_MEM) loadVector(b, i, i.o0.reg, 4);
  else b.helper(OP_HVEC, V.V_MOVSS, i.o0.reg, i.o0.reg, i.o1.reg);
}

/** MOVSD, as MOVSS. */
export function movsd(b: Builder, i: Insn): void {
  guard(b);
  if (i.o0.kind === OPK_MEM) return storeVector(b, i, i.o1.reg, 8);
  if (i.o1.kind === OPK_MEM) return loadVector(b, i, i.o0.reg, 8);
  const t = b.temp();
  getLane(b, t, i.o1.reg, 0);
  putLane(b, i.o0.reg, 0, t);
}

/** MOVQ between vector registers and memory: the upper half of a register becomes zero. */
export function movq(b: Builder, i: Insn): void {
  guard(b);
  if (i.o0.kind === OPK_MEM) return storeVector(b, i, i.o1.reg, 8);
  if (i.o1.kind === OPK_MEM) return loadVector(b, i, i.o0.reg, 8);
  const t = b.temp();
  getLane(b, t, i.o1.reg, 0);
  putLane(b, i.o0.reg, 0, t);
  putLane(b, i.o0.reg, 1, ZERO);
}

/** MOVD, MOVQ with a general register or memory. */
export function movd(b: Builder, i: Insn): void {
  guard(b);
  const { o0, o1 } = i;
  if (o1.kind === OPK_VEC) {
    if (o0.kind === OPK_MEM) return storeVector(b, i, o1.reg, o0.size);
    const t = b.temp();
    getLane(b, t, o1.reg, 0);
    return write(b, i, o0, t);
  }
  if (o1.kind === OPK_MEM) return loadVector(b, i, o0.reg, o1.size);
  putLane(b, o0.reg, 0, readZero(b, i, o1));
  putLane(b, o0.reg, 1, ZERO);
}

/** MOVLPS, MOVLPD. */
export function movlow(b: Builder, i: Insn): void {
  guard(b);
  if (i.o0.kind === OPK_MEM) storeVector(b, i, i.o1.reg, 8);
  else putLane(b, i.o0.reg, 0, read(b, i, i.o1));
}

/** MOVHPS, MOVHPD. */
export function movhigh(b: Builder, i: Insn): void {
  guard(b);
  if (i.o0.kind !== OPK_MEM) return putLane(b, i.o0.reg, 1, read(b, i, i.o1));
  const t = b.temp();
  getLane(b, t, i.o1.reg, 1);
  write(b, i, i.o0, t);
}

export function movhlps(b: Builder, i: Insn): void {
  guard(b);
  const t = b.temp();
  getLane(b, t, i.o1.reg, 1);
  putLane(b, i.o0.reg, 0, t);
}

export function movlhps(b: Builder, i: Insn): void {
  guard(b);
  const t = b.temp();
  getLane(b, t, i.o1.reg, 0);
  putLane(b, i.o0.reg, 1, t);
}

export function movddup(b: Builder, i: Insn): void {
  guard(b);
  let t: number;
  if (i.o1.kind === OPK_MEM) t = read(b, i, i.o1);
  else {
    t = b.temp();
    getLane(b, t, i.o1.reg, 0);
  }
  putLane(b, i.o0.reg, 0, t);
  putLane(b, i.o0.reg, 1, t);
}

/** MOVDQ2Q: MMX register from a vector register. */
export function movdq2q(b: Builder, i: Insn): void {
  guard(b);
  const t = b.temp();
  getLane(b, t, i.o1.reg, 0);
  b.helper(OP_HX87, M_WRITE, i.o0.reg, t);
}

/** MOVQ2DQ: vector register from an MMX register. */
export function movq2dq(b: Builder, i: Insn): void {
  guard(b);
  const t = b.temp();
  b.helper(OP_HX87, M_READ, t, i.o1.reg);
  putLane(b, i.o0.reg, 0, t);
  putLane(b, i.o0.reg, 1, ZERO);
}

// ---- lanes and general registers ------------------------------------------------------------------------------------

const mask =
  (helper: number) =>
  (b: Builder, i: Insn): void => {
    guard(b);
    b.helper(OP_HVEC, helper, i.o0.reg, i.o1.reg);
  };
export const pmovmskb = mask(V.V_PMOVMSKB);
export const movmskps = mask(V.V_MOVMSKPS);
export const movmskpd = mask(V.V_MOVMSKPD);

/** Lane `lane` of `size` bytes to a general register (zero-extended) or memory. */
const extract = (b: Builder, i: Insn, size: number): void => {
  guard(b);
  const byte = ((i.immLo & 0xff) * size) & 15;
  const t = b.temp();
  getLane(b, t, i.o1.reg, byte >> 3);
  if (byte & 7) b.imm(OP_SHRI, t, t, (byte & 7) * 8);
  if (i.o0.kind === OPK_MEM || size === 8) return write(b, i, i.o0, t);
  b.un(size === 1 ? OP_ZX8 : size === 2 ? OP_ZX16 : OP_ZX32, i.o0.reg, t);
};
export const pextrb = (b: Builder, i: Insn): void => extract(b, i, 1);
export const pextrw = (b: Builder, i: Insn): void => extract(b, i, 2);
/** PEXTRD, PEXTRQ. */
export const pextrd = (b: Builder, i: Insn): void => extract(b, i, i.o0.size);
export const extractps = (b: Builder, i: Insn): void => extract(b, i, 4);

const insert = (b: Builder, i: Insn, size: number): void => {
  guard(b);
  const from = read(b, i, i.o1);
  const log = sizeNumber(size);
  const lane = i.immLo & ((16 >> log) - 1);
  if (size === 8) putLane(b, i.o0.reg, lane, from);
  else b.helper(OP_HVEC, V.V_PINSR, i.o0.reg, from, log, lane);
};
export const pinsrb = (b: Builder, i: Insn): void => insert(b, i, 1);
export const pinsrw = (b: Builder, i: Insn): void => insert(b, i, 2);
/** PINSRD, PINSRQ. */
export const pinsrd = (b: Builder, i: Insn): void => insert(b, i, i.o1.size);

/** INSERTPS; a memory source has one element only, so that imm[7:6] does not count. */
export function insertps(b: Builder, i: Insn): void {
  guard(b);
  const from = source(b, i, i.o1);
  b.helper(OP_HVEC, V.V_INSERTPS, i.o0.reg, i.o0.reg, from, 0, i.immLo & (i.o1.kind === OPK_MEM ? 0x3f : 0xff));
}

const maskedAddress = new Address();

/** Slot with the linear address of DS:rDI (or the overriding segment), for MASKMOVQ and MASKMOVDQU. */
export function maskedStoreAddress(b: Builder, i: Insn, size: number): number {
  const t = b.temp();
  zeroExtend(b, t, RDI, i.addrsize);
  const segment = i.segPrefix < 0 || (b.code64 && i.segPrefix < 4) ? SEG_DS : i.segPrefix;
  segmentAddress(b, t, segment, size, true, maskedAddress, segment === SEG_SS);
  const { a, b: index, scale, indexed, lo, hi } = maskedAddress;
  b.lea(t, a, index, indexed ? scale : 0, lo, hi);
  return t;
}

export function maskmovdqu(b: Builder, i: Insn): void {
  guard(b);
  b.helper(OP_HVEC, V.V_MASKMOVDQU, 0, i.o0.reg, i.o1.reg, maskedStoreAddress(b, i, 16));
}

// ---- flags, blends by register, string compares -----------------------------------------------------------------------

export function ptest(b: Builder, i: Insn): void {
  guard(b);
  const from = source(b, i, i.o1);
  const t = b.temp();
  b.helper(OP_HVEC, V.V_PTEST, t, i.o0.reg, from);
  b.un(OP_SETFLAGS, 0, t);
}

const blendByXmm0 =
  (helper: number) =>
  (b: Builder, i: Insn): void => {
    guard(b);
    const from = source(b, i, i.o1);
    b.helper(OP_HVEC, helper, i.o0.reg, i.o0.reg, from, 0);
  };
export const pblendvb = blendByXmm0(V.V_PBLENDVB);
export const blendvps = blendByXmm0(V.V_BLENDVPS);
export const blendvpd = blendByXmm0(V.V_BLENDVPD);

const compareStrings =
  (helper: number) =>
  (b: Builder, i: Insn): void => {
    guard(b);
    const from = source(b, i, i.o1);
    const t = b.temp();
    b.helper(OP_HVEC, helper, t, i.o0.reg, from, 0, (i.immLo & 0xff) | (i.opsize === 8 ? 0x100 : 0));
    b.un(OP_SETFLAGS, 0, t);
  };
export const pcmpestri = compareStrings(V.V_PCMPESTRI);
export const pcmpestrm = compareStrings(V.V_PCMPESTRM);
export const pcmpistri = compareStrings(V.V_PCMPISTRI);
export const pcmpistrm = compareStrings(V.V_PCMPISTRM);

// ---- integer arithmetic -------------------------------------------------------------------------------------------------

/** PXOR, XORPS, XORPD; of a register with itself the idiom for zero. */
export function pxor(b: Builder, i: Insn): void {
  guard(b);
  if (i.o1.kind === OPK_VEC && i.o1.reg === i.o0.reg) return b.emit(OP_VZERO, i.o0.reg, 0, 0, 0, 0, 0);
  const from = source(b, i, i.o1);
  b.helper(OP_HVEC, V.V_PXOR, i.o0.reg, i.o0.reg, from);
}

/** A shift by a vector or memory operand, or by an immediate. */
const shift =
  (byVector: number, byImmediate: number) =>
  (b: Builder, i: Insn): void => {
    guard(b);
    const { o0, o1 } = i;
    if (o1.kind === OPK_IMM) b.helper(OP_HVEC, byImmediate, o0.reg, o0.reg, o0.reg, 0, i.immLo & 0xff);
    else {
      const from = source(b, i, o1);
      b.helper(OP_HVEC, byVector, o0.reg, o0.reg, from);
    }
  };
export const psllw = shift(V.V_PSLLW, V.V_PSLLWI);
export const pslld = shift(V.V_PSLLD, V.V_PSLLDI);
export const psllq = shift(V.V_PSLLQ, V.V_PSLLQI);
export const psrlw = shift(V.V_PSRLW, V.V_PSRLWI);
export const psrld = shift(V.V_PSRLD, V.V_PSRLDI);
export const psrlq = shift(V.V_PSRLQ, V.V_PSRLQI);
export const psraw = shift(V.V_PSRAW, V.V_PSRAWI);
export const psrad = shift(V.V_PSRAD, V.V_PSRADI);
export const pslldq = shift(V.V_PSLLDQ, V.V_PSLLDQ);
export const psrldq = shift(V.V_PSRLDQ, V.V_PSRLDQ);

export const blendpd = binary(V.V_BLENDPD);
export const blendps = binary(V.V_BLENDPS);
export const movshdup = binary(V.V_MOVSHDUP);
export const movsldup = binary(V.V_MOVSLDUP);
export const mpsadbw = binary(V.V_MPSADBW);
export const pabsb = binary(V.V_PABSB);
export const pabsd = binary(V.V_PABSD);
export const pabsw = binary(V.V_PABSW);
export const packssdw = binary(V.V_PACKSSDW);
export const packsswb = binary(V.V_PACKSSWB);
export const packusdw = binary(V.V_PACKUSDW);
export const packuswb = binary(V.V_PACKUSWB);
export const paddb = binary(V.V_PADDB);
export const paddd = binary(V.V_PADDD);
export const paddq = binary(V.V_PADDQ);
export const paddsb = binary(V.V_PADDSB);
export const paddsw = binary(V.V_PADDSW);
export const paddusb = binary(V.V_PADDUSB);
export const paddusw = binary(V.V_PADDUSW);
export const paddw = binary(V.V_PADDW);
export const palignr = binary(V.V_PALIGNR);
export const pand = binary(V.V_PAND);
export const pandn = binary(V.V_PANDN);
export const pavgb = binary(V.V_PAVGB);
export const pavgw = binary(V.V_PAVGW);
export const pblendw = binary(V.V_PBLENDW);
export const pcmpeqb = binary(V.V_PCMPEQB);
export const pcmpeqd = binary(V.V_PCMPEQD);
export const pcmpeqq = binary(V.V_PCMPEQQ);
export const pcmpeqw = binary(V.V_PCMPEQW);
export const pcmpgtb = binary(V.V_PCMPGTB);
export const pcmpgtd = binary(V.V_PCMPGTD);
export const pcmpgtq = binary(V.V_PCMPGTQ);
export const pcmpgtw = binary(V.V_PCMPGTW);
export const phaddd = binary(V.V_PHADDD);
export const phaddsw = binary(V.V_PHADDSW);
export const phaddw = binary(V.V_PHADDW);
export const phminposuw = binary(V.V_PHMINPOSUW);
export const phsubd = binary(V.V_PHSUBD);
export const phsubsw = binary(V.V_PHSUBSW);
export const phsubw = binary(V.V_PHSUBW);
export const pmaddubsw = binary(V.V_PMADDUBSW);
export const pmaddwd = binary(V.V_PMADDWD);
export const pmaxsb = binary(V.V_PMAXSB);
export const pmaxsd = binary(V.V_PMAXSD);
export const pmaxsw = binary(V.V_PMAXSW);
export const pmaxub = binary(V.V_PMAXUB);
export const pmaxud = binary(V.V_PMAXUD);
export const pmaxuw = binary(V.V_PMAXUW);
export const pminsb = binary(V.V_PMINSB);
export const pminsd = binary(V.V_PMINSD);
export const pminsw = binary(V.V_PMINSW);
export const pminub = binary(V.V_PMINUB);
export const pminud = binary(V.V_PMINUD);
export const pminuw = binary(V.V_PMINUW);
export const pmovsxbd = binary(V.V_PMOVSXBD);
export const pmovsxbq = binary(V.V_PMOVSXBQ);
export const pmovsxbw = binary(V.V_PMOVSXBW);
export const pmovsxdq = binary(V.V_PMOVSXDQ);
export const pmovsxwd = binary(V.V_PMOVSXWD);
export const pmovsxwq = binary(V.V_PMOVSXWQ);
export const pmovzxbd = binary(V.V_PMOVZXBD);
export const pmovzxbq = binary(V.V_PMOVZXBQ);
export const pmovzxbw = binary(V.V_PMOVZXBW);
export const pmovzxdq = binary(V.V_PMOVZXDQ);
export const pmovzxwd = binary(V.V_PMOVZXWD);
export const pmovzxwq = binary(V.V_PMOVZXWQ);
export const pmuldq = binary(V.V_PMULDQ);
export const pmulhrsw = binary(V.V_PMULHRSW);
export const pmulhuw = binary(V.V_PMULHUW);
export const pmulhw = binary(V.V_PMULHW);
export const pmulld = binary(V.V_PMULLD);
export const pmullw = binary(V.V_PMULLW);
export const pmuludq = binary(V.V_PMULUDQ);
export const por = binary(V.V_POR);
export const psadbw = binary(V.V_PSADBW);
export const pshufb = binary(V.V_PSHUFB);
export const pshufd = binary(V.V_PSHUFD);
export const pshufhw = binary(V.V_PSHUFHW);
export const pshuflw = binary(V.V_PSHUFLW);
export const psignb = binary(V.V_PSIGNB);
export const psignd = binary(V.V_PSIGND);
export const psignw = binary(V.V_PSIGNW);
export const psubb = binary(V.V_PSUBB);
export const psubd = binary(V.V_PSUBD);
export const psubq = binary(V.V_PSUBQ);
export const psubsb = binary(V.V_PSUBSB);
export const psubsw = binary(V.V_PSUBSW);
export const psubusb = binary(V.V_PSUBUSB);
export const psubusw = binary(V.V_PSUBUSW);
export const psubw = binary(V.V_PSUBW);
export const punpckhbw = binary(V.V_PUNPCKHBW);
export const punpckhdq = binary(V.V_PUNPCKHDQ);
export const punpckhqdq = binary(V.V_PUNPCKHQDQ);
export const punpckhwd = binary(V.V_PUNPCKHWD);
export const punpcklbw = binary(V.V_PUNPCKLBW);
export const punpckldq = binary(V.V_PUNPCKLDQ);
export const punpcklqdq = binary(V.V_PUNPCKLQDQ);
export const punpcklwd = binary(V.V_PUNPCKLWD);
export const shufpd = binary(V.V_SHUFPD);
export const shufps = binary(V.V_SHUFPS);

// ---- after SSE4.2 ---------------------------------------------------------------------------------------------------------

export const aesenc = binary(V.V_AESENC);
export const aesenclast = binary(V.V_AESENCLAST);
export const aesdec = binary(V.V_AESDEC);
export const aesdeclast = binary(V.V_AESDECLAST);
export const aesimc = binary(V.V_AESIMC);
export const aeskeygenassist = binary(V.V_AESKEYGENASSIST);
export const pclmulqdq = binary(V.V_PCLMULQDQ);

// ---- SSE4A ------------------------------------------------------------------------------------------------------------

/** Length and index of a bit field, as the two immediates give them. */
const fieldOf = (i: Insn): number => (i.immLo & 0x3f) | ((i.imm2 & 0x3f) << 8);

export function extrq(b: Builder, i: Insn): void {
  guard(b);
  const { o0, o1 } = i;
  if (o1.kind === OPK_IMM) b.helper(OP_HVEC, V.V_EXTRQI, o0.reg, o0.reg, o0.reg, 0, fieldOf(i));
  else b.helper(OP_HVEC, V.V_EXTRQ, o0.reg, o0.reg, o1.reg);
}

export function insertq(b: Builder, i: Insn): void {
  guard(b);
  const { o0, o1, o2 } = i;
  if (o2.kind === OPK_IMM) b.helper(OP_HVEC, V.V_INSERTQI, o0.reg, o0.reg, o1.reg, 0, fieldOf(i));
  else b.helper(OP_HVEC, V.V_INSERTQ, o0.reg, o0.reg, o1.reg);
}
export const sha1nexte = binary(V.V_SHA1NEXTE);
export const sha1msg1 = binary(V.V_SHA1MSG1);
export const sha1msg2 = binary(V.V_SHA1MSG2);
export const sha1rnds4 = binary(V.V_SHA1RNDS4);
export const sha256msg1 = binary(V.V_SHA256MSG1);
export const sha256msg2 = binary(V.V_SHA256MSG2);
export const sha256rnds2 = blendByXmm0(V.V_SHA256RNDS2);
export const gf2p8mulb = binary(V.V_GF2P8MULB);
export const gf2p8affineqb = binary(V.V_GF2P8AFFINEQB);
export const gf2p8affineinvqb = binary(V.V_GF2P8AFFINEINVQB);
