/** System helpers of which more is known than that they may do anything. @see machine/helpers/system.ts */
import { H_ARPL, H_POPF } from '../../machine/helpers/system.ts';
import type { HelperEffects } from './helper-int.table.ts';

const neverFaults = { memory: 'none', faults: false, flags: 'any', end: false, link: false, clobbers: true } as const;

export const helperSystemEffects: readonly HelperEffects[] = [
  { number: H_POPF, d: '-', a: 's', b: '-', c: 'n', ...neverFaults },
  { number: H_ARPL, d: '+', a: 's', b: '-', c: '-', ...neverFaults },
];
