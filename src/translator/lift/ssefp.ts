/** SSE floating point: arithmetic, comparisons, conversions, MXCSR. */

import * as V from '../../machine/helpers/vec.ts';
import { M_CHECK, M_READ, M_WRITE } from '../../machine/helpers/x87.ts';
import { MXCSR } from '../../machine/layout.ts';
import { OP_HVEC, OP_HX87, OP_SETFLAGS, OP_VGET, OP_VPUT, OP_VZERO } from '../../machine/ops.ts';
import { type Insn, OPK_MEM, OPK_VEC } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { read, write } from './operands.ts';
import { binary, guard, loadVector, source } from './vector-operand.ts';

const KIND_SS = 0;
const KIND_SD = 1;
const KIND_PS = 2;
const KIND_PD = 3;

export const addss = binary(V.V_ADD + KIND_SS);
export const addsd = binary(V.V_ADD + KIND_SD);
export const addps = binary(V.V_ADD + KIND_PS);
export const addpd = binary(V.V_ADD + KIND_PD);
export const subss = binary(V.V_SUB + KIND_SS);
export const subsd = binary(V.V_SUB + KIND_SD);
export const subps = binary(V.V_SUB + KIND_PS);
export const subpd = binary(V.V_SUB + KIND_PD);
export const mulss = binary(V.V_MUL + KIND_SS);
export const mulsd = binary(V.V_MUL + KIND_SD);
export const mulps = binary(V.V_MUL + KIND_PS);
export const mulpd = binary(V.V_MUL + KIND_PD);
export const divss = binary(V.V_DIV + KIND_SS);
export const divsd = binary(V.V_DIV + KIND_SD);
export const divps = binary(V.V_DIV + KIND_PS);
export const divpd = binary(V.V_DIV + KIND_PD);
export const minss = binary(V.V_MIN + KIND_SS);
export const minsd = binary(V.V_MIN + KIND_SD);
export const minps = binary(V.V_MIN + KIND_PS);
export const minpd = binary(V.V_MIN + KIND_PD);
export const maxss = binary(V.V_MAX + KIND_SS);
export const maxsd = binary(V.V_MAX + KIND_SD);
export const maxps = binary(V.V_MAX + KIND_PS);
export const maxpd = binary(V.V_MAX + KIND_PD);
export const sqrtss = binary(V.V_SQRT + KIND_SS);
export const sqrtsd = binary(V.V_SQRT + KIND_SD);
export const sqrtps = binary(V.V_SQRT + KIND_PS);
export const sqrtpd = binary(V.V_SQRT + KIND_PD);
/** Legacy SSE has eight predicates; the helper knows AVX's 32. */
const comparison =
  (kind: number) =>
  (b: Builder, i: Insn): void => {
    guard(b);
    const from = source(b, i, i.o1);
    b.helper(OP_HVEC, V.V_CMP + kind, i.o0.reg, i.o0.reg, from, 0, i.immLo & 7);
  };
export const cmpss = comparison(KIND_SS);
export const cmpsd = comparison(KIND_SD);
export const cmpps = comparison(KIND_PS);
export const cmppd = comparison(KIND_PD);
export const roundss = binary(V.V_ROUND + KIND_SS);
export const roundsd = binary(V.V_ROUND + KIND_SD);
export const roundps = binary(V.V_ROUND + KIND_PS);
export const roundpd = binary(V.V_ROUND + KIND_PD);
export const rcpss = binary(V.V_RCP + KIND_SS);
export const rcpps = binary(V.V_RCP + KIND_PS);
export const rsqrtss = binary(V.V_RSQRT + KIND_SS);
export const rsqrtps = binary(V.V_RSQRT + KIND_PS);
export const haddps = binary(V.V_HADD + KIND_PS);
export const haddpd = binary(V.V_HADD + KIND_PD);
export const hsubps = binary(V.V_HSUB + KIND_PS);
export const hsubpd = binary(V.V_HSUB + KIND_PD);
export const addsubps = binary(V.V_ADDSUB + KIND_PS);
export const addsubpd = binary(V.V_ADDSUB + KIND_PD);
export const dpps = binary(V.V_DP + KIND_PS);
export const dppd = binary(V.V_DP + KIND_PD);

const compareFlags =
  (helper: number) =>
  (b: Builder, i: Insn): void => {
    guard(b);
    const from = source(b, i, i.o1);
    const t = b.temp();
    b.helper(OP_HVEC, helper, t, i.o0.reg, from);
    b.un(OP_SETFLAGS, 0, t);
  };
export const comiss = compareFlags(V.V_COMI + KIND_SS);
export const comisd = compareFlags(V.V_COMI + KIND_SD);
export const ucomiss = compareFlags(V.V_UCOMI + KIND_SS);
export const ucomisd = compareFlags(V.V_UCOMI + KIND_SD);

// ---- conversions ------------------------------------------------------------------------------------------------------

export const cvtps2pd = binary(V.V_CVTPS2PD);
export const cvtpd2ps = binary(V.V_CVTPD2PS);
export const cvtss2sd = binary(V.V_CVTSS2SD);
export const cvtsd2ss = binary(V.V_CVTSD2SS);
export const cvtdq2ps = binary(V.V_CVTDQ2PS);
export const cvtdq2pd = binary(V.V_CVTDQ2PD);
export const cvtps2dq = binary(V.V_CVTPS2DQ);
export const cvttps2dq = binary(V.V_CVTTPS2DQ);
export const cvtpd2dq = binary(V.V_CVTPD2DQ);
export const cvttpd2dq = binary(V.V_CVTTPD2DQ);

const fromInteger =
  (helper: number) =>
  (b: Builder, i: Insn): void => {
    guard(b);
    const from = read(b, i, i.o1);
    b.helper(OP_HVEC, helper, i.o0.reg, i.o0.reg, from, i.o1.size);
  };
export const cvtsi2ss = fromInteger(V.V_CVTSI2SS);
export const cvtsi2sd = fromInteger(V.V_CVTSI2SD);

const toInteger =
  (helper: number) =>
  (b: Builder, i: Insn): void => {
    guard(b);
    const from = source(b, i, i.o1);
    b.helper(OP_HVEC, helper, i.o0.reg, 0, from, i.o0.size);
  };
export const cvtss2si = toInteger(V.V_CVTSS2SI);
export const cvtsd2si = toInteger(V.V_CVTSD2SI);
export const cvttss2si = toInteger(V.V_CVTTSS2SI);
export const cvttsd2si = toInteger(V.V_CVTTSD2SI);

// ---- conversions from and to MMX registers: through a vector temporary -----------------------------------------------------

/** CVTPI2PS keeps the upper half of the vector register, CVTPI2PD fills it. With a memory source the x87 state is not touched (AMD; Intel's CVTPI2PS enters MMX state). */
const fromMmx =
  (helper: number, whole: boolean) =>
  (b: Builder, i: Insn): void => {
    guard(b);
    const t = b.temp();
    let from: number;
    if (i.o1.kind === OPK_MEM) {
      from = b.vectorTemp();
      loadVector(b, i, from, 8);
    } else {
      from = b.vectorTemp();
      b.helper(OP_HX87, M_READ, t, i.o1.reg);
      b.emit(OP_VZERO, from, 0, 0, 0, 0, 0);
      b.emit(OP_VPUT, from, t, 0, 0, 0, 0);
    }
    if (whole) return b.helper(OP_HVEC, helper, i.o0.reg, i.o0.reg, from);
    b.helper(OP_HVEC, helper, from, from, from);
    b.emit(OP_VGET, t, from, 0, 0, 0, 0);
    b.emit(OP_VPUT, i.o0.reg, t, 0, 0, 0, 0);
  };
export const cvtpi2ps = fromMmx(V.V_CVTDQ2PS, false);
export const cvtpi2pd = fromMmx(V.V_CVTDQ2PD, true);

const toMmx =
  (helper: number, pairOfSingles: boolean) =>
  (b: Builder, i: Insn): void => {
    guard(b);
    const t = b.temp();
    // a pending x87 exception comes before anything else
    b.helper(OP_HX87, M_CHECK);
    const from = b.vectorTemp();
    if (i.o1.kind === OPK_VEC && pairOfSingles) {
      // the upper half of the source must not raise anything
      b.emit(OP_VGET, t, i.o1.reg, 0, 0, 0, 0);
      b.emit(OP_VZERO, from, 0, 0, 0, 0, 0);
      b.emit(OP_VPUT, from, t, 0, 0, 0, 0);
      b.helper(OP_HX87, M_READ, t, i.o0.reg);
      b.helper(OP_HVEC, helper, from, from, from);
    } else {
      const operand = source(b, i, i.o1);
      // the x87 becomes the MMX's even when the conversion then raises #XM
      b.helper(OP_HX87, M_READ, t, i.o0.reg);
      b.helper(OP_HVEC, helper, from, from, operand);
    }
    b.emit(OP_VGET, t, from, 0, 0, 0, 0);
    b.helper(OP_HX87, M_WRITE, i.o0.reg, t);
  };
export const cvtps2pi = toMmx(V.V_CVTPS2DQ, true);
export const cvttps2pi = toMmx(V.V_CVTTPS2DQ, true);
export const cvtpd2pi = toMmx(V.V_CVTPD2DQ, false);
export const cvttpd2pi = toMmx(V.V_CVTTPD2DQ, false);

// ---- MXCSR ------------------------------------------------------------------------------------------------------------------

export function ldmxcsr(b: Builder, i: Insn): void {
  guard(b);
  b.helper(OP_HVEC, V.V_LDMXCSR, 0, read(b, i, i.o0));
}

export function stmxcsr(b: Builder, i: Insn): void {
  guard(b);
  write(b, i, i.o0, MXCSR);
}
