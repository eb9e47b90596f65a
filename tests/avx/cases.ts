/** Encodings of the rows under test, and random states to run them in. */
import type { Row } from '../../src/spec/x86/row.ts';
import { type Dice, float32, float64, vector } from '../fpu/operands.ts';
import { MEMORY_SIZE, REC_CODE, REC_FLAGS, REC_GPR, REC_LENGTH, REC_MEMORY, REC_MXCSR, REC_YMM } from './native.ts';

const LEGACY: Readonly<Record<string, readonly number[]>> = { '0F': [0x0f], '0F38': [0x0f, 0x38], '0F3A': [0x0f, 0x3a] };
const VEX_MAPS = ['VEX.0F', 'VEX.0F38', 'VEX.0F3A'];
const VEX_PREFIXES = ['NP', '66', 'F3', 'F2'];
const PREFIX: Readonly<Record<Row['prefix'], readonly number[]>> = { any: [], NP: [], '66': [0x66], F3: [0xf3], F2: [0xf2] };

const isGeneral = (text: string): boolean => /^[EGRB]/.test(text);

/** ModRM (and SIB, displacement) with registers 0..3 (general ones 0..2) and [RBX] or [RBX+disp8] as memory. */
function modrm(row: Row, dice: Dice): number[] {
  const gprReg = row.operands.some((text) => text.startsWith('G'));
  const gprRm = row.operands.some((text) => /^[ER]/.test(text));
  const memoryOnly = row.mod === 'mem' || row.operands.some((text) => /^M/.test(text));
  const registerOnly = row.mod === 'reg' || row.operands.some((text) => /^[UN]/.test(text));
  const register = registerOnly || (!memoryOnly && dice.next(3) !== 0);
  const reg = row.ext !== -1 ? row.ext : dice.next(gprReg ? 3 : 4);
  if (row.vsib) return [0x44 | (reg << 3), (dice.next(4) << 6) | (dice.next(4) << 3) | 3, dice.next(4) * 8];
  if (register) return [0xc0 | (reg << 3) | (row.rm !== -1 ? row.rm : dice.next(gprRm ? 3 : 4))];
  // sometimes misaligned
  return dice.next(2) === 0 ? [(reg << 3) | 3] : [0x40 | (reg << 3) | 3, dice.next(3) === 0 ? dice.next(64) : 32 * dice.next(4)];
}

/** One encoding of the row. */
export function encodeRow(row: Row, dice: Dice): Uint8Array | undefined {
  const hasModrm = row.operands.length > 0;
  const immediate = row.operands.some((text) => /^[IL]/.test(text))
    ? [row.operands.some((text) => text.startsWith('L')) ? dice.next(4) << 4 : dice.next(256)]
    : [];
  if (row.map.startsWith('VEX')) {
    const w = row.w !== -1 ? row.w : dice.next(2);
    const l = row.vexL ?? dice.next(2);
    const general = row.operands.some((text) => text.startsWith('B'));
    const uses = row.operands.some((text) => /^[HB]/.test(text));
    const vvvv = uses ? dice.next(general ? 3 : 4) : 0;
    const last = (w << 7) | ((vvvv ^ 15) << 3) | (l << 2) | VEX_PREFIXES.indexOf(row.prefix);
    return Uint8Array.from([0xc4, 0xe0 | (VEX_MAPS.indexOf(row.map) + 1), last, row.opcode, ...(hasModrm ? modrm(row, dice) : []), ...immediate]);
  }
  const map = LEGACY[row.map];
  if (map === undefined) return undefined;
  const operandSize = row.prefix !== '66' && row.operands.some((text) => text.endsWith('v')) && dice.next(3) === 0 ? [0x66] : [];
  const rex = row.w === 1 || (row.w === -1 && row.operands.some(isGeneral) && dice.next(2) === 0) ? [0x48] : [];
  return Uint8Array.from([...operandSize, ...PREFIX[row.prefix], ...rex, ...map, row.opcode, ...(hasModrm ? modrm(row, dice) : []), ...immediate]);
}

function randomMxcsr(dice: Dice): number {
  switch (dice.next(4)) {
    case 0:
    case 1:
      return 0x1fa0 | dice.next(64);
    case 2:
      return 0x1f80 | dice.next(64) | (dice.next(4) << 13) | (dice.next(4) === 0 ? 0x40 : 0) | (dice.next(4) === 0 ? 0x8000 : 0);
    default:
      return dice.word() & 0xffff;
  }
}

const STYLES = 8;

/** Sixteen bytes: as for SSE; halves; moderate numbers whose products and sums cancel; small indexes and masks. */
function sixteen(dice: Dice, style: number, to: Buffer, at: number): void {
  if (style < 6) return vector(dice, style, to, at);
  if (style === 6) {
    for (let k = 0; k < 16; k += 2)
      to.writeUInt16LE(dice.next(4) === 0 ? dice.pick([0, 0x8000, 0x7c00, 0xfc00, 0x7e01, 0x7c01, 1, 0x3ff, 0x400]) : dice.next(65536), at + k);
  } else if (dice.next(2) === 0) for (let k = 0; k < 16; k += 4) to.writeUInt32LE(((dice.next(2) << 31) >>> 0) + dice.next(24), at + k);
  else for (let k = 0; k < 16; k += 8) to.writeBigUInt64LE(BigInt(dice.next(24)), at + k);
}

/** Singles or doubles near each other, so that a * b + c nearly cancels. */
function cancelling(dice: Dice, doubles: boolean, record: Buffer): void {
  const scratch = new Float32Array(3);
  for (let lane = 0; lane < (doubles ? 4 : 8); lane++) {
    const at = REC_YMM + lane * (doubles ? 8 : 4);
    const x = doubles ? Number(dice.quad() >> 11n) / 2 ** 50 : (dice.word() >>> 8) / 2 ** 20;
    const y = doubles ? Number(dice.quad() >> 11n) / 2 ** 52 : (dice.word() >>> 8) / 2 ** 22;
    const near = dice.pick([1, 1, 1 + 2 ** -20, 2 ** -30, 2 ** 40]);
    const z = -x * y * near;
    const order = dice.next(3);
    const values = [x, y, z];
    for (let n = 0; n < 3; n++) {
      scratch[n] = values[(n + order) % 3] as number;
      if (doubles) record.writeDoubleLE(values[(n + order) % 3] as number, at + 32 * n);
      else record.writeFloatLE(scratch[n] as number, at + 32 * n);
    }
  }
}

const FLOATS = /^(avxfp|fma)\./;

function styleOf(row: Row, dice: Dice): number {
  if (row.vsib) return 7;
  if (/ph2ps/.test(row.lift)) return 6;
  if (FLOATS.test(row.lift)) return dice.next(2);
  if (/cmp[ei]str/.test(row.lift)) return 2;
  return dice.next(STYLES);
}

/** Fills a record with `code` and a random state. */
export function randomCase(dice: Dice, row: Row, code: Uint8Array, record: Buffer): void {
  const style = styleOf(row, dice);
  record.set(code, REC_CODE);
  record.writeUInt32LE(code.length, REC_LENGTH);
  for (let k = 0; k < 8; k++) sixteen(dice, style === 3 && k > 1 ? 5 : style, record, REC_YMM + 16 * k);
  if (FLOATS.test(row.lift) && dice.next(4) === 0) {
    const from = dice.next(4);
    record.copy(record, REC_YMM + 32 * dice.next(4), REC_YMM + 32 * from, REC_YMM + 32 * from + 32);
  }
  if (row.lift.startsWith('fma.') && dice.next(2) === 0) cancelling(dice, /d$/.test(row.lift), record);
  record.writeUInt32LE(randomMxcsr(dice), REC_MXCSR);
  for (let k = 0; k < 3; k++) {
    const small = dice.next(3);
    record.writeBigUInt64LE(
      small === 0 ? BigInt.asUintN(64, BigInt(dice.next(100) - 20)) : small === 1 ? BigInt(dice.word() & 0xffff) : dice.quad() >> BigInt(dice.next(64)),
      REC_GPR + 8 * k,
    );
  }
  record.writeBigUInt64LE(0x202n | BigInt(dice.word() & 0x8d5), REC_FLAGS);
  for (let k = 0; k < MEMORY_SIZE; k += 16) sixteen(dice, style, record, REC_MEMORY + k);
  if (style === 0 && dice.next(4) === 0) record.writeUInt32LE(float32(dice), REC_MEMORY);
  if (style === 1 && dice.next(4) === 0) record.writeBigUInt64LE(float64(dice), REC_MEMORY);
  // bit 17 of MXCSR (misaligned SSE) exists on AMD's processors, not on ours; wherever the operand begins
  if (row.lift.endsWith('ldmxcsr')) {
    const mask = dice.next(2) === 0 ? 0x0000fdfd : 0xfdfdfdfd;
    for (let k = 0; k < MEMORY_SIZE; k += 4) record.writeUInt32LE((record.readUInt32LE(REC_MEMORY + k) & mask) >>> 0, REC_MEMORY + k);
  }
}
