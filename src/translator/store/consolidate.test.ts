import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MODE_CODE64, MODE_FLAT, MODE_PROTECTED, UOP_SIZE } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';
import { pack, packedSize } from '../targets/bytecode/pack.ts';
import { BlockTranslator } from '../translate-block.ts';
import { Consolidation } from './consolidate.ts';
import { StoredBlocks, type StoredCore } from './stored-blocks.ts';
import type { StoredRegion } from './stored-region.ts';

const MODE = MODE_CODE64 | MODE_FLAT | MODE_PROTECTED;
const PAGE = 4096;

/** A guest's memory of two pages whose blocks are translated and kept. */
class Guest {
  readonly bytes = new Uint8Array(2 * PAGE);
  readonly translator = new BlockTranslator({ features: undefined, vendor: 'amd' });
  /** None of its records is of a file: the core is not asked. */
  readonly blocks = new StoredBlocks({ frameBytes: this.bytes } as Memories, {} as StoredCore);
  private records = 0;

  /** The record of the block at `phys`, of these bytes. */
  block(phys: number, ...bytes: number[]): number {
    const { translator } = this;
    this.bytes.set(bytes, phys);
    translator.fuse = false;
    assert.ok(translator.translate(this.bytes, phys, -1, MODE, 64));
    const words = new Int32Array(packedSize(translator.builder) / 4 + UOP_SIZE);
    const end = pack(translator.builder, words, 0);
    this.blocks.add(phys, MODE, translator.guestBytes, translator.bytes, translator.instructions, words.slice(0, end / 4));
    return this.records++;
  }

  consolidate(kept: StoredRegion[], added: StoredRegion[]): StoredRegion[] {
    return new Consolidation(this.blocks, this.translator).consolidate(kept, added);
  }
}

/** A region that was made in a run: records and distances of its blocks. */
const region = (blocks: readonly (readonly [record: number, distance: number])[], entries: number[] = [], seen = 0): StoredRegion => ({
  records: Int32Array.from(blocks, ([record]) => record),
  deltas: Int32Array.from(blocks, ([, distance]) => distance),
  distances: Int32Array.from(blocks, ([, distance]) => distance),
  entries: Int32Array.from(entries),
  seen,
  body: new Uint8Array(),
  hints: new Int32Array(),
  relocations: new Int32Array(),
  age: 0,
});

const describe = ({ records, distances, entries, seen }: StoredRegion): unknown => ({
  blocks: Array.from(records, (record, k) => [record, distances[k]]).sort(([a = 0], [b = 0]) => a - b),
  seen: Array.from(entries.subarray(0, seen), (node) => records[node]),
  likely: Array.from(entries.subarray(seen), (node) => records[node]),
});

/** dec ecx; jnz 0x100. jmp 0x200. nop; jmp 0x100. ret */
const loop = (guest: Guest): [number, number, number, number] => [
  guest.block(0x100, 0xff, 0xc9, 0x75, 0xfc),
  guest.block(0x104, 0xe9, 0xf7, 0, 0, 0),
  guest.block(0x200, 0x90, 0xe9, 0xfa, 0xfe, 0xff, 0xff),
  guest.block(0x300, 0xc3),
];

test('regions that hold the same blocks become one, entered where each of them was; what hangs together with nothing is one of its own', () => {
  const guest = new Guest();
  const [head, jump, back, far] = loop(guest);
  const all = [
    region([
      [head, 0],
      [jump, 4],
      [back, 0x100],
    ]),
    region([
      [back, 0],
      [head, -0x100],
      [jump, -0xfc],
    ]),
    region([[far, 0]]),
  ];
  const made = guest.consolidate([], all);
  assert.deepEqual(made.map(describe), [
    {
      blocks: [
        [head, 0],
        [jump, 4],
        [back, 0x100],
      ],
      seen: [back],
      likely: [],
    },
    { blocks: [[far, 0]], seen: [], likely: [] },
  ]);
  for (const { body } of made) assert.ok(body.length > 0);
});

test('pages without a new region keep theirs; where code was changed, regions of the code before stay', () => {
  const guest = new Guest();
  const [head, jump, back] = loop(guest);
  const before = region([
    [head, 0],
    [jump, 4],
  ]);
  const elsewhere = region([[guest.block(PAGE + 0x40, 0xc3), 0]]);
  const changed = guest.block(0x104, 0xe9, 0xf8, 0, 0, 0);
  const after = region([
    [head, 0],
    [changed, 4],
  ]);
  assert.deepEqual(guest.consolidate([before, elsewhere], []), [before, elsewhere]);
  const made = guest.consolidate([elsewhere, before], [after, region([[back, 0]])]);
  assert.deepEqual(made.slice(0, 2), [elsewhere, before]);
  assert.deepEqual(made.slice(2).map(describe), [
    {
      blocks: [
        [head, 0],
        [back, 0x100],
        [changed, 4],
      ],
      seen: [back],
      likely: [],
    },
  ]);
});

test('a function of another page stays in the region that calls it, at its place in the guest addresses and in its memory', () => {
  const guest = new Guest();
  // call 0x1300, in the guest's addresses
  const call = guest.block(0x100, 0xe8, 0xfb, 0x11, 0, 0);
  const callee = guest.block(PAGE + 0x300, 0xc3);
  const site = guest.block(0x105, 0x90, 0xeb, 0xf8);
  const made = guest.consolidate(
    [],
    [
      {
        ...region([
          [call, 0],
          [callee, 0x1200],
          [site, 5],
        ]),
        deltas: Int32Array.of(0, -0x2e00, 5),
      },
    ],
  );
  assert.equal(made.length, 1);
  assert.deepEqual(describe(made[0] as StoredRegion), {
    blocks: [
      [call, 0],
      [callee, 0x1200],
      [site, 5],
    ],
    seen: [],
    likely: [],
  });
  const { records, deltas } = made[0] as StoredRegion;
  assert.equal(deltas[records.indexOf(callee)], -0x2e00);
});
