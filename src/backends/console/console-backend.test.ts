import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OperatorError } from '../../base/operator-error.ts';
import { xencons_interface } from '../../spec/xen/io/console.ts';
import { PlayedPage } from '../../xenstore/wire/ring-player.ts';
import { ConsoleBackend, INPUT_QUEUE_MAX } from './console-backend.ts';

const { in: inRing, out: outRing, in_cons, in_prod, out_cons, out_prod } = xencons_interface.offsets;

/** A guest's end of a console. */
class Guest {
  readonly page = new PlayedPage();

  write(bytes: Uint8Array): number {
    const { view } = this.page;
    const to = view.getUint32(out_prod, true);
    const count = Math.min(bytes.length, 2048 - ((to - view.getUint32(out_cons, true)) >>> 0));
    for (let i = 0; i < count; i++) this.page.bytes[outRing + ((to + i) & 2047)] = bytes[i] as number;
    view.setUint32(out_prod, to + count, true);
    return count;
  }

  read(): number[] {
    const { view } = this.page;
    const from = view.getUint32(in_cons, true);
    const count = (view.getUint32(in_prod, true) - from) >>> 0;
    view.setUint32(in_cons, from + count, true);
    return Array.from({ length: count }, (_, i) => this.page.bytes[inRing + ((from + i) & 1023)] as number);
  }
}

/** A backend, its guest, and what came out. */
function world(): { guest: Guest; backend: ConsoleBackend; out: number[] } {
  const guest = new Guest();
  const out: number[] = [];
  const backend = new ConsoleBackend(guest.page, (bytes) => {
    out.push(...bytes);
    return true;
  });
  return { guest, backend, out };
}

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff);

test('output and input come through in order, in pieces, with indexes that wrap', () => {
  fc.assert(
    fc.property(
      fc.nat(0xffffffff),
      fc.array(fc.record({ write: fc.nat(2500), input: fc.nat(1500) }), { minLength: 1, maxLength: 10, size: 'max' }),
      (start, steps) => {
        const { guest, backend, out } = world();
        for (const index of [in_cons, in_prod, out_cons, out_prod]) guest.page.view.setUint32(index, start, true);
        const written: number[] = [];
        const typed: number[] = [];
        const read: number[] = [];
        for (const { write, input } of steps) {
          const data = bytes(write);
          written.push(...data.subarray(0, guest.write(data)));
          const typing = bytes(input).reverse();
          assert.equal(backend.input(typing), typing.length);
          typed.push(...typing);
          assert.equal(backend.onEvent(), false);
          read.push(...guest.read());
        }
        while (backend.waiting > 0) {
          backend.onEvent();
          read.push(...guest.read());
        }
        assert.deepEqual(out, written);
        assert.deepEqual(read, typed);
      },
    ),
    { numRuns: 60 },
  );
});

test('the guest gets an event when something moved, and none when nothing did', () => {
  const { guest, backend } = world();
  backend.onEvent();
  assert.equal(guest.page.notified, 0);
  guest.write(bytes(1));
  backend.onEvent();
  assert.equal(guest.page.notified, 1);
  backend.input(bytes(1));
  assert.equal(guest.page.notified, 2);
});

test('a guest that waits for a listener is told', () => {
  const guest = new Guest();
  guest.page.bytes[xencons_interface.size] = 1;
  const backend = new ConsoleBackend(guest.page, () => true);
  assert.equal(guest.page.bytes[xencons_interface.size], 0);
  assert.equal(guest.page.notified, 1);
  guest.page.bytes[xencons_interface.size] = 1;
  backend.onEvent();
  assert.equal(guest.page.bytes[xencons_interface.size], 0);
});

test('one event passes on one ring full, and says when there is more', () => {
  const guest = new Guest();
  let turns = 0;
  const backend = new ConsoleBackend(guest.page, () => {
    // the guest writes on while its output is carried away
    if (turns++ < 3) guest.write(bytes(2048));
    return true;
  });
  guest.write(bytes(2048));
  assert.equal(backend.onEvent(), true);
  assert.equal(turns, 1);
  while (backend.onEvent());
  assert.equal(turns, 4);
});

test('a sink that is full stops the guest, not us', () => {
  const guest = new Guest();
  const out: number[] = [];
  const backend = new ConsoleBackend(guest.page, (data) => {
    out.push(...data);
    return false;
  });
  guest.write(bytes(10));
  backend.onEvent();
  guest.write(bytes(10));
  assert.equal(backend.onEvent(), false);
  assert.equal(out.length, 10);
  backend.drained();
  assert.equal(out.length, 20);
});

test('input for a guest that does not read is bounded', () => {
  const { backend } = world();
  assert.equal(backend.input(bytes(INPUT_QUEUE_MAX + 10)), INPUT_QUEUE_MAX);
  assert.equal(backend.waiting, INPUT_QUEUE_MAX - 1024);
  assert.equal(backend.input(bytes(INPUT_QUEUE_MAX)), 1024);
});

test('indexes that make no sense: nothing is read or written, and it goes on when they are mended', () => {
  const { guest, backend, out } = world();
  guest.page.view.setUint32(out_prod, 2049, true);
  guest.page.view.setUint32(in_cons, 1, true);
  backend.onEvent();
  backend.input(bytes(3));
  assert.deepEqual(out, []);
  assert.equal(guest.page.view.getUint32(in_prod, true), 0);
  guest.page.view.setUint32(out_prod, 5, true);
  guest.page.view.setUint32(in_cons, 0, true);
  backend.onEvent();
  assert.equal(out.length, 5);
  assert.equal(guest.read().length, 3);
});

test('no contents of a page bring it down', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(in_cons, in_prod, out_cons, out_prod, 3088), fc.nat(0xffffffff)), { maxLength: 20, size: 'max' }),
      (changes) => {
        const { guest, backend } = world();
        for (const [at, value] of changes) {
          guest.page.view.setUint32(at, value, true);
          backend.onEvent();
          backend.input(bytes(5));
        }
      },
    ),
    { numRuns: 100 },
  );
});

test('frozen and thawed, input that waits follows', () => {
  const { guest, backend } = world();
  backend.input(bytes(3000));
  const frozen = backend.freeze();
  const other = ConsoleBackend.thaw(frozen, guest.page, () => true);
  assert.deepEqual(other.freeze(), frozen);
  const read = guest.read();
  while (other.waiting > 0) {
    other.onEvent();
    read.push(...guest.read());
  }
  assert.deepEqual(read, [...bytes(3000)]);
  assert.throws(() => ConsoleBackend.thaw(frozen.slice(0, 20), guest.page, () => true), OperatorError);
  assert.throws(() => ConsoleBackend.thaw(new Uint8Array(0), guest.page, () => true), OperatorError);
});
