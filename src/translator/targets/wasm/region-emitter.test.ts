import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CC_ADC1, RAX, RBX, T0 } from '../../../machine/layout.ts';
import { OP_CCNZ } from '../../../machine/ops.ts';
import { opBits } from '../../ir/op-bits.ts';
import { IF } from './code.ts';
import type { RegionBlock } from './region-block.ts';
import { RegionEmitter } from './region-emitter.ts';

/** A block with one operation behind its ENTER, that changes the flags and is put off. */
const block = {
  count: 2,
  op: [0, OP_CCNZ],
  bits: [0, opBits[OP_CCNZ]],
  d: [0, T0],
  a: [0, RAX],
  b: [0, RBX],
  c: [0, CC_ADC1 + 3],
  immLo: [0, 0],
  immHi: [0, 0],
} as unknown as RegionBlock;

test('flags that are put off are made up for where all ways come by, or on a way that leaves, not on one of two', () => {
  const e = new RegionEmitter([block], 0, 0);
  const made: number[] = [];
  e.makeUp = (k) => made.push(k);
  assert.equal(e.defer(1), true);
  e.open(IF);
  assert.throws(() => e.settle(), /one of two ways/);
  e.settleAside();
  e.close();
  assert.deepEqual(made, [1]);
  e.settle();
  assert.deepEqual(made, [1, 1]);
  assert.deepEqual(e.deferred, []);
});
