/** Exhaustive 8-bit operands: every ALU, shift, rotation, BCD and flag instruction with all register operands, and a share of the immediates and divisors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OP_OR32, OP_XOR32 } from '../../../src/machine/ops.ts';
import type { Builder } from '../../../src/translator/ir/builder.ts';
import { coreIsBuilt } from '../../../src/translator/testing/test-machine.ts';
import { reasonToSkip } from '../native.ts';
import { runOperands } from './run.ts';
import { programs, type Share } from './spaces.ts';

const why = reasonToSkip() || (coreIsBuilt ? false : 'build/core.wasm is not there');
if (why !== false && process.env.CI === 'true' && process.platform === 'linux' && process.arch === 'x64') throw new Error(`conformance: ${why}`);

/** Edges, and some between them. `npm run conformance` tries all. */
const share: Share = { every: () => [0, 1, 2, 8, 9, 10, 32, 0x7f, 0x80, 0xff], bothModes: false };

test('8-bit operands give what this processor gives: bytecode', { skip: why }, async (t) => {
  const { cases, differences } = await runOperands(programs(share), { check: undefined });
  t.diagnostic(`${cases} cases`);
  assert.deepEqual(differences, []);
});

test('8-bit operands give what this processor gives: wasm', { skip: why }, async (t) => {
  const { cases, differences } = await runOperands(programs(share), { promoteAfter: 1, check: undefined });
  t.diagnostic(`${cases} cases`);
  assert.deepEqual(differences, []);
});

test('an operation that computes something else is found', { skip: why }, async () => {
  const spoil = (builder: Builder): void => {
    for (let k = 0; k < builder.count; k++) if (builder.op[k] === OP_OR32) builder.op[k] = OP_XOR32;
  };
  const { differences } = await runOperands(programs({ ...share, only: /^OR AL, AH$/ }), { check: spoil }, 1);
  assert.notEqual(differences.length, 0);
});
