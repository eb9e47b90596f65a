import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HI_DIV } from '../../../machine/helpers/int.ts';
import { RAX, RBX, RCX, RDX, RSI, T0 } from '../../../machine/layout.ts';
import * as O from '../../../machine/ops.ts';
import { CLOBBERS, FAULTS, opBits } from '../../ir/op-bits.ts';
import { walkingAccesses } from './access-pattern.ts';
import type { RegionBlock } from './region-block.ts';

/** Operations as [op, d, a, b or immediate]; the first of a block is its ENTER. */
const block = (...operations: readonly (readonly [number, number, number, number])[]): RegionBlock => {
  const all = [[0, 0, 0, 0] as const, ...operations];
  const column = (at: 0 | 1 | 2 | 3): number[] => all.map((one) => one[at]);
  const immLo = column(3);
  return {
    count: all.length,
    op: column(0),
    bits: column(0).map((op) => (op === O.OP_HINT ? CLOBBERS | FAULTS : opBits[op])),
    d: column(1),
    a: column(2),
    b: column(3),
    immLo,
    immHi: immLo.map((low) => low >> 31),
  } as unknown as RegionBlock;
};

/** Operations of a loop of these blocks that walk, as block.operation. */
const walking = (...blocks: RegionBlock[]): string[] => {
  const loop = { header: 0, nodes: new Set(blocks.keys()) };
  return [...walkingAccesses(blocks, [loop])].flatMap(([n, all]) => [...all].map((k) => `${n}.${k}`));
};

const [R8, R9] = [8, 9];

const load = (d: number, a: number): [number, number, number, number] => [O.OP_LD64, d, a, 0];

test('a pointer that moves by small steps walks, one that is loaded does not', () => {
  assert.deepEqual(walking(block(load(RAX, RBX), [O.OP_ADDI, RBX, RBX, 8])), ['0.1']);
  assert.deepEqual(walking(block(load(RAX, RBX), [O.OP_ADDI, RBX, RBX, 4096])), []);
  assert.deepEqual(walking(block(load(RBX, RBX))), []);
});

test('an index that is computed anew from a counter walks', () => {
  const counts = block([O.OP_ADDI32, R8, R8, 1]);
  const uses = (op: number): RegionBlock =>
    block([O.OP_SX32, RAX, R8, 0], [op, RAX, RAX, R9], [O.OP_LDX64, RCX, RBX, RAX], [O.OP_SHLI, RSI, RAX, 3], [O.OP_ADD, RSI, RSI, RBX], load(RAX, RSI));
  assert.deepEqual(walking(counts, uses(O.OP_SUB)), ['1.3', '1.6']);
  assert.deepEqual(walking(counts, uses(O.OP_MUL)), []);
});

test('a pointer that moves by a length found in a byte walks, by one found in a word of 64 bits does not', () => {
  const by = (op: number): RegionBlock => block([op, RDX, RAX, 0], [O.OP_ADDI32, RDX, RDX, 1], [O.OP_SX32, RCX, RDX, 0], [O.OP_ADD, RAX, RAX, RCX]);
  assert.deepEqual(walking(by(O.OP_LD8)), ['0.1']);
  assert.deepEqual(walking(by(O.OP_LD64)), []);
});

test('a division leaves the soft TLB alone but not its registers; a helper that may change the TLB forbids all', () => {
  const divide: [number, number, number, number] = [O.OP_HINT, 0, RCX, HI_DIV];
  assert.deepEqual(walking(block(divide, load(R8, RBX), load(R9, RDX))), ['0.2']);
  assert.deepEqual(walking(block([O.OP_HSYS, T0, 0, 0], load(R8, RBX))), []);
});
