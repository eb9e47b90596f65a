import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RAX, RBX, RSP } from '../../../machine/layout.ts';
import { OP_ADDI, OP_HSYS, OP_LD64, OP_LDX64, OP_MOV, OP_ST64, OP_STX64 } from '../../../machine/ops.ts';
import { CLOBBERS, opBits } from '../../ir/op-bits.ts';
import { accessGroups } from './access-groups.ts';
import type { RegionBlock } from './region-block.ts';

/** Operations as [op, d, a, immediate]; the first of a block is its ENTER. */
const blockOf = (operations: readonly (readonly [number, number, number, number])[], wide = true): RegionBlock => {
  const all = [[0, 0, 0, 0] as const, ...operations];
  const column = (at: 0 | 1 | 2 | 3): number[] => all.map((one) => one[at]);
  const immLo = column(3);
  return {
    count: all.length,
    wide,
    op: column(0),
    bits: column(0).map((op) => opBits[op]),
    d: column(1),
    a: column(2),
    // the index of those that have one
    b: column(0).map(() => RSP),
    c: column(0).map(() => 3),
    immLo,
    immHi: immLo.map((low) => low >> 31),
  } as unknown as RegionBlock;
};

const seen = (block: RegionBlock, least = 2): string[] =>
  [...accessGroups(block, () => least)].map(
    ([k, { first, last, count, size, start, writes }]) => `${k}: ${first}-${last} ${writes ? 'w' : ''}${count} ${size} ${start}`,
  );

const push = (slot: number): [number, number, number, number][] => [
  [OP_ST64, slot, RSP, -8],
  [OP_ADDI, RSP, RSP, -8],
];

test('pushes are one group of stores, whose range ends where the first one does', () => {
  assert.deepEqual(seen(blockOf([...push(RAX), ...push(RBX)])), ['1: 1-3 w2 16 -8', '3: 1-3 w2 16 -8']);
});

test('loads and stores are one group that asks to write, a copied base counts as the base, another value does not', () => {
  assert.deepEqual(
    seen(
      blockOf([
        [OP_LD64, RAX, RBX, 0],
        [OP_ST64, RAX, RBX, 8],
        [OP_MOV, RAX, RBX, 0],
        [OP_LD64, RBX, RAX, 40],
        [OP_LD64, RAX, RBX, 48],
      ]),
    ),
    ['1: 1-4 w3 48 0', '2: 1-4 w3 48 0', '4: 1-4 w3 48 0'],
  );
});

test('accesses at one indexed address are a group, until one of its registers changes', () => {
  const at = (op: number): [number, number, number, number] => [op, RAX, RBX, 0];
  assert.deepEqual(seen(blockOf([at(OP_LDX64), at(OP_STX64)])), ['1: 1-2 w2 8 0', '2: 1-2 w2 8 0']);
  assert.deepEqual(seen(blockOf([at(OP_LDX64), [OP_ADDI, RSP, RSP, 1], at(OP_STX64)])), []);
});

test('too far apart, too few, 32-bit code: no group', () => {
  const far: [number, number, number, number][] = [
    [OP_LD64, RAX, RBX, 0],
    [OP_LD64, RAX, RBX, 249],
  ];
  assert.deepEqual(seen(blockOf(far)), []);
  const near: [number, number, number, number][] = [
    [OP_LD64, RAX, RBX, 0],
    [OP_LD64, RAX, RBX, 248],
  ];
  assert.equal(seen(blockOf(near)).length, 2);
  assert.deepEqual(seen(blockOf(near), 3), []);
  assert.deepEqual(seen(blockOf(near, false)), []);
});

test('a helper that may change the soft TLB ends all groups', () => {
  assert.notEqual((opBits[OP_HSYS] as number) & CLOBBERS, 0);
  assert.deepEqual(
    seen(
      blockOf([
        [OP_LD64, RAX, RBX, 0],
        [OP_HSYS, 0, 0, 0],
        [OP_LD64, RAX, RBX, 8],
      ]),
    ),
    [],
  );
});
