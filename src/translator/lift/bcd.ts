/** Decimal adjustments: rare enough for helpers. */
import { HI_AAA, HI_AAD, HI_AAM, HI_AAS, HI_DAA, HI_DAS } from '../../machine/helpers/int.ts';
import { RAX } from '../../machine/layout.ts';
import { OP_CARRY, OP_HINT, OP_NEG } from '../../machine/ops.ts';
import type { Insn } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { writeRegister } from './operands.ts';

const adjust =
  (number: number) =>
  (b: Builder): void =>
    b.helper(OP_HINT, number);

export const daa: (b: Builder) => void = adjust(HI_DAA);
export const das: (b: Builder) => void = adjust(HI_DAS);
export const aaa: (b: Builder) => void = adjust(HI_AAA);
export const aas: (b: Builder) => void = adjust(HI_AAS);

export function aam(b: Builder, i: Insn): void {
  b.helper(OP_HINT, HI_AAM, 0, 0, 0, 0, i.immLo & 0xff);
}

export function aad(b: Builder, i: Insn): void {
  b.helper(OP_HINT, HI_AAD, 0, 0, 0, 0, i.immLo & 0xff);
}

/** SALC (D6, undocumented): AL = CF ? FF : 00. */
export function salc(b: Builder): void {
  const t = b.temp();
  b.un(OP_CARRY, t, 0);
  b.un(OP_NEG, t, t);
  writeRegister(b, RAX, 1, t);
}
