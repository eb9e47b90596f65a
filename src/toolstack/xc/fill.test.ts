import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fill } from './fill.ts';

const PAGE = 4096;

/** Pages of one byte each. */
const pages = (...values: number[]): Uint8Array => Uint8Array.from(values.flatMap((value) => new Array<number>(PAGE).fill(value)));

test('what is written is there, wherever it begins and ends', () => {
  const bytes = pages(1, 0, 0, 2, 0, 3, 0);
  for (const at of [0, 1, 4, PAGE - 4, PAGE, PAGE + 100]) {
    for (const [from, to] of [
      [0, bytes.length],
      [8, bytes.length - 4],
      [3, bytes.length - 1],
      [PAGE, PAGE + 10],
      [10, 10],
      [PAGE - 1, 3 * PAGE + 1],
    ] as const) {
      const memory = new Uint8Array(12 * PAGE);
      const expected = new Uint8Array(memory.length);
      fill(memory, at, bytes.subarray(from, to));
      expected.set(bytes.subarray(from, to), at);
      assert.ok(Buffer.from(memory).equals(expected), `${from} to ${to} at ${at}`);
    }
  }
});

test('whole pages of zeros are passed over, and only those', () => {
  const memory = pages(9, 9, 9, 9, 9);
  const bytes = pages(0, 0, 1, 0, 0);
  bytes[PAGE + 4095] = 7;
  fill(memory, 0, bytes);
  const kept = Array.from({ length: 5 }, (_, page) => memory[page * PAGE]);
  assert.deepEqual(kept, [9, 0, 1, 9, 9]);
  assert.equal(memory[PAGE + 4095], 7);
});
