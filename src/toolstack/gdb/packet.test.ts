import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { frame, fromHex, PACKET_MAX, PacketReader } from './packet.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

test('a packet, an interrupt and acknowledgements come out of a stream in any pieces', () => {
  const stream = bytes('+$g#67+\x03$m0,4#fd-');
  const expected = [{ kind: 'packet', data: 'g' }, { kind: 'interrupt' }, { kind: 'packet', data: 'm0,4' }, { kind: 'resend' }];
  assert.deepEqual(new PacketReader().take(stream), expected);
  const reader = new PacketReader();
  assert.deepEqual(
    [...stream].flatMap((byte) => reader.take(Uint8Array.of(byte))),
    expected,
  );
});

test('a wrong checksum, one that is none, and a packet that is too long are bad', () => {
  for (const text of ['$g#68', '$g#zz', `$${'a'.repeat(PACKET_MAX + 1)}#00`]) assert.deepEqual(new PacketReader().take(bytes(text)), [{ kind: 'bad' }]);
});

test('any data survives framing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
      const text = String.fromCharCode(...data);
      const framed = frame(text);
      for (const byte of framed.subarray(1, -3)) assert.ok(byte !== 0x24 && byte !== 0x23 && byte !== 0x2a);
      assert.deepEqual(new PacketReader().take(framed), [{ kind: 'packet', data: text }]);
    }),
  );
});

test('any bytes are taken without an error', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0x24, 0x23, 0x7d, 0x03, 0x61, 0x36, 0xff)), (data) => {
      new PacketReader().take(Uint8Array.from(data));
    }),
  );
});

test('hexadecimal text', () => {
  assert.deepEqual(fromHex('00fF'), Uint8Array.of(0, 255));
  for (const text of ['0', '0g', ' 0']) assert.equal(fromHex(text), undefined);
});
