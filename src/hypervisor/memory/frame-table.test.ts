import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mfn } from '../../base/brand.ts';
import { Memories } from '../../machine/memories.ts';
import { Heap } from '../heap.ts';
import { FrameTable, INVALID_M2P, OWNER_XEN } from './frame-table.ts';
import { P2m, p2m_ram_rw } from './p2m.ts';

function machine() {
  const memories = new Memories();
  FrameTable.format(memories, 2000);
  Heap.format(memories);
  const heap = new Heap(memories);
  return { frames: new FrameTable(memories), p2m: new P2m(memories, heap, P2m.create(heap)) };
}

test('frames come from the top down, zeroed, once, and are counted', () => {
  const memories = new Memories();
  FrameTable.format(memories, 4);
  const frames = new FrameTable(memories);
  const first = frames.allocate(5) as never;
  assert.equal(first, 0xfffff);
  assert.equal(frames.owner(first), 5);
  assert.equal(frames.gfn(first), INVALID_M2P);
  assert.equal(frames.owner(frames.allocate(OWNER_XEN) as never), OWNER_XEN);
  assert.equal(frames.owner(frames.allocate(0) as never), 0, 'domain 0 owns as any other');
  frames.allocate(1);
  assert.equal(frames.free, 0);
  assert.equal(frames.allocate(1), undefined);
  memories.frameBytes[(first as number) * 4096 + 77] = 1;
  frames.get(first);
  assert.equal(frames.put(first), false);
  assert.equal(frames.put(first), true);
  assert.equal(frames.owner(first), undefined);
  assert.equal(frames.inUse(first), false);
  assert.equal(frames.allocate(9), first);
  assert.equal(memories.frameBytes[(first as number) * 4096 + 77], 0, "nobody's bytes are left");
  assert.throws(() => frames.put(0xffff0 as never), /given back/);
});

test('a run of fresh frames is as so many single ones, one behind the other', () => {
  const [single, run] = [machine(), machine()];
  const gfn = 1000; // across the border of two leaves
  const count = 600;
  const claimed = single.frames.allocate(3);
  assert.equal(run.frames.allocate(3), claimed);
  for (let i = 0; i < count; i++) {
    const mfn = single.frames.allocate(5) as Mfn;
    assert.ok(single.p2m.set(gfn + i, mfn, p2m_ram_rw, true));
    single.frames.setGfn(mfn, gfn + i);
  }
  assert.ok(run.p2m.reserveRun(gfn, count) && run.p2m.isEmpty(gfn, count));
  const first = run.frames.allocateRun(5, gfn, count) as Mfn;
  run.p2m.setRun(gfn, first, count);
  assert.equal(run.frames.free, single.frames.free);
  for (let i = -1; i <= count; i++) {
    const [one, other] = [single.p2m.lookup(gfn + i), run.p2m.lookup(gfn + i)];
    assert.equal(one === undefined, other === undefined);
    if (one === undefined || other === undefined) continue;
    assert.equal(other.mfn, first + i);
    assert.deepEqual({ ...other, mfn: 0 }, { ...one, mfn: 0 });
    for (const fact of ['owner', 'count', 'gfn'] as const) assert.equal(run.frames[fact](other.mfn), single.frames[fact](one.mfn), fact);
  }
  assert.equal(run.p2m.isEmpty(gfn + count - 1, 2), false);
  assert.equal(run.frames.allocateRun(5, 5000, 2000), undefined, 'more than there are');
  run.frames.put(run.p2m.lookup(gfn)?.mfn as Mfn);
  assert.equal(run.frames.allocateRun(5, 5000, 2), undefined, 'one that came back goes first');
});
