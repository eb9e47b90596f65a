/** System helpers of which more is known than that they may do anything. @see machine/helpers/system.ts */
import { H_ARPL, H_CHECK_CPL0, H_CHECK_CPL0_UD, H_POPF } from '../../machine/helpers/system.ts';
import type { HelperEffects } from './helper-int.table.ts';

const neverFaults = { memory: 'none', faults: false, flags: 'any', end: false, link: false, clobbers: true } as const;

const onlyChecks = { memory: 'none', faults: true, flags: 'reads', end: false, link: false, clobbers: false } as const;

export const helperSystemEffects: readonly HelperEffects[] = [
  { number: H_POPF, d: '-', a: 's', b: '-', c: 'n', ...neverFaults },
  { number: H_ARPL, d: '+', a: 's', b: '-', c: '-', ...neverFaults },
  { number: H_CHECK_CPL0, d: '-', a: '-', b: '-', c: '-', ...onlyChecks },
  { number: H_CHECK_CPL0_UD, d: '-', a: '-', b: '-', c: '-', ...onlyChecks },
];
