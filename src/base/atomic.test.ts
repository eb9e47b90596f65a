import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atomic32, cmpxchgAtomic, cmpxchgAtomic16, loadAtomic, orAtomic } from './atomic.ts';

test('32-bit operations give the old value, unsigned, at a byte offset', () => {
  const words = new Int32Array(new SharedArrayBuffer(16));
  assert.equal(orAtomic(words, 8, 0x8000_0001), 0);
  assert.equal(loadAtomic(words, 8), 0x8000_0001);
  assert.equal(cmpxchgAtomic(words, 8, 0x8000_0001, 7), 0x8000_0001);
  assert.equal(cmpxchgAtomic(words, 8, 0x8000_0001, 9), 7);
  const field = atomic32(words, 8);
  assert.equal(field.exchange(0xffff_ffff), 7);
  assert.equal(field.add(2), 0xffff_ffff);
  assert.equal(field.load(), 1);
});

test('16-bit compare and exchange', () => {
  const halves = new Uint16Array(new SharedArrayBuffer(4));
  assert.equal(cmpxchgAtomic16(halves, 2, 0, 0x8019), 0);
  assert.equal(cmpxchgAtomic16(halves, 2, 0, 1), 0x8019);
});
