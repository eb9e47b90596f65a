/** A share of all opcodes of one to three bytes with prefixes, and of VEX: valid and as long as this processor says. `npm run conformance` tries all. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { CodeSize } from '../../../src/translator/decode/encodings.ts';
import { Silicon } from '../../../src/translator/testing/silicon.ts';
import { compareOpcodes } from './compare.ts';

/** One case in so many. */
const STEP = Number(process.env.CONFORMANCE_STEP ?? 150);
const seed = Number(process.env.CONFORMANCE_SEED ?? 1);

const silicon = new Silicon();
after(() => silicon.end());
const skip = silicon.reasonToSkip;
if (skip === 'needs gcc' && process.env.CI === 'true') throw new Error('gcc is needed to ask the processor');

for (const code of [2, 1, 0] as const satisfies readonly CodeSize[]) {
  test(`opcodes and lengths in ${16 << code}-bit code`, { skip }, (t) => {
    const { cases, failures } = compareOpcodes(silicon, code, STEP, seed);
    t.diagnostic(`CONFORMANCE_SEED=${seed} CONFORMANCE_STEP=${STEP}: ${cases} cases`);
    assert.equal(failures.length, 0, `${failures.length} of ${cases}:\n${failures.slice(0, 40).join('\n')}`);
  });
}
