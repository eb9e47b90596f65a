/** A block's bytecode as it was packed, from what became of it in the arena. */
import { BLK_BYTES, BLK_HEADER, BLK_LAST } from '../../../machine/layout.ts';
import {
  OP_BRSUB,
  OP_CALLIND,
  OP_ENTER,
  OP_F_CMPBR,
  OP_F_CMPIBR,
  OP_F_TESTBR,
  OP_IND,
  OP_Q_BRSUB32,
  OP_Q_CMPBR8,
  OP_Q_CMPBR32,
  OP_Q_CMPIBR8,
  OP_Q_CMPIBR32,
  OP_Q_TESTBR8,
  OP_Q_TESTBR32,
} from '../../../machine/ops.ts';

const OPERATION = 0xffff;
/** Words of a micro-op, and the one with the upper half of its immediate. */
const UOP_WORDS = 4;
const IMM_HIGH = 3;

/** Where specialised operations begin, the last first, and what each was before. @see machine/assembly/quicken.ts */
const SPECIALISED: readonly (readonly [number, number])[] = [
  [OP_Q_TESTBR8, OP_F_TESTBR],
  [OP_Q_CMPIBR8, OP_F_CMPIBR],
  [OP_Q_CMPBR8, OP_F_CMPBR],
  [OP_Q_TESTBR32, OP_F_TESTBR],
  [OP_Q_CMPIBR32, OP_F_CMPIBR],
  [OP_Q_CMPBR32, OP_F_CMPBR],
  [OP_Q_BRSUB32, OP_BRSUB],
];

const general = (op: number): number => SPECIALISED.find(([first]) => op >= first)?.[1] ?? op;

/**
 * The micro-ops of the block at `block`, `length` words, as `pack` wrote them. What the core writes into a block: its first operation (a region is there, it is dropped), its last one
 * (specialised), and links and guesses behind that or in it.
 * @param words `state`, as 32-bit words
 */
export function pristine(words: Int32Array, block: number, length: number): Int32Array {
  const from = (block + BLK_HEADER) >>> 2;
  const code = words.slice(from, from + length);
  // its bytes are written when it comes into being
  if (words[(block + BLK_BYTES) >>> 2] === 0) return code;
  const last = ((words[(block + BLK_LAST) >>> 2] as number) >>> 2) - from;
  const op = general((code[last] as number) & OPERATION);
  code[last] = ((code[last] as number) & ~OPERATION) | op;
  code[0] = ((code[0] as number) & ~OPERATION) | OP_ENTER;
  if (op === OP_IND || op === OP_CALLIND) code[last + IMM_HIGH] = 0;
  code.fill(0, last + UOP_WORDS, Math.min(last + UOP_WORDS + 2, length));
  return code;
}
