/** Compares a record after the instruction as this processor and as the engine left it. */
import { flagMask, type Row } from '../../src/spec/x86/row.ts';
import { MEMORY_SIZE, REC_FAULT, REC_FLAGS, REC_GPR, REC_MEMORY, REC_MXCSR, REC_X87, REC_XMM } from './native.ts';

const hex = (bytes: Buffer): string => bytes.toString('hex');
/** Most significant byte first, as numbers are read. */
const number = (bytes: Buffer): string => Buffer.from(bytes).reverse().toString('hex');

/** What of FNSTENV's image is an address. */
const ENVIRONMENT_ADDRESSES = [12, 28];

/** x87 instructions without one right answer: ours and the processor's must agree within `TOLERANCE` units in the last place. */
export const TRANSCENDENTAL = /^x87\.(f2xm1|fyl2x|fyl2xp1|fptan|fpatan|fsin|fcos|fsincos)$/;
const TOLERANCE = 1n;

/** Distance in units of the last place; undefined if the signs differ. */
function distance(a: Buffer, b: Buffer): bigint | undefined {
  if (((a[9] as number) ^ (b[9] as number)) & 0x80) return undefined;
  const place = (x: Buffer): bigint => (BigInt(x.readUInt16LE(8) & 0x7fff) << 63n) | (x.readBigUInt64LE(0) & 0x7fffffffffffffffn);
  const difference = place(a) - place(b);
  return difference < 0n ? -difference : difference;
}

/** What differs, in words; undefined if nothing does. */
export function difference(row: Row, native: Buffer, engine: Buffer): string | undefined {
  const inexact = TRANSCENDENTAL.test(row.lift);
  const found: string[] = [];
  const part = (name: string, at: number, length: number, show: (bytes: Buffer) => string = number): void => {
    const mine = engine.subarray(at, at + length);
    const theirs = native.subarray(at, at + length);
    if (!mine.equals(theirs)) found.push(`${name} ${show(mine)}, here ${show(theirs)}`);
  };
  part('fault', REC_FAULT, 4);
  if (native.readUInt32LE(REC_FAULT) !== 8 || row.lift.startsWith('ssefp')) part('MXCSR', REC_MXCSR, 4);
  if (native.readUInt32LE(REC_FAULT) !== 0 || engine.readUInt32LE(REC_FAULT) !== 0) return found.length === 0 ? undefined : found.join('; ');
  for (let k = 0; k < 4; k++) part(`XMM${k}`, REC_XMM + 16 * k, 16);
  part('FCW', REC_X87, 2);
  if (inexact) {
    // whether the result was rounded up is as open as the result
    for (const record of [native, engine]) record[REC_X87 + 5] = (record[REC_X87 + 5] as number) & ~2;
  }
  part('FSW', REC_X87 + 4, 2);
  part('tags', REC_X87 + 8, 2);
  for (let k = 0; k < 8; k++) {
    const at = REC_X87 + 28 + 10 * k;
    if (!inexact || (distance(engine.subarray(at, at + 10), native.subarray(at, at + 10)) ?? 2n) > TOLERANCE) part(`ST${k}`, at, 10);
  }
  ['RAX', 'RCX', 'RDX'].forEach((name, k) => {
    part(name, REC_GPR + 8 * k, 8);
  });
  const mask = BigInt(0x8d5 & ~flagMask(row, 'u'));
  const mine = engine.readBigUInt64LE(REC_FLAGS) & mask;
  const theirs = native.readBigUInt64LE(REC_FLAGS) & mask;
  if (mine !== theirs) found.push(`flags ${mine.toString(16)}, here ${theirs.toString(16)}`);
  if (row.lift === 'x87.fnstenv') {
    part('memory', REC_MEMORY, ENVIRONMENT_ADDRESSES[0] as number, hex);
    part('memory behind', REC_MEMORY + (ENVIRONMENT_ADDRESSES[1] as number), 4, hex);
  } else part('memory', REC_MEMORY, MEMORY_SIZE, hex);
  return found.length === 0 ? undefined : found.join('; ');
}

/** The operands of a case, for a failure's message. */
export function describe(record: Buffer): string {
  const parts = [`MXCSR ${number(record.subarray(REC_MXCSR, REC_MXCSR + 4))}`];
  for (let k = 0; k < 4; k++) parts.push(`XMM${k} ${number(record.subarray(REC_XMM + 16 * k, REC_XMM + 16 * k + 16))}`);
  parts.push(
    `FCW ${number(record.subarray(REC_X87, REC_X87 + 2))} FSW ${number(record.subarray(REC_X87 + 4, REC_X87 + 6))} tags ${number(record.subarray(REC_X87 + 8, REC_X87 + 10))}`,
  );
  for (let k = 0; k < 8; k++) parts.push(`ST${k} ${number(record.subarray(REC_X87 + 28 + 10 * k, REC_X87 + 38 + 10 * k))}`);
  parts.push(`RAX ${number(record.subarray(REC_GPR, REC_GPR + 8))}`, `memory ${hex(record.subarray(REC_MEMORY, REC_MEMORY + 16))}`);
  return parts.join(' ');
}
