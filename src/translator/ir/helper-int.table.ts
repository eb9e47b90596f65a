/** What the integer helpers do with their operands and the machine; see machine/helpers/int.ts. */
import * as helpers from '../../machine/helpers/int.ts';
import type { IrEffects, Role } from './ops.table.ts';

export interface HelperEffects extends IrEffects {
  readonly number: number;
  readonly d: Role;
  readonly a: Role;
  readonly b: Role;
  readonly c: Role;
}

const helper = (number: number, fields: string, effects: Partial<IrEffects>): HelperEffects => {
  const [d, a, b, c] = fields.split(' ') as [Role, Role, Role, Role];
  return { number, d, a, b, c, memory: 'none', faults: false, flags: 'none', end: false, link: false, clobbers: false, ...effects };
};

/** Rows for passes and verifier; a number without a row gets the most careful attributes. */
export const helperIntEffects: readonly HelperEffects[] = [
  helper(helpers.HI_DIV, '- s - -', { faults: true, flags: 'reads', clobbers: true }),
  helper(helpers.HI_IDIV, '- s - -', { faults: true, flags: 'reads', clobbers: true }),
  helper(helpers.HI_DAA, '- - - -', { flags: 'any', clobbers: true }),
  helper(helpers.HI_DAS, '- - - -', { flags: 'any', clobbers: true }),
  helper(helpers.HI_AAA, '- - - -', { flags: 'any', clobbers: true }),
  helper(helpers.HI_AAS, '- - - -', { flags: 'any', clobbers: true }),
  helper(helpers.HI_AAM, '- - - -', { faults: true, flags: 'any', clobbers: true }),
  helper(helpers.HI_AAD, '- - - -', { flags: 'any', clobbers: true }),
  helper(helpers.HI_ROTATE_FLAGS, '- s s -', { flags: 'any' }),
  helper(helpers.HI_ROTATE, '= s s -', {}),
  helper(helpers.HI_ROTATE_CARRY, '= s s -', { flags: 'reads' }),
  helper(helpers.HI_SHIFT_DOUBLE, '= s s s', {}),
  helper(helpers.HI_CRC32, '= s s -', {}),
  helper(helpers.HI_ROTATE_CARRY_FLAGS, '- s s -', { flags: 'any' }),
  helper(helpers.HI_ENTER, '- - - -', { memory: 'any', faults: true, flags: 'reads', clobbers: true }),
  helper(helpers.HI_CANONICAL, '- s - -', { faults: true, flags: 'reads' }),
  helper(helpers.HI_PDEP, '= s s -', {}),
  helper(helpers.HI_PEXT, '= s s -', {}),
  helper(helpers.HI_SET_CARRY, '- s - -', { flags: 'any' }),
  helper(helpers.HI_SET_OVERFLOW, '- s - -', { flags: 'any' }),
  helper(helpers.HI_SET_ZERO, '- s - -', { flags: 'any' }),
];
