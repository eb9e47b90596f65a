import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Memories } from '../../machine/memories.ts';
import { FrameTable, INVALID_M2P, OWNER_XEN } from './frame-table.ts';

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
