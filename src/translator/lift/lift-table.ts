/** Lift functions by the names that opcode rows give them, resolved when a row is first lifted. */
import { ROWS } from '../../spec/x86/opcodes.ts';
import type { Row } from '../../spec/x86/row.ts';
import type { Insn } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import * as alu from './alu.ts';
import { avx } from './avx.ts';
import { avxfp, fma } from './avxfp.ts';
import * as bcd from './bcd.ts';
import * as bits from './bits.ts';
import * as bmi from './bmi.ts';
import * as branch from './branch.ts';
import * as convert from './convert.ts';
import * as exchange from './exchange.ts';
import * as flag from './flag.ts';
import * as fxsave from './fxsave.ts';
import * as interrupt from './interrupt.ts';
import * as io from './io.ts';
import * as mmx from './mmx.ts';
import * as move from './move.ts';
import * as msr from './msr.ts';
import * as muldiv from './muldiv.ts';
import * as segment from './segment.ts';
import * as shift from './shift.ts';
import * as sse from './sse.ts';
import * as ssefp from './ssefp.ts';
import * as stack from './stack.ts';
import * as string from './string.ts';
import * as system from './system.ts';
import * as x87 from './x87.ts';

/** Turns a decoded instruction into IR at the end of the builder's block. */
export type LiftFunction = (b: Builder, i: Insn) => void;

/** Families as rows name them: `family.name`. */
const families: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  alu: { ...alu, ...exchange, ...bmi },
  avx,
  avxfp,
  bcd,
  bits: { ...bits, ...bmi },
  branch,
  convert,
  flag,
  fma,
  fxsave,
  interrupt,
  io,
  mmx,
  move,
  msr,
  muldiv: { ...muldiv, ...bmi },
  segment,
  shift: { ...shift, ...bmi },
  sse,
  ssefp,
  stack,
  string,
  system,
  x87,
};

const found: (LiftFunction | null)[] = [];

/** The function of row number `row`; undefined where nobody has written it yet. */
export function liftOf(row: number): LiftFunction | undefined {
  let lift = found[row];
  if (lift === undefined) {
    const [family, name] = (ROWS[row] as Row).lift.split('.') as [string, string];
    const member = families[family]?.[name];
    lift = typeof member === 'function' ? (member as LiftFunction) : null;
    found[row] = lift;
  }
  return lift ?? undefined;
}
