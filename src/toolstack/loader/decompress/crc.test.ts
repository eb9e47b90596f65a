import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from './crc32.ts';
import { crc64 } from './crc64.ts';
import { xxh64Low } from './xxh64.ts';

const text = (s: string): Uint8Array => new TextEncoder().encode(s);

test('CRC-32 check value, whole and in parts', () => {
  const data = text('123456789');
  assert.equal(crc32(data), 0xcbf43926);
  assert.equal(crc32(data, 4, 9, crc32(data, 0, 4)), 0xcbf43926);
});

test('CRC-64/XZ check value', () => {
  const { low, high } = crc64(text('123456789'));
  assert.equal(high.toString(16) + low.toString(16).padStart(8, '0'), '995dc9bbdf1939fa');
});

test('XXH64 of nothing, low word (longer inputs are checked against the zstd tool)', () => {
  assert.equal(xxh64Low(text('')), 0x51d8e999);
});
