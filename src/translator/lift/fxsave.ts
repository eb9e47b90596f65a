/** FXSAVE, FXRSTOR, the XSAVE family, XGETBV, XSETBV. */
import {
  F_CHECK_AREA,
  F_CHECK_OSXSAVE,
  F_FXRSTOR,
  F_FXSAVE,
  F_XGETBV,
  F_XRSTOR,
  F_XRSTORS,
  F_XSAVE,
  F_XSAVEC,
  F_XSAVEOPT,
  F_XSAVES,
} from '../../machine/helpers/x87.ts';
import { EXIT_XSETBV } from '../../machine/layout.ts';
import { OP_HX87 } from '../../machine/ops.ts';
import type { Insn } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { linearSlot, namesOtherSegment, offsetSlot, SEG_FS } from './memory-operand.ts';

/** First and last byte of the area lie in the segment; how long it is, the core knows from the components. */
const area =
  (helper: number, store: boolean) =>
  (b: Builder, i: Insn): void => {
    const plain = b.code64 || (b.flat && i.memSeg < SEG_FS && !namesOtherSegment(i));
    if (!plain) b.helper(OP_HX87, F_CHECK_AREA, i.memSeg, offsetSlot(b, i), store ? 1 : 0, helper);
    b.helper(OP_HX87, helper, i.opsize === 8 ? 1 : 0, linearSlot(b, i, 1, store));
  };
export const fxsave = area(F_FXSAVE, true);
export const fxrstor = area(F_FXRSTOR, false);
export const xsave = area(F_XSAVE, true);
export const xsaveopt = area(F_XSAVEOPT, true);
export const xsavec = area(F_XSAVEC, true);
export const xsaves = area(F_XSAVES, true);
export const xrstor = area(F_XRSTOR, false);
export const xrstors = area(F_XRSTORS, false);

export function xgetbv(b: Builder): void {
  b.helper(OP_HX87, F_XGETBV);
}

/** The hypervisor checks the value and sets XCR0. */
export function xsetbv(b: Builder, i: Insn): void {
  b.helper(OP_HX87, F_CHECK_OSXSAVE);
  b.exit(EXIT_XSETBV, i.len);
}
