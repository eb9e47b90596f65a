import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, bytes, chars, pad, s64, struct, u8, u16, u32, u64, u64n, union } from './struct.ts';

const view = (): DataView => new DataView(new ArrayBuffer(256));

test('natural alignment and tail padding, as x86-64 C does it', () => {
  const s = struct('s', { a: u8, b: u32, c: u16, d: u64, e: u8 });
  assert.deepEqual({ ...s.offsets }, { a: 0, b: 4, c: 8, d: 16, e: 24 });
  assert.equal(s.size, 32);
  assert.equal(s.align, 8);
});

test('packed leaves no holes', () => {
  const s = struct('s', { a: u8, b: u32, c: u64 }, { packed: true });
  assert.deepEqual({ ...s.offsets }, { a: 0, b: 1, c: 5 });
  assert.equal(s.size, 13);
  assert.equal(s.align, 1);
});

test('write is partial, read is a snapshot, the accessor is live', () => {
  const s = struct('evtchn_alloc_unbound', { dom: u16, remote_dom: u16, port: u32 });
  const v = view();
  s.write(v, 8, { dom: 0x7ff0, remote_dom: 0 });
  s.write(v, 8, { port: 5 });
  const before = s.read(v, 8);
  assert.deepEqual(before, { dom: 0x7ff0, remote_dom: 0, port: 5 });
  const live = s.at(v, 8);
  live.port = 0xffff_ffff;
  assert.equal(before.port, 5);
  assert.equal(live.port, 0xffff_ffff);
  assert.equal(v.getUint32(12, true), 0xffff_ffff);
  assert.throws(() => s.write(v, 8, { prot: 1 } as never), /no field prot/);
});

test('nested structs, arrays, unions and bytes', () => {
  const inner = struct('inner', { x: u16, y: u64 });
  const s = struct('s', {
    list: array(inner, 2),
    _pad: pad(4, 4),
    u: union({ wide: u64, narrow: u32, raw: bytes(8) }),
    name: chars(8),
  });
  assert.deepEqual({ ...s.offsets }, { list: 0, _pad: 32, u: 40, name: 48 });
  assert.equal(s.size, 56);
  const v = view();
  s.write(v, 0, { list: [{ x: 1, y: 2 }, { y: 1n << 63n }], u: { narrow: 0xdead_beef }, name: 'console0x' });
  const got = s.read(v, 0);
  assert.deepEqual(got.list, [
    { x: 1, y: 2n },
    { x: 0, y: 1n << 63n },
  ]);
  assert.equal(got.u.wide, 0xdead_beefn);
  assert.deepEqual([...got.u.raw.subarray(0, 4)], [0xef, 0xbe, 0xad, 0xde]);
  assert.equal(got.name, 'console0');
  const live = s.at(v, 0);
  live.list.get(1).x = 7;
  assert.equal(v.getUint16(16, true), 7);
  assert.throws(() => live.list.get(2), RangeError);
  s.clear(v, 0);
  assert.equal(live.name, '');
});

test('u64n reads as Number(bigint) for every value and writes modulo 2^64', () => {
  const s = struct('s', { n: u64n, b: s64 });
  const v = view();
  for (const x of [0n, 1n, 0xffff_ffffn, 1n << 32n, (1n << 53n) - 1n, (1n << 53n) + 1n, (1n << 63n) + 1025n, (1n << 64n) - 1n]) {
    s.write(v, 0, { n: x });
    assert.equal(s.read(v, 0).n, Number(x));
  }
  for (const x of [0, 5, 0xffff_ffff, 2 ** 32, 2 ** 40 + 3, 2 ** 53 - 1]) {
    s.write(v, 0, { n: x });
    assert.equal(v.getBigUint64(0, true), BigInt(x));
  }
  s.write(v, 0, { n: -1, b: -1 });
  assert.equal(v.getBigUint64(0, true), (1n << 64n) - 1n);
  assert.equal(s.read(v, 0).b, -1n);
});

test('views that do not start at 0 of their buffer', () => {
  const s = struct('s', { a: u32, raw: bytes(4) });
  const v = new DataView(new ArrayBuffer(64), 16);
  s.write(v, 4, { a: 1, raw: [9, 8, 7, 6] });
  assert.deepEqual([...new Uint8Array(v.buffer, 20, 8)], [1, 0, 0, 0, 9, 8, 7, 6]);
  assert.deepEqual([...s.read(v, 4).raw], [9, 8, 7, 6]);
});
