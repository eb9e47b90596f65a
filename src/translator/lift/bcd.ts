/** Decimal adjustments: rare enough for helpers. */
import { HI_AAA, HI_AAD, HI_AAM, HI_AAS, HI_DAA, HI_DAS } from '../../machine/helpers/int.ts';
import { OP_HINT } from '../../machine/ops.ts';
import type { Insn } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';

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
