/** AVX and AVX2: moves, integer operations, permutes, broadcasts, gathers. Floating point is in avxfp.ts and fma.ts. */
import * as V from '../../machine/helpers/vec.ts';
import { RIP, ZERO } from '../../machine/layout.ts';
import { OP_HVEC, OP_SETFLAGS, OP_SHRI, OP_ZX8, OP_ZX16, OP_ZX32 } from '../../machine/ops.ts';
import { BASE_NONE, BASE_RIP, type Insn, OPK_IMM, OPK_MEM, OPK_VEC } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { offsetSlot, sizeNumber } from './memory-operand.ts';
import { read, readZero, write } from './operands.ts';
import { maskedStoreAddress } from './sse.ts';
import { clearUpper, getLane, guard, lanewise, loadVex, moveVector, putLane, source, storeVex, width } from './vex-operand.ts';

type LiftFunction = (b: Builder, i: Insn) => void;

// ---- moves ----------------------------------------------------------------------------------------------------------

/** VMOVAPS, VMOVUPS, VMOVDQA, VMOVNTDQ, VLDDQU ...: 16 or 32 bytes. */
const vmov: LiftFunction = (b, i) => {
  guard(b);
  const aligned = i.row.unaligned !== true;
  if (i.o0.kind === OPK_MEM) return storeVex(b, i, i.o1.reg, i.o0.size, aligned);
  if (i.o1.kind !== OPK_MEM) return moveVector(b, i, i.o0.reg, i.o1.reg);
  loadVex(b, i, i.o0.reg, i.o1.size, aligned);
  if (i.o1.size === 16) clearUpper(b, i.o0.reg);
};

/** VMOVSS, VMOVSD. */
const scalarMove =
  (size: number): LiftFunction =>
  (b, i) => {
    guard(b);
    if (i.o0.kind === OPK_MEM) return storeVex(b, i, i.o1.reg, size);
    if (i.o1.kind === OPK_MEM) {
      loadVex(b, i, i.o0.reg, size);
      return clearUpper(b, i.o0.reg);
    }
    if (size === 4) return b.helper(OP_HVEC, V.V_MOVSS + V.V_VEX128, i.o0.reg, i.o1.reg, i.o2.reg);
    pair(b, i.o0.reg, laneOf(b, i.o2.reg, 0), laneOf(b, i.o1.reg, 1));
  };

const laneOf = (b: Builder, vector: number, lane: number): number => {
  const t = b.temp();
  getLane(b, t, vector, lane);
  return t;
};

/** Vector = two quadwords, zeros above. */
const pair = (b: Builder, vector: number, low: number, high: number): void => {
  putLane(b, vector, 0, low);
  putLane(b, vector, 1, high);
  clearUpper(b, vector);
};

/** VMOVLPS, VMOVLPD. */
const vmovlow: LiftFunction = (b, i) => {
  guard(b);
  if (i.o0.kind === OPK_MEM) return storeVex(b, i, i.o1.reg, 8);
  const low = read(b, i, i.o2);
  pair(b, i.o0.reg, low, laneOf(b, i.o1.reg, 1));
};

/** VMOVHPS, VMOVHPD. */
const vmovhigh: LiftFunction = (b, i) => {
  guard(b);
  if (i.o0.kind === OPK_MEM) return write(b, i, i.o0, laneOf(b, i.o1.reg, 1));
  const high = read(b, i, i.o2);
  pair(b, i.o0.reg, laneOf(b, i.o1.reg, 0), high);
};

const vmovhlps: LiftFunction = (b, i) => {
  guard(b);
  pair(b, i.o0.reg, laneOf(b, i.o2.reg, 1), laneOf(b, i.o1.reg, 1));
};

const vmovlhps: LiftFunction = (b, i) => {
  guard(b);
  pair(b, i.o0.reg, laneOf(b, i.o1.reg, 0), laneOf(b, i.o2.reg, 0));
};

const vmovddup: LiftFunction = (b, i) => {
  guard(b);
  const from = source(b, i, i.o1);
  const low = laneOf(b, from, 0);
  if (i.vexL === 0) return pair(b, i.o0.reg, low, low);
  const high = laneOf(b, from, 2);
  for (const [lane, slot] of [low, low, high, high].entries()) putLane(b, i.o0.reg, lane, slot);
};

/** VMOVQ between vector registers and memory. */
const vmovq: LiftFunction = (b, i) => {
  guard(b);
  if (i.o0.kind === OPK_MEM) return storeVex(b, i, i.o1.reg, 8);
  pair(b, i.o0.reg, i.o1.kind === OPK_MEM ? read(b, i, i.o1) : laneOf(b, i.o1.reg, 0), ZERO);
};

/** VMOVD, VMOVQ with a general register or memory. */
const vmovd: LiftFunction = (b, i) => {
  guard(b);
  const { o0, o1 } = i;
  if (o1.kind === OPK_VEC) write(b, i, o0, laneOf(b, o1.reg, 0));
  else pair(b, o0.reg, readZero(b, i, o1), ZERO);
};

// ---- lanes and general registers ------------------------------------------------------------------------------------

const mask =
  (helper: number): LiftFunction =>
  (b, i) => {
    guard(b);
    b.helper(OP_HVEC, i.vexL !== 0 ? helper + V.V_VEX256 : helper, i.o0.reg, i.o1.reg);
  };

/** Lane of `size` bytes to a general register (zero-extended) or memory. */
const extract =
  (bytes: number): LiftFunction =>
  (b, i) => {
    guard(b);
    const size = bytes === 0 ? i.o0.size : bytes;
    const byte = ((i.immLo & 0xff) * size) & 15;
    const t = laneOf(b, i.o1.reg, byte >> 3);
    if (byte & 7) b.imm(OP_SHRI, t, t, (byte & 7) * 8);
    if (i.o0.kind === OPK_MEM || size === 8) return write(b, i, i.o0, t);
    b.un(size === 1 ? OP_ZX8 : size === 2 ? OP_ZX16 : OP_ZX32, i.o0.reg, t);
  };

/** VPINSRB, VPINSRW, VPINSRD, VPINSRQ (0: size of the operand): into a copy of the first source. */
const insert =
  (bytes: number): LiftFunction =>
  (b, i) => {
    guard(b);
    const size = bytes === 0 ? i.o2.size : bytes;
    const from = read(b, i, i.o2);
    const log = sizeNumber(size);
    const lane = i.immLo & ((16 >> log) - 1);
    moveVector(b, i, i.o0.reg, i.o1.reg);
    if (size === 8) putLane(b, i.o0.reg, lane, from);
    else b.helper(OP_HVEC, V.V_PINSR, i.o0.reg, from, log, lane);
  };

/** VINSERTPS; a memory source has one element only, so that imm[7:6] does not count. */
const vinsertps: LiftFunction = (b, i) => {
  guard(b);
  const from = source(b, i, i.o2);
  b.helper(OP_HVEC, V.V_INSERTPS + V.V_VEX128, i.o0.reg, i.o1.reg, from, 0, i.immLo & (i.o2.kind === OPK_MEM ? 0x3f : 0xff));
};

const vmaskmovdqu: LiftFunction = (b, i) => {
  guard(b);
  b.helper(OP_HVEC, V.V_MASKMOVDQU, 0, i.o0.reg, i.o1.reg, maskedStoreAddress(b, i, 16));
};

// ---- flags, blends by register, string compares -----------------------------------------------------------------------

const test =
  (helper: number): LiftFunction =>
  (b, i) => {
    guard(b);
    const from = source(b, i, i.o1);
    const t = b.temp();
    b.helper(OP_HVEC, i.vexL !== 0 ? helper + V.V_VEX256 : helper, t, i.o0.reg, from);
    b.un(OP_SETFLAGS, 0, t);
  };

const blendByRegister =
  (helper: number): LiftFunction =>
  (b, i) => {
    guard(b);
    const from = source(b, i, i.o2);
    b.helper(OP_HVEC, helper + width(i), i.o0.reg, i.o1.reg, from, i.o3.reg);
  };

/** As in SSE; the forms with a mask clear what is above XMM0. */
const compareStrings =
  (helper: number, masks: boolean): LiftFunction =>
  (b, i) => {
    guard(b);
    const from = source(b, i, i.o1);
    const t = b.temp();
    b.helper(OP_HVEC, helper, t, i.o0.reg, from, 0, (i.immLo & 0xff) | (i.opsize === 8 ? 0x100 : 0));
    if (masks) clearUpper(b, 0);
    b.un(OP_SETFLAGS, 0, t);
  };

// ---- integer arithmetic -------------------------------------------------------------------------------------------------

/** A shift by a vector or memory operand (its low quadword, in both halves), or by an immediate. */
const shift =
  (byVector: number, byImmediate: number): LiftFunction =>
  (b, i) => {
    guard(b);
    const { o0, o1, o2 } = i;
    if (o2.kind === OPK_IMM) b.helper(OP_HVEC, byImmediate + width(i), o0.reg, o1.reg, o1.reg, 0, i.immLo & 0xff);
    else {
      const from = source(b, i, o2);
      b.helper(OP_HVEC, byVector + width(i), o0.reg, o1.reg, from);
    }
  };

// ---- permutes, broadcasts -----------------------------------------------------------------------------------------------

/** Operations of 256 bits only, that clear nothing because nothing is above. */
const whole =
  (helper: number): LiftFunction =>
  (b, i) => {
    guard(b);
    const last = i.o2.kind === OPK_IMM ? i.o1 : i.o2;
    const from = source(b, i, last);
    b.helper(OP_HVEC, helper, i.o0.reg, i.o1.kind === OPK_VEC ? i.o1.reg : from, from, 0, i.immLo & 0xff);
  };

/** VPERMILPS, VPERMILPD by an immediate (as PSHUFD, SHUFPD) or by a vector. */
const permuteInLane =
  (byVector: number, byImmediate: number): LiftFunction =>
  (b, i) => {
    guard(b);
    if (i.o2.kind !== OPK_IMM) {
      const from = source(b, i, i.o2);
      return b.helper(OP_HVEC, byVector + width(i), i.o0.reg, i.o1.reg, from);
    }
    const from = source(b, i, i.o1);
    b.helper(OP_HVEC, byImmediate + width(i), i.o0.reg, from, from, 0, i.immLo & 0xff);
  };

/** VEXTRACTF128, VEXTRACTI128. */
const extract128: LiftFunction = (b, i) => {
  guard(b);
  const to = i.o0.kind === OPK_MEM ? b.vectorTemp() : i.o0.reg;
  b.helper(OP_HVEC, V.V_EXTRACT128, to, 0, i.o1.reg, 0, i.immLo & 1);
  if (i.o0.kind === OPK_MEM) storeVex(b, i, to, 16);
};

const broadcast =
  (log: number): LiftFunction =>
  (b, i) => {
    guard(b);
    const from = source(b, i, i.o1);
    b.helper(OP_HVEC, V.V_BROADCAST + log + width(i), i.o0.reg, 0, from);
  };

const vzero: LiftFunction = (b, i) => {
  guard(b);
  b.helper(OP_HVEC, i.vexL !== 0 ? V.V_ZEROALL : V.V_ZEROUPPER, 0, 0, 0, b.code64 ? 16 : 8);
};

// ---- masked moves and gathers ---------------------------------------------------------------------------------------------

const maskedMove =
  (size: number): LiftFunction =>
  (b, i) => {
    guard(b);
    const extra = size | (i.vexL !== 0 ? 16 : 0) | (i.memSeg << 8);
    const offset = offsetSlot(b, i);
    if (i.o0.kind === OPK_MEM) b.helper(OP_HVEC, V.V_MASKSTORE, i.o2.reg, i.o1.reg, offset, 0, extra);
    else b.helper(OP_HVEC, V.V_MASKLOAD, i.o0.reg, i.o1.reg, offset, 0, extra);
  };

/** Slot with the offset of a gather's base and displacement. */
function gatherBase(b: Builder, i: Insn): number {
  const t = b.temp();
  if (i.memBase === BASE_RIP) b.lea(t, RIP, ZERO, 0, (i.disp + b.instructionPos + i.len) | 0);
  else b.lea(t, i.memBase === BASE_NONE ? ZERO : i.memBase, ZERO, 0, i.disp);
  return t;
}

const gather =
  (wideElements: boolean, wideIndexes: boolean): LiftFunction =>
  (b, i) => {
    guard(b);
    const how = i.memScale | (wideElements ? 4 : 0) | (wideIndexes ? 8 : 0) | (i.vexL !== 0 ? 16 : 0) | (i.addrsize === 4 ? 32 : 0) | (i.memSeg << 8);
    b.helper(OP_HVEC, V.V_GATHER, i.o0.reg, i.memIndex, gatherBase(b, i), i.o2.reg, how);
  };

// ---- by name ------------------------------------------------------------------------------------------------------------------

/** Operations that are the SSE helper of the name without its V, in each half. */
const LANEWISE = `pabsb pabsd pabsw packssdw packsswb packusdw packuswb paddb paddd paddq paddsb paddsw paddusb paddusw paddw palignr pand pandn
  pavgb pavgw pblendw pcmpeqb pcmpeqd pcmpeqq pcmpeqw pcmpgtb pcmpgtd pcmpgtq pcmpgtw phaddd phaddsw phaddw phsubd phsubsw phsubw pmaddubsw
  pmaddwd pmaxsb pmaxsd pmaxsw pmaxub pmaxud pmaxuw pminsb pminsd pminsw pminub pminud pminuw pmovsxbd pmovsxbq pmovsxbw pmovsxdq pmovsxwd
  pmovsxwq pmovzxbd pmovzxbq pmovzxbw pmovzxdq pmovzxwd pmovzxwq pmuldq pmulhrsw pmulhuw pmulhw pmulld pmullw pmuludq por psadbw pshufb
  pshufd pshufhw pshuflw psignb psignd psignw psubb psubd psubq psubsb psubsw psubusb psubusw psubw punpckhbw punpckhdq punpckhqdq
  punpckhwd punpcklbw punpckldq punpcklqdq punpcklwd pxor shufpd shufps blendpd blendps movshdup movsldup mpsadbw phminposuw psllvd psllvq
  psrlvd psrlvq psravd aesenc aesenclast aesdec aesdeclast aesimc aeskeygenassist pclmulqdq gf2p8mulb gf2p8affineqb gf2p8affineinvqb`;

const helpers: Readonly<Record<string, unknown>> = V;

/** The SSE helper of a name. */
export function helperNamed(name: string): number {
  const number = helpers[`V_${name.toUpperCase()}`];
  if (typeof number !== 'number') throw new Error(`lifter: no vector helper is named ${name}`);
  return number;
}

const shifts = ['psllw', 'pslld', 'psllq', 'psrlw', 'psrld', 'psrlq', 'psraw', 'psrad'];

/** Lift functions by the names in the rows. */
export const avx: Readonly<Record<string, LiftFunction>> = {
  ...Object.fromEntries(LANEWISE.split(/\s+/).map((name) => [`v${name}`, lanewise(helperNamed(name))])),
  ...Object.fromEntries(shifts.map((name) => [`v${name}`, shift(helperNamed(name), helperNamed(`${name}i`))])),
  vpslldq: shift(V.V_PSLLDQ, V.V_PSLLDQ),
  vpsrldq: shift(V.V_PSRLDQ, V.V_PSRLDQ),
  vandps: lanewise(V.V_PAND),
  vandpd: lanewise(V.V_PAND),
  vandnps: lanewise(V.V_PANDN),
  vandnpd: lanewise(V.V_PANDN),
  vorps: lanewise(V.V_POR),
  vorpd: lanewise(V.V_POR),
  vxorps: lanewise(V.V_PXOR),
  vxorpd: lanewise(V.V_PXOR),
  vunpcklps: lanewise(V.V_PUNPCKLDQ),
  vunpcklpd: lanewise(V.V_PUNPCKLQDQ),
  vunpckhps: lanewise(V.V_PUNPCKHDQ),
  vunpckhpd: lanewise(V.V_PUNPCKHQDQ),
  vpblendd: lanewise(V.V_BLENDPS),
  vmov,
  vmovss: scalarMove(4),
  vmovsd: scalarMove(8),
  vmovlow,
  vmovhigh,
  vmovhlps,
  vmovlhps,
  vmovddup,
  vmovq,
  vmovd,
  vpmovmskb: mask(V.V_PMOVMSKB),
  vmovmskps: mask(V.V_MOVMSKPS),
  vmovmskpd: mask(V.V_MOVMSKPD),
  vpextrb: extract(1),
  vpextrw: extract(2),
  vpextrd: extract(0),
  vextractps: extract(4),
  vpinsrb: insert(1),
  vpinsrw: insert(2),
  vpinsrd: insert(0),
  vinsertps,
  vmaskmovdqu,
  vptest: test(V.V_PTEST),
  vtestps: test(V.V_TESTPS),
  vtestpd: test(V.V_TESTPD),
  vpblendvb: blendByRegister(V.V_PBLENDVB),
  vblendvps: blendByRegister(V.V_BLENDVPS),
  vblendvpd: blendByRegister(V.V_BLENDVPD),
  vpcmpestri: compareStrings(V.V_PCMPESTRI, false),
  vpcmpestrm: compareStrings(V.V_PCMPESTRM, true),
  vpcmpistri: compareStrings(V.V_PCMPISTRI, false),
  vpcmpistrm: compareStrings(V.V_PCMPISTRM, true),
  vpermilps: permuteInLane(V.V_PERMILPS, V.V_PSHUFD),
  vpermilpd: permuteInLane(V.V_PERMILPD, V.V_SHUFPD),
  vpermq: whole(V.V_PERMQ),
  vpermpd: whole(V.V_PERMQ),
  vpermd: whole(V.V_PERMD),
  vpermps: whole(V.V_PERMD),
  vperm2f128: whole(V.V_PERM2),
  vperm2i128: whole(V.V_PERM2),
  vinsertf128: whole(V.V_INSERT128),
  vinserti128: whole(V.V_INSERT128),
  vextractf128: extract128,
  vextracti128: extract128,
  vpbroadcastb: broadcast(0),
  vpbroadcastw: broadcast(1),
  vpbroadcastd: broadcast(2),
  vpbroadcastq: broadcast(3),
  vbroadcastss: broadcast(2),
  vbroadcastsd: broadcast(3),
  vbroadcastf128: broadcast(4),
  vbroadcasti128: broadcast(4),
  vzero,
  vmaskmovps: maskedMove(4),
  vmaskmovpd: maskedMove(8),
  vpmaskmovd: maskedMove(4),
  vpmaskmovq: maskedMove(8),
  vpgatherdd: gather(false, false),
  vpgatherdq: gather(true, false),
  vpgatherqd: gather(false, true),
  vpgatherqq: gather(true, true),
  vgatherdps: gather(false, false),
  vgatherdpd: gather(true, false),
  vgatherqps: gather(false, true),
  vgatherqpd: gather(true, true),
};
