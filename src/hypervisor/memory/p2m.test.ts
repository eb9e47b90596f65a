import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Memories } from '../../machine/memories.ts';
import { Heap } from '../heap.ts';
import { GFN_LIMIT, P2m, p2m_grant_map_ro, p2m_ram_rw } from './p2m.ts';

function table() {
  const memories = new Memories();
  Heap.format(memories);
  const heap = new Heap(memories);
  return { heap, p2m: new P2m(memories, heap, P2m.create(heap)) };
}

test('entries, addresses, order, and the whole table given back', () => {
  const { heap, p2m } = table();
  assert.equal(p2m.lookup(0), undefined);
  assert.equal(p2m.set(5, 0xfffff as never, p2m_ram_rw, true), true);
  assert.equal(p2m.set(GFN_LIMIT - 1, 7 as never, p2m_grant_map_ro, false), true);
  assert.deepEqual(p2m.lookup(GFN_LIMIT - 1), { mfn: 7, type: p2m_grant_map_ro, writable: false });
  assert.equal(p2m.maddr(5 * 4096 + 9), 0xfffff009);
  assert.equal(p2m.maddr(6 * 4096), -1);
  assert.deepEqual(
    [...p2m.entries()].map(({ gfn }) => gfn),
    [5, GFN_LIMIT - 1],
  );
  assert.deepEqual(
    [...p2m.entries(6)].map(({ gfn }) => gfn),
    [GFN_LIMIT - 1],
  );
  for (const gfn of [GFN_LIMIT, GFN_LIMIT + 5, 2 ** 32, 2 ** 53, Number.POSITIVE_INFINITY, Number.NaN]) {
    assert.equal(p2m.set(gfn, 7 as never, 0, true), false);
    assert.equal(p2m.lookup(gfn), undefined);
    assert.equal(p2m.reserve(gfn), false);
  }
  p2m.clear(5);
  assert.equal(p2m.lookup(5), undefined);
  p2m.destroy();
  assert.equal(heap.used, 0);
});

test('against a map', () => {
  const { p2m } = table();
  const model = new Map<number, number>();
  const gfn = fc.oneof(fc.nat(3000), fc.nat(GFN_LIMIT - 1));
  fc.assert(
    fc.property(fc.array(fc.tuple(gfn, fc.integer({ min: -1, max: 0xfffff })), { maxLength: 100 }), (steps) => {
      for (const [at, mfn] of steps) {
        if (mfn < 0) {
          p2m.clear(at);
          model.delete(at);
        } else {
          assert.ok(p2m.set(at, mfn as never, mfn & 3, true));
          model.set(at, mfn);
        }
        assert.equal(p2m.lookup(at)?.mfn, model.get(at));
      }
    }),
    { numRuns: 100, seed: 4 },
  );
  const sorted = [...model].sort(([a], [b]) => a - b);
  assert.deepEqual(
    [...p2m.entries()].map(({ gfn: at, mfn }) => [at, mfn]),
    sorted,
  );
});
