/** Operand values: the ones where instructions change their mind, and random ones. All from the generator's dice. */
import type { Dice } from '../../src/translator/decode/encodings.ts';
import { TEMPLATE_SIZE } from './layout.ts';

/** A random 32-bit number (signed). */
export const random32 = (dice: Dice): number => (dice.next(0x10000) << 16) | dice.next(0x10000);

const EDGES_32 = [
  0, 1, -1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, -0x80000000, -2, -128, -129, -32768,
  -32769,
];

/** Writes an integer of 64 bits with a liking for edges to `to[at]`, `to[at + 1]`. */
export function integer(dice: Dice, to: Int32Array, at: number): void {
  const edge = EDGES_32[dice.next(EDGES_32.length)] as number;
  switch (dice.next(10)) {
    case 0:
    case 1:
      to[at] = edge;
      to[at + 1] = edge >> 31;
      break;
    case 2:
      to[at] = edge;
      to[at + 1] = 0;
      break;
    case 3: {
      const bit = dice.next(64);
      to[at] = bit < 32 ? 1 << bit : 0;
      to[at + 1] = bit < 32 ? 0 : 1 << (bit - 32);
      break;
    }
    case 4:
      to[at] = 0;
      to[at + 1] = dice.next(2) === 0 ? -0x80000000 : edge;
      break;
    case 5:
      to[at] = -1;
      to[at + 1] = dice.next(2) === 0 ? 0x7fffffff : edge;
      break;
    case 6:
      to[at] = dice.next(256);
      to[at + 1] = 0;
      break;
    default:
      to[at] = random32(dice);
      to[at + 1] = random32(dice);
  }
}

const SINGLES = [
  0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffbfffff, 0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff, 0x4f000000,
  0xcf000000, 0x4effffff, 0x5f000000, 0x3f000000, 0x3effffff, 0x4b000001, 0x40490fdb, 0xffc00000,
].map((bits) => bits | 0);

/** Bits of a single-precision number. */
export function single(dice: Dice): number {
  const kind = dice.next(8);
  if (kind < 3) return SINGLES[dice.next(SINGLES.length)] as number;
  // exponents near each other, so that sums, roundings and overflows happen
  if (kind < 6) return (random32(dice) & 0x807fffff) | ((120 + dice.next(16)) << 23);
  if (kind === 6) return (random32(dice) & 0x80ff0000) | ((120 + dice.next(32)) << 23);
  return random32(dice);
}

const DOUBLES = [
  0, 0x80000000, 0x3ff00000, 0xbff00000, 0x7ff00000, 0xfff00000, 0x7ff80000, 0x00100000, 0x43e00000, 0xc3e00000, 0x41e00000, 0xc1e00000, 0x3fe00000, 0x43300000,
  0x47efffff, 0x36a00000, 0x380fffff,
].map((bits) => bits | 0);

/** Writes a double-precision number. */
export function double(dice: Dice, to: Int32Array, at: number): void {
  const kind = dice.next(8);
  const low = dice.next(3) === 0 ? 0 : dice.next(4) === 0 ? dice.next(2) : dice.next(4) === 0 ? -1 : random32(dice);
  to[at] = low;
  if (kind < 3) to[at + 1] = DOUBLES[dice.next(DOUBLES.length)] as number;
  else if (kind < 6) to[at + 1] = (random32(dice) & 0x800fffff) | ((1008 + dice.next(32)) << 20);
  else if (kind === 6) to[at + 1] = (random32(dice) & 0x800fffff) | ((896 + dice.next(256)) << 20);
  else to[at + 1] = random32(dice);
}

/** Writes an 80-bit number to three words, the upper half of the third zero. */
export function extended(dice: Dice, to: Int32Array, at: number): void {
  const sign = dice.next(2) << 15;
  to[at] = dice.next(2) === 0 ? 0 : random32(dice);
  to[at + 1] = dice.next(4) === 0 ? -0x80000000 : random32(dice) | -0x80000000;
  switch (dice.next(12)) {
    case 0:
      to[at] = to[at + 1] = 0;
      to[at + 2] = sign;
      break;
    case 1:
      to[at] = 0;
      to[at + 1] = -0x80000000;
      to[at + 2] = sign | (dice.next(3) === 0 ? 0x7fff : 0x3fff);
      break;
    case 2:
      to[at + 2] = sign | 0x7fff;
      if (dice.next(2) === 0) to[at + 1] = (to[at + 1] as number) & ~0x40000000;
      break;
    case 3:
      // denormal, pseudo-denormal
      to[at + 2] = sign;
      if (dice.next(3) !== 0) to[at + 1] = (to[at + 1] as number) & 0x7fffffff;
      break;
    case 4:
      // unnormal, pseudo-infinity, pseudo-NaN
      to[at + 1] = (to[at + 1] as number) & 0x7fffffff;
      to[at + 2] = sign | (dice.next(2) === 0 ? 0x7fff : 0x3ff0 + dice.next(32));
      break;
    case 5:
      to[at + 2] = sign | [1, 2, 0x7ffe, 0x7ffd, 0x3f81, 0x3f80, 0x407e, 0x3c01, 0x3c00, 0x43fe, 0x43ff][dice.next(11)]!;
      break;
    case 6:
      // an integer
      to[at + 2] = sign | (0x3fff + dice.next(70));
      to[at] = 0;
      to[at + 1] = (dice.next(0x10000) << 16) | -0x80000000;
      break;
    default:
      to[at + 2] = sign | (0x3fff - 12 + dice.next(24));
  }
}

/** Kinds of contents of vector registers and memory. */
export const VECTOR_KINDS = 4;

/** Writes 16 bytes of kind 0 integers, 1 singles, 2 doubles, 3 bytes at edges. */
export function vector(dice: Dice, kind: number, to: Int32Array, at: number): void {
  for (let n = 0; n < 4; n++) {
    if (kind === 1) to[at + n] = single(dice);
    else if (kind === 3) to[at + n] = edgeByte(dice) | (edgeByte(dice) << 8) | (edgeByte(dice) << 16) | (edgeByte(dice) << 24);
    else if ((n & 1) === 0) {
      if (kind === 0) integer(dice, to, at + n);
      else double(dice, to, at + n);
    }
  }
}

const EDGE_BYTES = [0, 1, 0x7f, 0x80, 0x81, 0xff, 0xfe, 0x55];
const edgeByte = (dice: Dice): number => (dice.next(2) === 0 ? (EDGE_BYTES[dice.next(8)] as number) : dice.next(256));

/** The memory templates of a run: each kind of content, with 80-bit numbers, and pages of zeros. */
export function makeTemplates(dice: Dice): Uint8Array {
  const count = VECTOR_KINDS + 3;
  const words = new Int32Array((count * TEMPLATE_SIZE) / 4);
  const size = TEMPLATE_SIZE / 4;
  for (let n = 0; n < count; n++) {
    const from = n * size;
    for (let at = from; at < from + size; at += 4) {
      if (n < VECTOR_KINDS) vector(dice, n, words, at);
      else if (n === VECTOR_KINDS) extended(dice, words, at);
      else if (n === VECTOR_KINDS + 1) for (let k = 0; k < 4; k++) words[at + k] = random32(dice);
    }
  }
  return new Uint8Array(words.buffer);
}
