/**
 * Every x87, MMX and SSE row against this host's own processor, through decoder, lifter and core: random and special operands, control words and
 * MXCSR values. ZENDO_FPU_CASES=n runs about n cases (default 60,000), ZENDO_FPU_SEED=n other ones.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { ROWS } from '../../src/spec/x86/opcodes.ts';
import type { Row } from '../../src/spec/x86/row.ts';
import type { EngineOptions } from '../../src/translator/engine.ts';
import { coreIsBuilt } from '../../src/translator/testing/test-machine.ts';
import { encodeRow, randomCase } from './cases.ts';
import { describe, difference } from './compare.ts';
import { runEngine } from './engine.ts';
import { MEMORY_SIZE, RECORD, reasonToSkip, runNative } from './native.ts';
import { Dice } from './operands.ts';

const cases = Number(process.env['ZENDO_FPU_CASES'] ?? 60_000);
const seed = Number(process.env['ZENDO_FPU_SEED'] ?? 1);
const skip = reasonToSkip() || (!coreIsBuilt && 'the core has not been built');

const FAMILIES = /^(x87|mmx|sse|ssefp)\./;
/** Approximations have a test of their own; FNSAVE and FRSTOR are how the harness gets at the state. */
const ELSEWHERE = /^(ssefp\.(rcp|rsqrt)|x87\.(fnsave|frstor)$|sse\.(extrq|insertq)$)/;
/** Random states per encoding: translating is what takes time. */
const STATES = 10;
/** Compiling takes longer still. */
const REGIONS_SHARE = 4;
/** Cases held in memory at a time. */
const BATCH = 60_000;

const cpuinfo = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : '';
const here = new Set(/^flags\s*: (.*)$/m.exec(cpuinfo)?.[1]?.split(' ') ?? []);
/** Where processors differ the engine is like AMD's. */
const AMD_ONLY = /^(mmx\.emms|ssefp\.cvtpi2ps|x87\.)/;

function rowsHere(): Row[] {
  return ROWS.filter(
    (row) =>
      FAMILIES.test(row.lift) &&
      !ELSEWHERE.test(row.lift) &&
      row.todo === undefined &&
      (row.feature === undefined || here.has(row.feature)) &&
      (cpuinfo.includes('AuthenticAMD') || !AMD_ONLY.test(row.lift)),
  );
}

/** Failures by row: how many, and the first. */
function failures(list: readonly { row: Row; code: Uint8Array }[], input: Buffer, options: EngineOptions): string[] {
  const native = runNative(input);
  const engine = runEngine(input, MEMORY_SIZE, options);
  const found = new Map<string, { count: number; first: string }>();
  list.forEach(({ row, code }, k) => {
    const at = k * RECORD;
    const text = difference(row, native.subarray(at, at + RECORD), engine.subarray(at, at + RECORD));
    if (text === undefined) return;
    const name = `${row.mnemonic} ${row.operands.join(',')}`;
    const entry = found.get(name) ?? { count: 0, first: `${Buffer.from(code).toString('hex')}: ${text}\n    ${describe(input.subarray(at, at + RECORD))}` };
    entry.count++;
    found.set(name, entry);
  });
  return [...found].map(([name, { count, first }]) => `${name} (${count}): ${first}`);
}

const check = (t: TestContext, most: number, options: EngineOptions): void => {
  const rows = rowsHere();
  const found: string[] = [];
  let done = 0;
  for (let round = 0; done < most && found.length === 0; round++) {
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
    found.push(...failures(list, input, options));
    done += list.length;
  }
  t.diagnostic(`${done} cases of ${rows.length} rows, seed ${seed}`);
  assert.equal(found.length, 0, `${found.length} rows:\n${found.slice(0, 20).join('\n')}`);
};

test('x87, MMX and SSE agree with this processor', { skip }, (t) => check(t, cases, {}));

test('x87, MMX and SSE agree with this processor in compiled regions', { skip }, (t) => check(t, cases / REGIONS_SHARE, { promoteAfter: 1 }));
