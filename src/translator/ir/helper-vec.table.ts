/** What the vector helpers do with their operands and the machine; see machine/helpers/vec.ts. */
import * as V from '../../machine/helpers/vec.ts';
import type { HelperEffects } from './helper-int.table.ts';
import type { IrEffects, Role } from './ops.table.ts';

const effects = (fields: string, more: Partial<IrEffects> = {}): HelperEffects => {
  const [d, a, b, c] = fields.split(' ') as [Role, Role, Role, Role];
  return { number: 0, d, a, b, c, memory: 'none', faults: false, flags: 'none', end: false, link: false, clobbers: false, ...more };
};

/** Any exception of floating point may be unmasked. */
const faults = { faults: true, flags: 'reads' } as const;

/** Kinds of helpers: of vectors alone, of three sources, with a slot that is written or read; those of floating point. */
const KINDS = {
  lanes: effects('V= V V -'),
  lanesOfThree: effects('V= V V V'),
  toSlot: effects('= V V -'),
  fromSlot: effects('V+ s - -'),
  float: effects('V= V V -', faults),
  floatOfThree: effects('V= V V V', faults),
  floatToSlot: effects('= V V -', faults),
  floatFromSlot: effects('V= V s -', faults),
  /** Registers in ways of its own. */
  upperHalves: effects('- - - -'),
} as const satisfies Record<string, HelperEffects>;

type Kind = keyof typeof KINDS;

function kindOf(number: number): Kind | undefined {
  if (number < 192) return 'lanes';
  switch (number) {
    case V.V_PBLENDVB:
    case V.V_BLENDVPS:
    case V.V_BLENDVPD:
    case V.V_SHA256RNDS2:
      return 'lanesOfThree';
    case V.V_PMOVMSKB:
    case V.V_MOVMSKPS:
    case V.V_MOVMSKPD:
    case V.V_PTEST:
    case V.V_TESTPS:
    case V.V_TESTPD:
      return 'toSlot';
    case V.V_PINSR:
      return 'fromSlot';
    case V.V_MOVSS:
      return 'lanes';
    case V.V_ZEROUPPER:
    case V.V_ZEROALL:
      return 'upperHalves';
    case V.V_CVTSI2SS:
    case V.V_CVTSI2SD:
      return 'floatFromSlot';
    default:
  }
  if (number < V.V_ADD) return undefined;
  if (number < V.V_COMI) return 'float';
  if (number < V.V_CVTPS2PD) return 'floatToSlot';
  if (number < V.V_CVTSS2SI) return 'float';
  if (number < V.V_FMA) return 'floatToSlot';
  if (number < V.V_CVTPH2PS) return 'floatOfThree';
  if (number <= V.V_CVTPS2PH) return 'float';
  return number >= V.V_PERMQ && number < V.V_ZEROUPPER ? 'lanes' : undefined;
}

/** Attributes of vector helper `number` (V_VEX128 or V_VEX256 added or not); undefined: the most careful ones. */
export function helperVecEffects(number: number): HelperEffects | undefined {
  const kind = kindOf(number & (V.V_VEX128 - 1));
  return kind === undefined ? undefined : KINDS[kind];
}
