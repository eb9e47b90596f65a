import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeRegions, encodeRegions, packRelocations, type StoredRegion } from './stored-region.ts';

const region: StoredRegion = {
  records: [40, 8],
  deltas: [0, -16],
  entries: [1],
  body: Uint8Array.from([1, 2, 3, 4, 5]),
  hints: [
    [3, true],
    [4, false],
  ],
  relocations: packRelocations([
    { at: 1, kind: 'address', block: 1, addend: 80 },
    { at: 2, kind: 'offset', block: 0, addend: 36 },
    { at: 3, kind: 'region' },
  ]),
  age: 2,
};
const places = new Map([
  [40, 400],
  [8, 80],
]);

test('regions are read as they were written, their blocks at the new places', () => {
  const words = encodeRegions([region, { ...region, age: 0 }], places);
  assert.deepEqual(decodeRegions(words), [
    { ...region, records: [400, 80] },
    { ...region, records: [400, 80], age: 0 },
  ]);
  assert.deepEqual(decodeRegions(new Int32Array(0)), []);
});

test('words that are no regions are refused', () => {
  const words = encodeRegions([region], places);
  for (let length = 1; length < words.length; length++) assert.throws(() => decodeRegions(words.subarray(0, length)), RangeError);
  for (let at = 0; at < 5; at++) assert.throws(() => decodeRegions(words.with(at, 0x7fffffff)), RangeError);
  for (let at = 0; at < 5; at++) assert.throws(() => decodeRegions(words.with(at, -1)), RangeError);
});
