/** A share of `npm run fuzz`: one input in a hundred of the long run, fewer where they take long. The seed is new each time in CI. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { fuzz, summaryOf } from './run.ts';
import { TARGETS } from './targets.ts';

const seed = Number(process.env['ZENDO_SEED'] ?? (process.env['CI'] === 'true' ? Date.now() % 0x7fffffff : 1));
const share = Number(process.env['ZENDO_FUZZ_INPUTS'] ?? 10_000);

test('an input follows from seed and number', () => {
  const corpus = [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)];
  const make = (input: number) => mutate(new Random(5, input), corpus, 100);
  for (let i = 0; i < 100; i++) assert.deepEqual(make(i), make(i));
  assert.notDeepEqual(
    Array.from({ length: 8 }, (_, i) => make(i)),
    Array.from({ length: 8 }, (_, i) => make(i + 8)),
  );
});

test('a target that misbehaves is found out', async () => {
  for (const [target, what] of [
    ['test-throws', /input 3|the bug/],
    ['test-rejects', /the bug/],
    ['test-grows', /memory grew/],
  ] as const) {
    const report = await fuzz({ target, seed: 1, first: 0, inputs: 200 });
    assert.ok(report.failures.length > 0, target);
    assert.match(report.failures.map((failure) => failure.what).join('\n'), what);
  }
});

for (const { name, about, slow } of TARGETS) {
  test(`${name}: ${about}`, async (t) => {
    const inputs = slow === true ? Math.ceil(share / 20) : share;
    const report = await fuzz({ target: name, seed, first: 0, inputs });
    t.diagnostic(`seed ${seed}; ${summaryOf(report)}`);
    assert.deepEqual(report.failures, []);
    assert.equal(report.inputs, inputs);
  });
}
