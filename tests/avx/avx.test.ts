/**
 * Every row of x86-64-v3 and of AES, SHA, GFNI, carry-less products, ADX, BMI and FMA against this host's own processor, through decoder,
 * lifter and core, at 128 and 256 bits. ZENDO_AVX_CASES=n runs about n cases (default 40,000), ZENDO_AVX_SEED=n other ones.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { ROWS } from '../../src/spec/x86/opcodes.ts';
import { flagMask, type Row } from '../../src/spec/x86/row.ts';
import type { EngineOptions } from '../../src/translator/engine.ts';
import { coreIsBuilt } from '../../src/translator/testing/test-machine.ts';
import { reasonToSkip } from '../fpu/native.ts';
import { Dice } from '../fpu/operands.ts';
import { encodeRow, randomCase } from './cases.ts';
import { runEngine } from './engine.ts';
import { MEMORY_SIZE, REC_FAULT, REC_FLAGS, REC_GPR, REC_MEMORY, REC_MXCSR, REC_YMM, RECORD, runNative } from './native.ts';

const cases = Number(process.env['ZENDO_AVX_CASES'] ?? 40_000);
const seed = Number(process.env['ZENDO_AVX_SEED'] ?? 1);
const only = new RegExp(process.env['ZENDO_AVX_ROWS'] ?? '');

const cpuinfo = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : '';
const here = new Set(/^flags\s*: (.*)$/m.exec(cpuinfo)?.[1]?.split(' ') ?? []);
const skip = reasonToSkip() || (!coreIsBuilt && 'the core has not been built') || (!here.has('avx2') && 'needs a processor with AVX2');

const FEATURES = new Set(['aes', 'pclmulqdq', 'sha_ni', 'gfni', 'adx', 'bmi1', 'abm', 'movbe']);
/** Random states per encoding: translating is what takes time. */
const STATES = 10;
/** Compiling takes longer still. */
const REGIONS_SHARE = 4;
const BATCH = 40_000;
/** Largest relative error of an approximation, twice what each may have. */
const APPROXIMATE = /^avxfp\.v(rcp|rsqrt)/;
/** Below the smallest normal number results may be zeros. */
const TINY = 2 ** -126;
const RELATIVE = 2 * 1.5 * 2 ** -12;

function rowsHere(): Row[] {
  return ROWS.filter(
    (row) =>
      (row.map.startsWith('VEX') || FEATURES.has(row.feature ?? '')) &&
      row.todo === undefined &&
      row.undefinedOpcode === undefined &&
      here.has(row.feature ?? '') &&
      (row.feature256 === undefined || here.has(row.feature256)) &&
      only.test(row.lift),
  );
}

/** Most significant byte first, as numbers are read. */
const number = (bytes: Buffer): string => Buffer.from(bytes).reverse().toString('hex');

function closeSingles(a: Buffer, b: Buffer): boolean {
  for (let at = 0; at < a.length; at += 4) {
    const x = a.readFloatLE(at);
    const y = b.readFloatLE(at);
    if (a.readUInt32LE(at) !== b.readUInt32LE(at) && !(Math.abs(x - y) <= Math.max(RELATIVE * Math.abs(y), TINY))) return false;
  }
  return true;
}

function difference(row: Row, native: Buffer, engine: Buffer): string | undefined {
  const found: string[] = [];
  const part = (name: string, at: number, length: number): void => {
    const mine = engine.subarray(at, at + length);
    const theirs = native.subarray(at, at + length);
    if (mine.equals(theirs) || (APPROXIMATE.test(row.lift) && length === 32 && closeSingles(mine, theirs))) return;
    found.push(`${name} ${number(mine)}, here ${number(theirs)}`);
  };
  part('fault', REC_FAULT, 4);
  if (native.readUInt32LE(REC_FAULT) !== 11) part('MXCSR', REC_MXCSR, 4);
  if (native.readUInt32LE(REC_FAULT) !== 0 || engine.readUInt32LE(REC_FAULT) !== 0) return found.length === 0 ? undefined : found.join('; ');
  for (let k = 0; k < 4; k++) part(`YMM${k}`, REC_YMM + 32 * k, 32);
  ['RAX', 'RCX', 'RDX'].forEach((name, k) => {
    part(name, REC_GPR + 8 * k, 8);
  });
  const mask = BigInt(0x8d5 & ~flagMask(row, 'u'));
  const mine = engine.readBigUInt64LE(REC_FLAGS) & mask;
  const theirs = native.readBigUInt64LE(REC_FLAGS) & mask;
  if (mine !== theirs) found.push(`flags ${mine.toString(16)}, here ${theirs.toString(16)}`);
  part('memory', REC_MEMORY, MEMORY_SIZE);
  return found.length === 0 ? undefined : found.join('; ');
}

function describe(record: Buffer): string {
  const parts = [`MXCSR ${number(record.subarray(REC_MXCSR, REC_MXCSR + 4))}`];
  for (let k = 0; k < 4; k++) parts.push(`YMM${k} ${number(record.subarray(REC_YMM + 32 * k, REC_YMM + 32 * k + 32))}`);
  for (let k = 0; k < 3; k++) parts.push(number(record.subarray(REC_GPR + 8 * k, REC_GPR + 8 * k + 8)));
  return `${parts.join(' ')} memory ${record.subarray(REC_MEMORY, REC_MEMORY + 32).toString('hex')}`;
}

const check = (t: TestContext, most: number, options: EngineOptions): void => {
  const rows = rowsHere();
  const found = new Map<string, { count: number; first: string }>();
  let done = 0;
  let faults = 0;
  for (let round = 0; done < most && found.size === 0; round++) {
    const dice = new Dice(seed + round * 1000);
    const list: { row: Row; code: Uint8Array }[] = [];
    const encodings = Math.max(1, Math.round(Math.min(most, BATCH) / rows.length / STATES));
    for (const row of rows) {
      for (let k = 0; k < encodings; k++) {
        const code = encodeRow(row, dice);
        if (code === undefined) break;
        for (let n = 0; n < STATES; n++) list.push({ row, code });
      }
    }
    const input = Buffer.alloc(list.length * RECORD);
    list.forEach(({ row, code }, k) => {
      randomCase(dice, row, code, input.subarray(k * RECORD, (k + 1) * RECORD));
    });
    const native = runNative(input);
    const engine = runEngine(input, options);
    list.forEach(({ row, code }, k) => {
      const at = k * RECORD;
      if (native.readUInt32LE(at + REC_FAULT) !== 0) faults++;
      const text = difference(row, native.subarray(at, at + RECORD), engine.subarray(at, at + RECORD));
      if (text === undefined) return;
      const name = `${row.mnemonic} ${row.operands.join(',')}`;
      const entry = found.get(name) ?? { count: 0, first: `${Buffer.from(code).toString('hex')}: ${text}\n    ${describe(input.subarray(at, at + RECORD))}` };
      entry.count++;
      found.set(name, entry);
    });
    done += list.length;
  }
  t.diagnostic(`${done} cases of ${rows.length} rows, ${faults} of them faults, seed ${seed}`);
  const texts = [...found].map(([name, { count, first }]) => `${name} (${count}): ${first}`);
  assert.equal(texts.length, 0, `${texts.length} rows:\n${texts.slice(0, 25).join('\n')}`);
};

test('x86-64-v3 agrees with this processor', { skip }, (t) => check(t, cases, {}));

test('x86-64-v3 agrees with this processor in compiled regions', { skip }, (t) => check(t, cases / REGIONS_SHARE, { promoteAfter: 1 }));
