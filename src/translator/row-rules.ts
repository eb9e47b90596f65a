/** What is decided about a row before it is lifted, for one CPU model: one byte of rules per row. */
import { ROWS } from '../spec/x86/opcodes.ts';
import type { Row } from '../spec/x86/row.ts';
import { liftOf } from './lift/lift-table.ts';

/** #UD: the model lacks the feature, or the vendor does not have the instruction. */
export const RULE_UNDEFINED = 1;
/** No lift function, or marked todo: the domain stops with the row's name. */
export const RULE_UNIMPLEMENTED = 2;
/** #UD in real and virtual-8086 mode. */
export const RULE_PROTECTED_ONLY = 4;
/** #GP(0) unless CPL is 0. */
export const RULE_PRIVILEGED = 8;
/** The block ends here even if the lift function does not say so. */
export const RULE_ENDS = 16;
/** #UD in 64-bit code. */
export const RULE_UNDEFINED_IN_64 = 32;
/** #UD outside 64-bit code. */
export const RULE_UNDEFINED_OUTSIDE_64 = 64;

/** #UD with VEX.L set: the model lacks what the 256-bit form needs. */
export const RULE_UNDEFINED_WIDE = 128;

/** What the translator must know of a CPU model. */
export interface CpuRules {
  /** Feature names as in opcode rows; undefined: everything that is implemented. */
  readonly features: ReadonlySet<string> | undefined;
  readonly vendor: 'amd' | 'intel';
}

/** SMAP's instructions are #UD, not #GP, outside CPL 0: their helper checks. */
const CHECK_THEMSELVES = new Set(['system.clac', 'system.stac']);

function ruleOf(index: number, cpu: CpuRules): number {
  const row = ROWS[index] as Row;
  let rule = 0;
  const has = (feature: string | undefined): boolean =>
    feature === undefined || (cpu.features === undefined ? row.todo === undefined : cpu.features.has(feature));
  const known = has(row.feature);
  if (!has(row.feature256)) rule |= RULE_UNDEFINED_WIDE;
  if (!known || row.undefinedOpcode !== undefined || row.undefinedOn === cpu.vendor) rule |= RULE_UNDEFINED;
  if (row.todo !== undefined || liftOf(index) === undefined) rule |= RULE_UNIMPLEMENTED;
  if (row.protectedOnly || row.map.startsWith('VEX')) rule |= RULE_PROTECTED_ONLY;
  if (row.privileged && !CHECK_THEMSELVES.has(row.lift)) rule |= RULE_PRIVILEGED;
  if (row.ends) rule |= RULE_ENDS;
  // compatibility mode is decided by the helper, which sees EFER
  if (row.undefinedOn === 'amd-in-long' && cpu.vendor === 'amd') rule |= RULE_UNDEFINED_IN_64;
  if (row.undefinedOn === 'intel-outside-64' && cpu.vendor === 'intel') rule |= RULE_UNDEFINED_OUTSIDE_64;
  return rule;
}

const UNKNOWN = -1;

/** The rules of a row, by its number. */
export function rowRules(cpu: CpuRules): (row: number) => number {
  const rules = new Int16Array(ROWS.length).fill(UNKNOWN);
  return (row) => {
    const rule = rules[row] as number;
    return rule === UNKNOWN ? (rules[row] = ruleOf(row, cpu)) : rule;
  };
}
