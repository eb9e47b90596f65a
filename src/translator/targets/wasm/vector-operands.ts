/** Which halves of vector registers an operation reads and writes. */
import { V_BROADCAST, V_PERMQ, V_VEX128, V_VEX256, V_ZEROALL, V_ZEROUPPER } from '../../../machine/helpers/vec.ts';
import { VT0 } from '../../../machine/layout.ts';
import * as O from '../../../machine/ops.ts';
import { helperVecEffects } from '../../ir/helper-vec.table.ts';
import type { RegionBlock } from './region-block.ts';

/** A half of 128 bits of a vector register: 2 * its number, + 1 for the upper one. */
export type Half = number;

export const isTemporary = (half: Half): boolean => half >> 1 >= VT0;

export interface VectorOperands {
  readonly reads: readonly Half[];
  readonly writes: readonly Half[];
  /** Zeroes upper halves of registers that it does not name. */
  readonly zeroes: boolean;
}

const NONE: VectorOperands = { reads: [], writes: [], zeroes: false };
const low = (vector: number): Half[] => [2 * vector];
const both = (vector: number): Half[] => [2 * vector, 2 * vector + 1];

/** The halves of operation k; a helper of which nothing is known counts as none. */
export function vectorOperands(block: RegionBlock, k: number): VectorOperands {
  const [d, a, b, c] = [block.d[k] as number, block.a[k] as number, block.b[k] as number, block.c[k] as number];
  switch (block.op[k]) {
    case O.OP_VLD32:
    case O.OP_VLD64:
    case O.OP_VLD128:
    case O.OP_VZERO:
      return { ...NONE, writes: low(d) };
    case O.OP_VLD256:
      return { ...NONE, writes: both(d) };
    case O.OP_VST32:
    case O.OP_VST64:
    case O.OP_VST128:
      return { ...NONE, reads: low(d) };
    case O.OP_VST256:
      return { ...NONE, reads: both(d) };
    case O.OP_VMOV:
      return { ...NONE, reads: low(a), writes: low(d) };
    case O.OP_VGET:
      return { ...NONE, reads: [2 * a + (c >> 1)] };
    case O.OP_VPUT:
      return { ...NONE, reads: [2 * d + (c >> 1)], writes: [2 * d + (c >> 1)] };
    case O.OP_HVEC:
      return helperOperands((block.immLo[k] as number) & 0xffff, d, a, b, c);
    default:
      return NONE;
  }
}

function helperOperands(number: number, d: number, a: number, b: number, c: number): VectorOperands {
  const base = number & (V_VEX128 - 1);
  if (base === V_ZEROUPPER || base === V_ZEROALL) return { ...NONE, zeroes: true };
  const effects = helperVecEffects(number);
  if (effects === undefined) return NONE;
  // permutes are of 256 bits without a mark
  const wide = number >= V_VEX256 || (number >= V_PERMQ && number < V_BROADCAST);
  const of = wide ? both : low;
  const reads: Half[] = [];
  if (effects.a === 'V') reads.push(...of(a));
  if (effects.b === 'V') reads.push(...of(b));
  if (effects.c === 'V') reads.push(...of(c));
  if (effects.d === 'V+') reads.push(...low(d));
  const writes = effects.d === '=' ? [] : wide || number >= V_VEX128 ? both(d) : low(d);
  return { reads, writes, zeroes: false };
}
