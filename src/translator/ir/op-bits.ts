/**
 * The attributes of the IR's operations as bit masks by operation number, for passes that look at every operation of
 * every block.
 */
import { OP_HINT, OP_HSYS, OP_HVEC } from '../../machine/ops.ts';
import type { Builder } from './builder.ts';
import { type HelperEffects, helperIntEffects } from './helper-int.table.ts';
import { helperSystemEffects } from './helper-system.table.ts';
import { helperVecEffects } from './helper-vec.table.ts';
import { type IrOp, irOps, type Role } from './ops.table.ts';

/** Field d is a slot that is read. */
export const D_IN = 1 << 0;
/** Field d is a slot that is written. */
export const D_OUT = 1 << 1;
export const A_IN = 1 << 2;
export const B_IN = 1 << 3;
export const C_IN = 1 << 4;
export const FAULTS = 1 << 5;
export const FLAGS_READ = 1 << 6;
/** Replaces all of CC_*. */
export const FLAGS_WRITE = 1 << 7;
/** Replaces CC_* or leaves it. */
export const FLAGS_MAY_WRITE = 1 << 8;
export const END = 1 << 9;
/** A helper of which nothing more is known: it may read and write any register. */
export const CLOBBERS = 1 << 10;
/** Does nothing but write slot d: may be dropped when d is dead. */
export const PURE = 1 << 11;
/** Does nothing but write the flags: may be dropped when these are dead. */
export const PURE_FLAGS = 1 << 12;
export const LINK = 1 << 13;
export const MEMORY = 1 << 14;
export const STORE = 1 << 15;

const reads = (role: Role): boolean => role === 's' || role === '+' || role === 'h';
const writes = (role: Role): boolean => role === '=' || role === '+' || role === 'h';

const bitsOf = (op: IrOp): number => {
  let bits = 0;
  if (reads(op.d)) bits |= D_IN;
  if (writes(op.d)) bits |= D_OUT;
  if (reads(op.a)) bits |= A_IN;
  if (reads(op.b)) bits |= B_IN;
  if (reads(op.c)) bits |= C_IN;
  if (op.faults) bits |= FAULTS;
  if (op.flags === 'reads' || op.flags === 'any') bits |= FLAGS_READ;
  if (op.flags === 'writes') bits |= FLAGS_WRITE;
  if (op.flags === 'may-write' || op.flags === 'any') bits |= FLAGS_MAY_WRITE;
  if (op.end) bits |= END;
  if (op.clobbers) bits |= CLOBBERS;
  if (op.link) bits |= LINK;
  if (op.memory !== 'none') bits |= MEMORY;
  if (op.memory === 'store') bits |= STORE;
  const vector = op.d.startsWith('V');
  if (!op.faults && !op.end && !vector && !op.clobbers && (op.flags === 'none' || op.flags === 'reads') && writes(op.d)) bits |= PURE;
  if (!op.faults && !op.end && !op.clobbers && !writes(op.d) && (op.flags === 'writes' || op.flags === 'may-write' || op.flags === 'any')) bits |= PURE_FLAGS;
  return bits;
};

/** Attributes by operation number; helpers get the most careful ones. */
export const opBits: Uint32Array = new Uint32Array(256);
for (const op of irOps) opBits[op.number] = bitsOf(op);

/** Names by operation number. */
export const opNames: readonly string[] = (() => {
  const names: string[] = new Array<string>(256).fill('?');
  for (const op of irOps) names[op.number] = op.name;
  return names;
})();

/** Attributes of the helpers of one family by helper number. */
const helperBits = (op: number, effects: readonly HelperEffects[]): Uint32Array => {
  const bits = new Uint32Array(256).fill(opBits[op] as number);
  for (const one of effects) bits[one.number] = bitsOf({ name: '', imm: 'f', prose: '', ...one });
  return bits;
};
const helperIntBits = helperBits(OP_HINT, helperIntEffects);
const helperSystemBits = helperBits(OP_HSYS, helperSystemEffects);

/** Vector helpers have numbers up to 0x2fff, most of them not in use. */
const helperVecBits = new Map<number, number>();
const vecBits = (number: number): number => {
  let bits = helperVecBits.get(number);
  if (bits === undefined) {
    const effects = helperVecEffects(number);
    bits = effects === undefined ? (opBits[OP_HVEC] as number) : bitsOf({ name: '', imm: 'f', prose: '', ...effects });
    helperVecBits.set(number, bits);
  }
  return bits;
};

/** Attributes of operation k of the block in `builder`. */
export const bitsAt = (builder: Builder, k: number): number => {
  const op = builder.op[k] as number;
  if (op === OP_HINT) return helperIntBits[(builder.immLo[k] as number) & 255] as number;
  if (op === OP_HSYS) return helperSystemBits[(builder.immLo[k] as number) & 255] as number;
  if (op === OP_HVEC) return vecBits((builder.immLo[k] as number) & 0xffff);
  return opBits[op] as number;
};
