/** FXSAVE, FXRSTOR, XSAVE, XRSTOR, FNSAVE, FRSTOR against this host's own processor. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ROWS } from '../../src/spec/x86/opcodes.ts';
import type { Row } from '../../src/spec/x86/row.ts';
import { coreIsBuilt } from '../../src/translator/testing/test-machine.ts';
import { randomCase } from './cases.ts';
import { describe } from './compare.ts';
import { runEngine } from './engine.ts';
import { REC_FAULT, REC_GPR, REC_MEMORY, REC_MXCSR, REC_X87, REC_XMM, reasonToSkip, runNative } from './native.ts';
import { Dice, float80 } from './operands.ts';

const MEMORY = 1024;
const SIZE = REC_MEMORY + MEMORY;
const CASES = 400;
const cpuinfo = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : '';
const skip = reasonToSkip() || (!coreIsBuilt && 'the core has not been built') || (!/\bxsave\b/.test(cpuinfo) && 'needs a processor with XSAVE');

/** Offset and length of what must agree in memory; MXCSR_MASK and registers beyond XMM3 are left out. */
const LEGACY = [
  [0, 28],
  [32, 192],
  [416, 96],
] as const;
const HEADER = [[520, 504]] as const;
const SAVE = [
  [0, 12],
  [28, 996],
] as const;

interface Form {
  readonly name: string;
  readonly lift: string;
  readonly code: readonly number[];
  readonly memory: readonly (readonly [number, number])[];
}

const forms: readonly Form[] = [
  { name: 'FXSAVE', lift: 'fxsave.fxsave', code: [0x0f, 0xae, 0x03], memory: [...LEGACY, ...HEADER] },
  { name: 'FXSAVE64', lift: 'fxsave.fxsave', code: [0x48, 0x0f, 0xae, 0x03], memory: [...LEGACY, ...HEADER] },
  { name: 'FXRSTOR', lift: 'fxsave.fxrstor', code: [0x0f, 0xae, 0x0b], memory: [[0, MEMORY]] },
  { name: 'XSAVE', lift: 'fxsave.xsave', code: [0x0f, 0xae, 0x23], memory: [...LEGACY, ...HEADER] },
  { name: 'XRSTOR', lift: 'fxsave.xrstor', code: [0x0f, 0xae, 0x2b], memory: [[0, MEMORY]] },
  { name: 'FNSAVE', lift: 'x87.fnsave', code: [0xdd, 0x33], memory: SAVE },
  {
    name: 'FNSAVE 16',
    lift: 'x87.fnsave',
    code: [0x66, 0xdd, 0x33],
    memory: [
      [0, 6],
      [14, 1010],
    ],
  },
  { name: 'FRSTOR', lift: 'x87.frstor', code: [0xdd, 0x23], memory: [[0, MEMORY]] },
  { name: 'FRSTOR 16', lift: 'x87.frstor', code: [0x66, 0xdd, 0x23], memory: [[0, MEMORY]] },
];

/** Makes the memory a plausible FXSAVE or XSAVE image. */
function image(dice: Dice, record: Buffer): void {
  const at = REC_MEMORY;
  const status = dice.word() & 0x7f7f;
  record.writeUInt16LE((dice.word() & 0xf3f) | 0x40, at);
  record.writeUInt16LE(status, at + 2);
  record[at + 5] = 0;
  record.writeUInt32LE(dice.word() & (dice.next(8) === 0 ? 0x1ffff : 0xffff), at + 24);
  for (let k = 0; k < 8; k++) {
    const { se, sig } = float80(dice);
    record.writeBigUInt64LE(sig, at + 32 + 16 * k);
    record.writeUInt16LE(se, at + 40 + 16 * k);
  }
  record.fill(0, at + 512, at + 576);
  record[at + 512] = dice.next(4);
  if (dice.next(16) === 0) record[at + 512 + dice.next(24)] = 1 << dice.next(8);
}

const familyRow = (form: Form): Row => ROWS.find((row) => row.lift === form.lift) as Row;

function compare(form: Form, native: Buffer, engine: Buffer): string | undefined {
  const parts: [string, number, number][] = [['fault', REC_FAULT, 4]];
  if (native.readUInt32LE(REC_FAULT) === 0 && engine.readUInt32LE(REC_FAULT) === 0) {
    parts.push(['MXCSR', REC_MXCSR, 4], ['XMM', REC_XMM, 64], ['FCW', REC_X87, 2], ['FSW', REC_X87 + 4, 2], ['tags', REC_X87 + 8, 2], ['ST', REC_X87 + 28, 80]);
    for (const [at, length] of form.memory) parts.push([`memory ${at}`, REC_MEMORY + at, length]);
  }
  for (const [name, at, length] of parts) {
    const mine = engine.subarray(at, at + length);
    const theirs = native.subarray(at, at + length);
    if (!mine.equals(theirs)) return `${name}: ${mine.toString('hex')}, here ${theirs.toString('hex')}`;
  }
  return undefined;
}

for (const form of forms) {
  test(`${form.name} agrees with this processor`, { skip }, () => {
    const dice = new Dice(11);
    const input = Buffer.alloc(CASES * SIZE);
    for (let k = 0; k < CASES; k++) {
      const record = input.subarray(k * SIZE, (k + 1) * SIZE);
      randomCase(dice, familyRow(form), Uint8Array.from(form.code), record);
      for (let at = 64; at < MEMORY; at += 4) record.writeUInt32LE(dice.word(), REC_MEMORY + at);
      if (form.lift.startsWith('fxsave')) image(dice, record);
      // components x87 and SSE in EDX:EAX
      record.writeBigUInt64LE(BigInt(dice.next(4)), REC_GPR);
      record.writeBigUInt64LE(0n, REC_GPR + 16);
    }
    const native = runNative(input, MEMORY);
    const engine = runEngine(input, MEMORY);
    const found: string[] = [];
    for (let k = 0; k < CASES; k++) {
      const text = compare(form, native.subarray(k * SIZE, (k + 1) * SIZE), engine.subarray(k * SIZE, (k + 1) * SIZE));
      if (text !== undefined) found.push(`${text}\n    ${describe(input.subarray(k * SIZE, (k + 1) * SIZE))}`);
    }
    assert.equal(found.length, 0, `${found.length} of ${CASES}:\n${found.slice(0, 3).join('\n')}`);
  });
}
