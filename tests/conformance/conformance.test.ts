/** At least 200,000 generated cases on this machine's processor and on the engine; a longer run: npm run conformance. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { OP_OR, OP_XOR } from '../../src/machine/ops.ts';
import { ROWS } from '../../src/spec/x86/opcodes.ts';
import type { Builder } from '../../src/translator/ir/builder.ts';
import { choiceCounts } from './choices.ts';
import { CODE, HIGH, STUBS } from './layout.ts';
import { Native, reasonToSkip } from './native.ts';
import { rowName } from './rows.ts';
import { compiledSoon, Suite, type SuiteOptions } from './suite.ts';

const CASES = Number(process.env.CONFORMANCE_CASES ?? 210_000);
const why = reasonToSkip() || (existsSync(join(import.meta.dirname, '../../build/core.wasm')) ? false : 'build/core.wasm is not there');
if (why !== false && process.env.CI === 'true' && process.platform === 'linux' && process.arch === 'x64') throw new Error(`conformance: ${why}`);

/** The same cases for every change, so that a red run is the change's doing; `npm run test:long` looks elsewhere each time. */
const seed = Number(process.env.CONFORMANCE_SEED ?? 1);

/** Runs the suite; no mismatch may be found. */
async function agrees(t: TestContext, cases: number, options: Omit<SuiteOptions, 'seed' | 'onMismatch'>): Promise<Suite> {
  t.diagnostic(`CONFORMANCE_SEED=${seed}`);
  const texts: string[] = [];
  const suite = new Suite({ seed, mostPerRow: 1, onMismatch: ({ text }) => texts.push(text), ...options });
  try {
    await suite.run(cases);
  } finally {
    suite.end();
  }
  const { faults, chosen, timeouts, strays, unsteady, mismatches } = suite;
  t.diagnostic(
    `${suite.cases} cases, ${faults} with a fault, ${chosen} differing by choice, ${strays} gone astray, ${timeouts} without end, ${unsteady} unsteady: ${mismatches} mismatches`,
  );
  assert.equal(mismatches, 0, `seed ${seed}: ${mismatches} mismatches, the first of some rows:\n\n${texts.slice(0, 10).join('\n\n')}`);
  assert.ok(timeouts + strays + unsteady < suite.cases / 1000, 'few cases end nowhere');
  return suite;
}

test('64-, 32- and 16-bit code gives what this processor gives, on every defined bit', { skip: why }, async (t) => {
  const suite = await agrees(t, CASES, { modes: [2, 1, 0] });
  for (const { reason, count } of choiceCounts()) if (count > 0) t.diagnostic(`${count}: ${reason}`);
  const unmet = [...suite.wanted].filter((row) => suite.counts[row]?.cases === 0 && ROWS[row]?.undefinedOpcode === undefined);
  assert.deepEqual(unmet.map(rowName), [], 'every row that exists here has cases');
});

test('the wasm target gives the same, with each block compiled at its first, second or third execution', { skip: why }, async (t) => {
  await agrees(t, CASES / 10, { modes: [2, 1], engine: { promoteAfter: compiledSoon(seed) } });
});

test('an operation that computes something else is found', { skip: why }, async () => {
  const spoil = (builder: Builder): void => {
    for (let k = 0; k < builder.count; k++) if (builder.op[k] === OP_OR) builder.op[k] = OP_XOR;
  };
  const suite = new Suite({ seed, modes: [2], singles: true, rows: / OR E/, engine: { check: spoil } });
  await suite.run(500);
  suite.end();
  assert.ok(suite.mismatches > 0);
});

test('the harness knows its own memory from that of the cases', { skip: why }, async () => {
  const native = new Native();
  // an answer has come: it is set up
  await native.run(2, new Uint8Array(STUBS), new Int32Array(0), 0);
  assert.ok(native.owns(native.stack));
  for (const address of [0n, BigInt(CODE), BigInt(HIGH), 1n << 46n]) assert.ok(!native.owns(address), address.toString(16));
  native.end();
});
