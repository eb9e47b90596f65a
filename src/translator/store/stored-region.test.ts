import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packRelocations } from '../targets/wasm/code.ts';
import { decodeRegions, encodeRegions, packHints, type StoredRegion, unpackHints } from './stored-region.ts';

const RECORDS = 50;
const module = Uint8Array.from({ length: 20 }, (_, k) => k);
const region: StoredRegion = {
  records: Int32Array.of(40, 8),
  deltas: Int32Array.of(0, -16),
  distances: Int32Array.of(0, -4112),
  entries: Int32Array.of(1),
  seen: 1,
  body: module.subarray(7, 17),
  hints: packHints([
    [3, true],
    [4, false],
  ]),
  relocations: packRelocations([
    { at: 1, kind: 'address', block: 1, addend: 80 },
    { at: 2, kind: 'offset', block: 0, addend: 36 },
    { at: 3, kind: 'region' },
  ]),
  age: 2,
};
const places = new Int32Array(RECORDS).fill(-1);
places[40] = 4;
places[8] = 49;

test('regions are read as they were written, their blocks at the new places', () => {
  const words = encodeRegions([region, { ...region, age: 0 }], places, [7, 7]);
  assert.deepEqual(decodeRegions(words, RECORDS, module), [
    { ...region, records: Int32Array.of(4, 49) },
    { ...region, records: Int32Array.of(4, 49), age: 0 },
  ]);
  assert.deepEqual(decodeRegions(new Int32Array(0), 0, module), []);
});

test('hints are unpacked as they were packed', () => {
  assert.deepEqual(unpackHints(region.hints), [
    [3, true],
    [4, false],
  ]);
});

test('words that are no regions are refused', () => {
  const words = encodeRegions([region], places, [7]);
  const decode = (changed: Int32Array, records = RECORDS): unknown => decodeRegions(changed, records, module);
  for (let length = 1; length < words.length; length++) assert.throws(() => decode(words.subarray(0, length)), RangeError);
  for (let at = 0; at < 6; at++) assert.throws(() => decode(words.with(at, 0x7fffffff)), RangeError);
  for (let at = 0; at < 6; at++) assert.throws(() => decode(words.with(at, -1)), RangeError);
  // blocks, entries, relocations that there are not
  assert.throws(() => decode(words, 49), /not there/);
  assert.throws(() => decode(words.with(14, 2)), /entered where it has no block/);
  assert.throws(() => decode(words.with(6, 2)), /entered where it has no block/);
  assert.throws(() => decode(words.with(17, 6)), /outside its code/);
  assert.throws(() => decode(words.with(18, 3)), /no kind/);
  assert.throws(() => decode(words.with(19, 2)), /block it does not have/);
});
