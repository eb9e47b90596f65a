import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { XENHEAP_END } from '../machine/layout.ts';
import { Memories } from '../machine/memories.ts';
import { HEADER, machine_header } from './header.ts';
import { Heap } from './heap.ts';

test('blocks are zeroed, aligned, do not overlap, and their bytes are counted', () => {
  const memories = new Memories();
  Heap.format(memories);
  const heap = new Heap(memories);
  const live = new Map<number, number>();
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.integer({ min: 1, max: 20_000 }), fc.constant(-1)), { maxLength: 60 }), (steps) => {
      for (const size of steps) {
        if (size < 0) {
          const [first] = live;
          if (first === undefined) continue;
          heap.free(...first);
          live.delete(first[0]);
          continue;
        }
        const at = heap.allocate(size);
        assert.notEqual(at, 0);
        assert.equal(at % Math.min(4096, 2 ** Math.ceil(Math.log2(Math.max(64, size)))), 0);
        for (const [other, length] of live) assert.ok(at + size <= other || other + length <= at);
        assert.ok(memories.stateBytes.subarray(at, at + size).every((byte) => byte === 0));
        memories.stateBytes.fill(0xaa, at, at + size);
        live.set(at, size);
      }
      const bytes = [...live.values()].reduce((sum, size) => sum + 2 ** Math.ceil(Math.log2(Math.max(64, size))), 0);
      assert.equal(heap.used, bytes);
    }),
    { numRuns: 60, seed: 8 },
  );
  for (const block of live) heap.free(...block);
  assert.equal(heap.used, 0);
});

test('a full heap says so and goes on giving what was freed', () => {
  const memories = new Memories();
  Heap.format(memories);
  const heap = new Heap(memories);
  machine_header.write(memories.stateView, HEADER, { heap_next: XENHEAP_END - 8192 });
  const a = heap.allocate(4096);
  const b = heap.allocate(4096);
  assert.ok(a !== 0 && b !== 0);
  assert.equal(heap.allocate(64), 0);
  assert.equal(heap.allocate(4096), 0);
  heap.free(a, 4096);
  assert.equal(heap.allocate(4096), a);
  assert.throws(() => heap.free(0, 64), /null pointer/);
  assert.throws(() => heap.allocate(1 << 22), /largest class/);
});
