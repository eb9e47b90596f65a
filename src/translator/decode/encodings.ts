/**
 * Byte sequences that exercise every row: the input of the decoder's tests, and of any other test that wants "each instruction once or more".
 * Deterministic: the variety comes from a small generator seeded by the row's number.
 */
import type { Row } from '../../spec/x86/row.ts';
import { modOf, operandCode, usesModrm } from './operand-codes.ts';

/** Code sizes as in MODE_CODE16, 32, 64. */
export type CodeSize = 0 | 1 | 2;

const MAP_BYTES: Readonly<Partial<Record<Row['map'], readonly number[]>>> = { '1': [], '0F': [0x0f], '0F38': [0x0f, 0x38], '0F3A': [0x0f, 0x3a] };
const VEX_MAPS: readonly Row['map'][] = ['VEX.0F', 'VEX.0F38', 'VEX.0F3A'];
const VEX_PREFIXES: readonly Row['prefix'][] = ['NP', '66', 'F3', 'F2'];
const PREFIX_BYTES: Readonly<Record<Row['prefix'], readonly number[]>> = { any: [], NP: [], '66': [0x66], F3: [0xf3], F2: [0xf2] };
const SEGMENTS = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** A small deterministic generator (xorshift32); `next(n)` is 0..n-1. */
export class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed * 2654435761) | 1;
  }
  next(n: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % n;
  }
}

/** True if the row exists in this code size. */
export function existsIn(row: Row, code: CodeSize): boolean {
  return code === 2 ? !row.i64 : !row.o64;
}

/** Does the row have a ModRM byte? */
export function hasModrm(row: Row): boolean {
  return row.ext !== -1 || row.mod !== 'any' || row.operands.map(operandCode).some(usesModrm);
}

function modrmFor(row: Row, dice: Dice): number {
  const reg = row.ext !== -1 ? row.ext : dice.next(8);
  const mod = row.mod !== 'any' ? row.mod : modOf(row.operands);
  const register = mod === 'reg' || (mod === 'any' && dice.next(2) === 0);
  const rm = row.rm !== -1 ? row.rm : dice.next(8);
  return ((register ? 3 : dice.next(3)) << 6) | (reg << 3) | rm;
}

/**
 * One encoding of `row` in `code`: 15 bytes of which the instruction is the beginning (what follows are random operand bytes). `plain` leaves out optional prefixes.
 */
export function encode(row: Row, code: CodeSize, dice: Dice, plain = false): Uint8Array {
  if (row.map.startsWith('VEX')) return encodeVex(row, code, dice);
  const map = MAP_BYTES[row.map] ?? [];
  const bytes: number[] = [];
  if (!plain) {
    if (row.prefix === 'any' && dice.next(4) === 0) bytes.push(0x66);
    if (dice.next(6) === 0) bytes.push(0x67);
    if (dice.next(6) === 0) bytes.push(SEGMENTS[dice.next(6)]!);
  }
  bytes.push(...PREFIX_BYTES[row.prefix]);
  if (code === 2) {
    const rex = 0x40 | (row.w === 1 ? 8 : 0) | (plain ? 0 : dice.next(8)) | (row.w === -1 && !plain && dice.next(3) === 0 ? 8 : 0);
    if (rex !== 0x40 || (!plain && dice.next(4) === 0)) bytes.push(rex);
  }
  bytes.push(...map, row.opcode + (row.span === 1 ? 0 : dice.next(row.span)));
  if (hasModrm(row)) bytes.push(modrmFor(row, dice));
  while (bytes.length < 15) bytes.push(dice.next(256));
  return Uint8Array.from(bytes.slice(0, 15));
}

function encodeVex(row: Row, code: CodeSize, dice: Dice): Uint8Array {
  const usesVvvv = row.operands.some((text) => /^[HB]/.test(text));
  const inverted = code === 2 ? dice.next(8) << 5 : 0xe0;
  const w = row.w !== -1 ? row.w : dice.next(2);
  const vvvv = usesVvvv ? dice.next(8) | 8 : 15;
  const l = row.vexL ?? dice.next(2);
  const last = (w << 7) | (vvvv << 3) | (l << 2) | VEX_PREFIXES.indexOf(row.prefix);
  if (row.vsib) return encodeGather(row, code, dice, last);
  const modrm = hasModrm(row) ? [modrmFor(row, dice)] : [];
  const tail = Array.from({ length: 15 }, () => dice.next(256));
  return Uint8Array.from([0xc4, inverted | (VEX_MAPS.indexOf(row.map) + 1), last, row.opcode, ...modrm, ...tail].slice(0, 15));
}

/** A gather: three different vector registers (destination, index, mask = 1, 2, 3 in some order). */
function encodeGather(row: Row, code: CodeSize, dice: Dice, last: number): Uint8Array {
  const orders = [
    [1, 2, 3],
    [2, 3, 1],
    [3, 1, 2],
    [1, 3, 2],
  ];
  const [reg = 0, index = 0, mask = 0] = orders[dice.next(orders.length)] ?? [];
  const inverted = code === 2 ? 0xc0 | (dice.next(2) << 5) : 0xe0;
  const sib = (dice.next(4) << 6) | (index << 3) | dice.next(8);
  const tail = Array.from({ length: 15 }, () => dice.next(256));
  return Uint8Array.from(
    [
      ...(code === 0 ? [0x67] : []),
      0xc4,
      inverted | 2,
      (last & 0x87) | ((mask ^ 15) << 3),
      row.opcode,
      (dice.next(3) << 6) | (reg << 3) | 4,
      sib,
      ...tail,
    ].slice(0, 15),
  );
}
