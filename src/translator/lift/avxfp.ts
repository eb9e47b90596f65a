/** AVX floating point, F16C and FMA3. */
import * as V from '../../machine/helpers/vec.ts';
import { MXCSR } from '../../machine/layout.ts';
import { OP_HVEC, OP_SETFLAGS, OP_VMOV } from '../../machine/ops.ts';
import { type Insn, OPK_MEM } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { helperNamed } from './avx.ts';
import { address, loadForWriteAt } from './memory-operand.ts';
import { read, write } from './operands.ts';
import { guard, lanewise, narrow, source, storeVex, width } from './vex-operand.ts';

type LiftFunction = (b: Builder, i: Insn) => void;

const KINDS = ['ss', 'sd', 'ps', 'pd'];
const SCALARS = 2;

/** The four kinds of an operation, or those in `kinds`. */
const kindsOf = (name: string, kinds: readonly string[] = KINDS): [string, LiftFunction][] =>
  kinds.map((kind) => {
    const k = KINDS.indexOf(kind);
    const number = helperNamed(name) + k;
    return [`v${name}${kind}`, k < SCALARS ? narrow(number) : lanewise(number)];
  });

/** VRCPSS, VRSQRTSS: the helper copies the upper lanes first, so that the source must not be the destination. */
const approximate =
  (helper: number): LiftFunction =>
  (b, i) => {
    guard(b);
    let from = source(b, i, i.o2);
    if (from === i.o0.reg) {
      const t = b.vectorTemp();
      b.un(OP_VMOV, t, from);
      from = t;
    }
    b.helper(OP_HVEC, helper + V.V_VEX128, i.o0.reg, i.o1.reg, from);
  };

const compareFlags =
  (helper: number): LiftFunction =>
  (b, i) => {
    guard(b);
    const from = source(b, i, i.o1);
    const t = b.temp();
    b.helper(OP_HVEC, helper, t, i.o0.reg, from);
    b.un(OP_SETFLAGS, 0, t);
  };

const fromInteger =
  (helper: number): LiftFunction =>
  (b, i) => {
    guard(b);
    const from = read(b, i, i.o2);
    b.helper(OP_HVEC, helper + V.V_VEX128, i.o0.reg, i.o1.reg, from, i.o2.size);
  };

const toInteger =
  (helper: number): LiftFunction =>
  (b, i) => {
    guard(b);
    const from = source(b, i, i.o1);
    b.helper(OP_HVEC, helper, i.o0.reg, 0, from, i.o0.size);
  };

/** VCVTPS2PH: memory that cannot be written faults before MXCSR's flags are set. */
const vcvtps2ph: LiftFunction = (b, i) => {
  guard(b);
  const { o0 } = i;
  if (o0.kind !== OPK_MEM) return b.helper(OP_HVEC, V.V_CVTPS2PH + width(i), o0.reg, 0, i.o1.reg, 0, i.immLo & 0xff);
  const t = b.temp();
  for (let at = 0; at < o0.size; at += 8) loadForWriteAt(b, t, address(b, i, 8, true, at), 8);
  const to = b.vectorTemp();
  b.helper(OP_HVEC, V.V_CVTPS2PH + width(i), to, 0, i.o1.reg, 0, i.immLo & 0xff);
  storeVex(b, i, to, o0.size);
};

const vldmxcsr: LiftFunction = (b, i) => {
  guard(b);
  b.helper(OP_HVEC, V.V_LDMXCSR, 0, read(b, i, i.o0));
};

const vstmxcsr: LiftFunction = (b, i) => {
  guard(b);
  write(b, i, i.o0, MXCSR);
};

const PACKED = ['ps', 'pd'];
const conversions = ['cvtps2pd', 'cvtpd2ps', 'cvtdq2ps', 'cvtdq2pd', 'cvtps2dq', 'cvttps2dq', 'cvtpd2dq', 'cvttpd2dq', 'cvtph2ps'];

/** Lift functions by the names in the rows. */
export const avxfp: Readonly<Record<string, LiftFunction>> = {
  ...Object.fromEntries(['add', 'sub', 'mul', 'div', 'min', 'max', 'sqrt', 'cmp', 'round'].flatMap((name) => kindsOf(name))),
  ...Object.fromEntries(['hadd', 'hsub', 'addsub', 'dp', 'rcp', 'rsqrt'].flatMap((name) => kindsOf(name, PACKED))),
  ...Object.fromEntries(conversions.map((name) => [`v${name}`, lanewise(helperNamed(name))])),
  vrcpss: approximate(V.V_RCP),
  vrsqrtss: approximate(V.V_RSQRT),
  vcomiss: compareFlags(V.V_COMI),
  vcomisd: compareFlags(V.V_COMI + 1),
  vucomiss: compareFlags(V.V_UCOMI),
  vucomisd: compareFlags(V.V_UCOMI + 1),
  vcvtss2sd: narrow(V.V_CVTSS2SD),
  vcvtsd2ss: narrow(V.V_CVTSD2SS),
  vcvtsi2ss: fromInteger(V.V_CVTSI2SS),
  vcvtsi2sd: fromInteger(V.V_CVTSI2SD),
  vcvtss2si: toInteger(V.V_CVTSS2SI),
  vcvtsd2si: toInteger(V.V_CVTSD2SI),
  vcvttss2si: toInteger(V.V_CVTTSS2SI),
  vcvttsd2si: toInteger(V.V_CVTTSD2SI),
  vcvtps2ph,
  vldmxcsr,
  vstmxcsr,
};

/** Order of the operands (destination 1, VEX.vvvv 2, ModRM 3) as multiplicands and addend. */
const multiplyAdd =
  (order: string, operation: number, kind: number): LiftFunction =>
  (b, i) => {
    guard(b);
    const registers = [i.o0.reg, i.o1.reg, source(b, i, i.o2)];
    const [first, second, addend] = [...order].map((digit) => registers[Number(digit) - 1] as number) as [number, number, number];
    const number = V.V_FMA + 4 * operation + kind;
    b.helper(OP_HVEC, number + (kind < SCALARS ? V.V_VEX128 : width(i)), i.o0.reg, first, second, addend);
  };

const OPERATIONS = ['vfmadd', 'vfmsub', 'vfnmadd', 'vfnmsub', 'vfmaddsub', 'vfmsubadd'];

/** FMA3 by the names in the rows. */
export const fma: Readonly<Record<string, LiftFunction>> = Object.fromEntries(
  OPERATIONS.flatMap((name, operation) =>
    ['132', '213', '231'].flatMap((order) => KINDS.map((kind, k) => [`${name}${order}${kind}`, multiplyAdd(order, operation, k)] as const)),
  ),
);
