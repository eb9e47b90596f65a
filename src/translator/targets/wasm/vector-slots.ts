/** Which vector helpers have a slot among their operands. */
import {
  V_COMI,
  V_CVTPS2PD,
  V_CVTSI2SD,
  V_CVTSI2SS,
  V_CVTSS2SI,
  V_CVTTSD2SI,
  V_PMOVMSKB,
  V_PTEST,
  V_TESTPD,
  V_TESTPS,
  V_VEX128,
} from '../../../machine/helpers/vec.ts';

/** The helper reads slot b, or writes slot d, or has vectors only (or slots in ways of its own). */
export function vectorSlots(helper: number): 'reads' | 'writes' | 'none' {
  const number = helper & (V_VEX128 - 1);
  if (number === V_TESTPS || number === V_TESTPD) return 'writes';
  if (number >= V_CVTSI2SS && number <= V_CVTSI2SD) return 'reads';
  if (number >= V_CVTSS2SI && number <= V_CVTTSD2SI) return 'writes';
  if (number >= V_COMI && number < V_CVTPS2PD) return 'writes';
  return number >= V_PMOVMSKB && number <= V_PTEST ? 'writes' : 'none';
}
