/** MMX: the SSE operations on the low halves, with registers that are the x87's. Every helper checks and enters MMX state itself. */
import * as V from '../../machine/helpers/vec.ts';
import { M_BINARY, M_CHECK, M_EMMS, M_MASKMOVQ, M_READ, M_STORE, M_WRITE } from '../../machine/helpers/x87.ts';
import { OP_HVEC, OP_HX87, OP_SHRI, OP_VGET, OP_VPUT, OP_VZERO, OP_ZX16 } from '../../machine/ops.ts';
import { type Insn, OPK_IMM, OPK_MEM, OPK_MMX } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { linearSlot } from './memory-operand.ts';
import { read, readZero, write } from './operands.ts';
import { maskedStoreAddress } from './sse.ts';
import { loadVector } from './vector-operand.ts';

/** P = P op Q, perhaps with an immediate. */
const binary =
  (helper: number) =>
  (b: Builder, i: Insn): void => {
    const { o0, o1 } = i;
    const imm = i.immLo & 0xff;
    if (o1.kind !== OPK_MEM) return b.helper(OP_HX87, M_BINARY, o0.reg, o1.reg, 0, helper, imm);
    b.helper(OP_HX87, M_CHECK);
    const from = b.vectorTemp();
    loadVector(b, i, from, o1.size);
    b.helper(OP_HX87, M_BINARY, o0.reg, from, 1, helper, imm);
  };

const shift = (byRegister: number, byImmediate: number): ((b: Builder, i: Insn) => void) => {
  const register = binary(byRegister);
  return (b, i) => {
    if (i.o1.kind === OPK_IMM) b.helper(OP_HX87, M_BINARY, i.o0.reg, i.o0.reg, 0, byImmediate, i.immLo & 0xff);
    else register(b, i);
  };
};

export const pabsb = binary(V.V_PABSB);
export const pabsd = binary(V.V_PABSD);
export const pabsw = binary(V.V_PABSW);
export const packssdw = binary(V.V_PACKSSDW);
export const packsswb = binary(V.V_PACKSSWB);
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
export const pcmpeqb = binary(V.V_PCMPEQB);
export const pcmpeqd = binary(V.V_PCMPEQD);
export const pcmpeqw = binary(V.V_PCMPEQW);
export const pcmpgtb = binary(V.V_PCMPGTB);
export const pcmpgtd = binary(V.V_PCMPGTD);
export const pcmpgtw = binary(V.V_PCMPGTW);
export const phaddd = binary(V.V_PHADDD);
export const phaddsw = binary(V.V_PHADDSW);
export const phaddw = binary(V.V_PHADDW);
export const phsubd = binary(V.V_PHSUBD);
export const phsubsw = binary(V.V_PHSUBSW);
export const phsubw = binary(V.V_PHSUBW);
export const pmaddubsw = binary(V.V_PMADDUBSW);
export const pmaddwd = binary(V.V_PMADDWD);
export const pmaxsw = binary(V.V_PMAXSW);
export const pmaxub = binary(V.V_PMAXUB);
export const pminsw = binary(V.V_PMINSW);
export const pminub = binary(V.V_PMINUB);
export const pmulhrsw = binary(V.V_PMULHRSW);
export const pmulhuw = binary(V.V_PMULHUW);
export const pmulhw = binary(V.V_PMULHW);
export const pmullw = binary(V.V_PMULLW);
export const pmuludq = binary(V.V_PMULUDQ);
export const por = binary(V.V_POR);
export const psadbw = binary(V.V_PSADBW);
export const pshufb = binary(V.V_PSHUFB);
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
export const punpckhwd = binary(V.V_PUNPCKHWD);
export const punpcklbw = binary(V.V_PUNPCKLBW);
export const punpckldq = binary(V.V_PUNPCKLDQ);
export const punpcklwd = binary(V.V_PUNPCKLWD);
export const pxor = binary(V.V_PXOR);
export const pshufw = binary(V.V_PSHUFLW);
export const psllw = shift(V.V_PSLLW, V.V_PSLLWI);
export const pslld = shift(V.V_PSLLD, V.V_PSLLDI);
export const psllq = shift(V.V_PSLLQ, V.V_PSLLQI);
export const psrlw = shift(V.V_PSRLW, V.V_PSRLWI);
export const psrld = shift(V.V_PSRLD, V.V_PSRLDI);
export const psrlq = shift(V.V_PSRLQ, V.V_PSRLQI);
export const psraw = shift(V.V_PSRAW, V.V_PSRAWI);
export const psrad = shift(V.V_PSRAD, V.V_PSRADI);

export function emms(b: Builder): void {
  b.helper(OP_HX87, M_EMMS);
}

/** MOVQ, MOVNTQ. */
export function movq(b: Builder, i: Insn): void {
  const { o0, o1 } = i;
  b.helper(OP_HX87, M_CHECK);
  if (o0.kind === OPK_MEM) return b.helper(OP_HX87, M_STORE, o1.reg, linearSlot(b, i, 8, true), 8);
  let t: number;
  if (o1.kind === OPK_MEM) t = read(b, i, o1);
  else {
    t = b.temp();
    b.helper(OP_HX87, M_READ, t, o1.reg);
  }
  b.helper(OP_HX87, M_WRITE, o0.reg, t);
}

/** MOVD, MOVQ with a general register or memory. */
export function movd(b: Builder, i: Insn): void {
  const { o0, o1 } = i;
  b.helper(OP_HX87, M_CHECK);
  if (o0.kind === OPK_MMX) return b.helper(OP_HX87, M_WRITE, o0.reg, readZero(b, i, o1));
  if (o0.kind === OPK_MEM) return b.helper(OP_HX87, M_STORE, o1.reg, linearSlot(b, i, o0.size, true), o0.size);
  const t = b.temp();
  b.helper(OP_HX87, M_READ, t, o1.reg);
  write(b, i, o0, t);
}

/** A vector temporary with the value of MMX register `reg`, upper half 0. */
function asVector(b: Builder, reg: number): number {
  const t = b.temp();
  const v = b.vectorTemp();
  b.helper(OP_HX87, M_READ, t, reg);
  b.emit(OP_VZERO, v, 0, 0, 0, 0, 0);
  b.emit(OP_VPUT, v, t, 0, 0, 0, 0);
  return v;
}

export function pmovmskb(b: Builder, i: Insn): void {
  b.helper(OP_HVEC, V.V_PMOVMSKB, i.o0.reg, asVector(b, i.o1.reg));
}

export function pextrw(b: Builder, i: Insn): void {
  const t = b.temp();
  b.helper(OP_HX87, M_READ, t, i.o1.reg);
  b.imm(OP_SHRI, t, t, (i.immLo & 3) * 16);
  b.un(OP_ZX16, i.o0.reg, t);
}

export function pinsrw(b: Builder, i: Insn): void {
  b.helper(OP_HX87, M_CHECK);
  const from = read(b, i, i.o1);
  const v = asVector(b, i.o0.reg);
  b.helper(OP_HVEC, V.V_PINSR, v, from, 1, i.immLo & 3);
  const t = b.temp();
  b.emit(OP_VGET, t, v, 0, 0, 0, 0);
  b.helper(OP_HX87, M_WRITE, i.o0.reg, t);
}

export function maskmovq(b: Builder, i: Insn): void {
  // MMX state is entered before the address is looked at
  b.helper(OP_HX87, M_READ, b.temp(), i.o1.reg);
  b.helper(OP_HX87, M_MASKMOVQ, i.o0.reg, i.o1.reg, 0, maskedStoreAddress(b, i, 8));
}
