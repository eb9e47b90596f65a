/** Encodings of every row of the floating-point families, and random states to run them in. */
import type { Row } from '../../src/spec/x86/row.ts';
import { MEMORY_SIZE, REC_CODE, REC_FLAGS, REC_GPR, REC_LENGTH, REC_MEMORY, REC_MXCSR, REC_X87, REC_XMM } from './native.ts';
import { type Dice, float32, float64, float80, vector } from './operands.ts';

const MAP_BYTES: Readonly<Record<string, readonly number[]>> = { '1': [], '0F': [0x0f], '0F38': [0x0f, 0x38], '0F3A': [0x0f, 0x3a] };
const PREFIX: Readonly<Record<Row['prefix'], readonly number[]>> = { any: [], NP: [], '66': [0x66], F3: [0xf3], F2: [0xf2] };

const hasImmediate = (row: Row): boolean => row.operands.some((text) => text.startsWith('I'));

/** One encoding with registers 0..3 (general ones 0..2) and [RBX] as memory; undefined where the row has no such form. */
export function encodeRow(row: Row, dice: Dice): Uint8Array | undefined {
  const map = MAP_BYTES[row.map];
  if (map === undefined || row.i64) return undefined;
  const bytes = [...PREFIX[row.prefix]];
  const wide = row.operands.some((text) => /^[EGRV]y/.test(text)) || row.lift.startsWith('sse.pcmpestr');
  if (row.w === 1 || (row.w === -1 && wide && dice.next(2) === 0)) bytes.push(0x48);
  bytes.push(...map, row.opcode);
  const x87 = row.lift.startsWith('x87.');
  const general = row.operands.map((text) => /^[EGR]/.test(text) || text.startsWith('Rd'));
  const register = row.mod === 'reg' || (row.mod === 'any' && dice.next(3) !== 0);
  const usesModrm = x87 ? row.opcode !== 0x9b : row.operands.length > 0;
  if (usesModrm) {
    const gprReg = row.operands.some((text) => text.startsWith('G'));
    const reg = row.ext !== -1 ? row.ext : dice.next(gprReg ? 3 : 4);
    const gprRm = row.operands.some((text, k) => general[k] && !text.startsWith('G'));
    const rm = row.rm !== -1 ? row.rm : x87 ? dice.next(8) : dice.next(gprRm ? 3 : 4);
    bytes.push(register ? 0xc0 | (reg << 3) | rm : (reg << 3) | 3);
  }
  if (hasImmediate(row)) bytes.push(dice.next(256));
  return Uint8Array.from(bytes);
}

const MXCSR_PLAIN = 0x1fa0;

function randomMxcsr(dice: Dice): number {
  switch (dice.next(4)) {
    case 0:
    case 1:
      return MXCSR_PLAIN | dice.next(64);
    case 2:
      return 0x1f80 | dice.next(64) | (dice.next(4) << 13) | (dice.next(4) === 0 ? 0x40 : 0) | (dice.next(4) === 0 ? 0x8000 : 0);
    default:
      return dice.word() & 0xffff;
  }
}

function randomControl(dice: Dice): number {
  switch (dice.next(4)) {
    case 0:
    case 1:
      return 0x37f;
    case 2:
      return 0x7f | (dice.next(16) << 8);
    default:
      return (dice.word() & 0xf3f) | 0x40;
  }
}

/** A random FNSAVE image, 32-bit protected format. */
function randomX87(dice: Dice, record: Buffer): void {
  const at = REC_X87;
  const control = randomControl(dice);
  const top = dice.next(8);
  let status = (top << 11) | (dice.word() & 0x4700);
  if (dice.next(16) === 0) status |= dice.next(128);
  if (status & ~control & 0x3f) status |= 0x8080;
  record.writeUInt32LE(control, at);
  record.writeUInt32LE(status, at + 4);
  let tags = 0;
  const someEmpty = dice.next(3) === 0;
  const free = dice.next(2) === 0;
  for (let k = 0; k < 8; k++) {
    // the register that a push will take is free half of the time
    const empty = (someEmpty && dice.next(3) === 0) || (free && k === ((top + 7) & 7));
    tags |= (empty ? 3 : 0) << (2 * k);
  }
  record.writeUInt32LE(tags, at + 8);
  const near = dice.next(4) === 0 ? dice.next(32768) : -1;
  for (let k = 0; k < 8; k++) {
    let { se, sig } = float80(dice);
    if (near >= 0 && (se & 0x7fff) !== 0 && (se & 0x7fff) !== 0x7fff) se = (se & 0x8000) | Math.min(Math.max(near - 70 + dice.next(140), 1), 32766);
    if (k > 0 && dice.next(16) === 0) {
      // equal magnitudes, NaNs with equal payloads
      se = record.readUInt16LE(at + 28 + 8) ^ (dice.next(2) << 15);
      sig = record.readBigUInt64LE(at + 28);
    }
    record.writeBigUInt64LE(sig, at + 28 + 10 * k);
    record.writeUInt16LE(se, at + 28 + 10 * k + 8);
  }
}

/** Memory in the style of what the instruction reads. */
function randomMemory(dice: Dice, style: number, x87: boolean, record: Buffer): void {
  for (let k = 0; k < MEMORY_SIZE; k += 16) vector(dice, style, record, REC_MEMORY + k);
  if (!x87) return;
  switch (dice.next(4)) {
    case 0:
      record.writeUInt32LE(float32(dice), REC_MEMORY);
      break;
    case 1:
      record.writeBigUInt64LE(float64(dice), REC_MEMORY);
      break;
    case 2: {
      const { se, sig } = float80(dice);
      record.writeBigUInt64LE(sig, REC_MEMORY);
      record.writeUInt16LE(se, REC_MEMORY + 8);
      break;
    }
    default:
      // packed decimal
      for (let k = 0; k < 9; k++) record[REC_MEMORY + k] = dice.next(10) | (dice.next(10) << 4);
      record[REC_MEMORY + 9] = dice.next(2) << 7;
  }
}

/** Fills a record with `code` and a random state. */
export function randomCase(dice: Dice, row: Row, code: Uint8Array, record: Buffer): void {
  const family = row.lift.split('.')[0];
  const style = family === 'ssefp' ? dice.next(2) : row.lift.includes('str') ? 2 : family === 'mmx' ? 3 + dice.next(3) : dice.next(6);
  record.set(code, REC_CODE);
  record.writeUInt32LE(code.length, REC_LENGTH);
  for (let k = 0; k < 4; k++) vector(dice, style === 3 && k === 0 ? 5 : style, record, REC_XMM + 16 * k);
  if (family === 'ssefp' && dice.next(4) === 0) {
    const from = dice.next(4);
    record.copy(record, REC_XMM + 16 * dice.next(4), REC_XMM + 16 * from, REC_XMM + 16 * from + 16);
  }
  randomX87(dice, record);
  record.writeUInt32LE(randomMxcsr(dice), REC_MXCSR);
  for (let k = 0; k < 3; k++) {
    const small = dice.next(2) === 0;
    record.writeBigUInt64LE(small ? BigInt.asUintN(64, BigInt(dice.next(40) - 20)) : dice.quad() >> BigInt(dice.next(64)), REC_GPR + 8 * k);
  }
  record.writeBigUInt64LE(0x202n | BigInt(dice.word() & 0x8d5), REC_FLAGS);
  randomMemory(dice, style, family === 'x87', record);
  // bit 17 of MXCSR (misaligned SSE) exists on AMD's processors, not on ours
  if (row.lift === 'ssefp.ldmxcsr') record.writeUInt32LE((record.readUInt32LE(REC_MEMORY) & ~0x20000) >>> 0, REC_MEMORY);
}
