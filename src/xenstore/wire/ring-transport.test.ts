import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  XENSTORE_ERROR_PROTO,
  XENSTORE_ERROR_RINGIDX,
  XENSTORE_RECONNECT,
  XS_READ,
  XS_WATCH,
  XS_WRITE,
  xenstore_domain_interface,
} from '../../spec/xen/io/xs-wire.ts';
import { REQUESTS_PER_TURN } from '../quotas.ts';
import { TestStore } from '../test-store.ts';
import { latin1Bytes, nulTerminated } from './latin1.ts';
import { encodeMessage } from './message.ts';
import { RingPlayer } from './ring-player.ts';

const { req_cons, req_prod, rsp_cons, rsp_prod, server_features, connection, error } = xenstore_domain_interface.offsets;

function world(): TestStore {
  const made = new TestStore([5, 6]);
  const dom0 = made.store.connect();
  for (const domid of [5, 6]) {
    dom0.write(`/local/domain/${domid}/value`, `value of ${domid}`);
    dom0.setPermissions(`/local/domain/${domid}`, [`n${domid}`]);
    dom0.setPermissions(`/local/domain/${domid}/value`, [`n${domid}`]);
  }
  return made;
}

const read = (requestId: number): Uint8Array => encodeMessage({ type: XS_READ, requestId, transactionId: 0, payload: nulTerminated('value') });

test('requests may come in pieces of any size, with indexes that wrap', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60, size: 'max' }), fc.nat(0xffffffff), (pieces, start) => {
      const made = world();
      const player = made.player(5);
      for (const index of [req_cons, req_prod, rsp_cons, rsp_prod]) player.page.view.setUint32(index, start, true);
      const stream = Array.from({ length: 12 }, (_, i) => [...read(i + 1)]).flat();
      const answers: unknown[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const count = pieces[i % pieces.length] as number;
        const put = player.put(Uint8Array.from(stream.slice(at, at + count)));
        at += put;
        made.event(5);
        answers.push(...made.take(5).map(({ requestId }) => requestId));
      }
      assert.deepEqual(answers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    }),
    { numRuns: 40 },
  );
});

test('large messages pass a ring smaller than they are', () => {
  const made = world();
  made.store.connect().write('/local/domain/5/value', 'x'.repeat(4000));
  made.store.connect().setPermissions('/local/domain/5/value', ['n5']);
  const event = (): void => made.event(5);
  made.player(5).send(XS_READ, nulTerminated('value'), event);
  const [answer] = made.player(5).take(event);
  assert.equal(answer?.payload.length, 4000);
  // 4096 bytes of payload are the most that a request may have
  const [written] = made.ask(5, XS_WRITE, latin1Bytes(`value\0${'y'.repeat(4090)}`));
  assert.deepEqual(written?.strings, ['ENOSPC']);
});

test('a header that says more than 4096 bytes ends the connection with PROTO', () => {
  const made = world();
  const player = made.player(5);
  const bytes = read(1);
  new DataView(bytes.buffer).setUint32(12, 4097, true);
  player.put(bytes);
  made.event(5);
  assert.equal(player.page.view.getUint32(error, true), XENSTORE_ERROR_PROTO);
  assert.deepEqual(made.take(5), []);
  assert.equal(made.ask(6, XS_READ, nulTerminated('value')).length, 1);
});

test('indexes that make no sense end the connection with RINGIDX, for that domain only', () => {
  for (const [index, value] of [
    [req_prod, 1025],
    [req_cons, 1],
    [req_cons, 0x80000000],
    [rsp_cons, 1],
    [rsp_prod, 0x80000000],
  ] as const) {
    const made = world();
    const player = made.player(5);
    player.page.view.setUint32(index, value, true);
    if (index === rsp_cons || index === rsp_prod) player.put(read(1));
    made.event(5);
    assert.equal(player.page.view.getUint32(error, true), XENSTORE_ERROR_RINGIDX, `${index} ${value}`);
    assert.equal(made.ask(6, XS_READ, nulTerminated('value')).length, 1);
  }
});

test('RECONNECT begins anew: rings empty, watches and half messages gone, the guest told', () => {
  const made = world();
  const player = made.player(5);
  made.ask(5, XS_WATCH, nulTerminated('value', 't'));
  player.put(read(1).subarray(0, 9));
  made.event(5);
  player.page.view.setUint32(req_prod, 12345, true);
  made.event(5);
  assert.equal(player.page.view.getUint32(error, true), XENSTORE_ERROR_RINGIDX);
  player.page.view.setUint32(connection, XENSTORE_RECONNECT, true);
  const before = player.page.notified;
  made.event(5);
  assert.ok(player.page.notified > before);
  for (const index of [connection, error, req_cons, req_prod, rsp_cons, rsp_prod]) assert.equal(player.page.view.getUint32(index, true), 0);
  made.store.connect().write('/local/domain/5/value', 'changed');
  const fresh = new RingPlayer(player.page);
  fresh.put(read(7));
  made.event(5);
  assert.deepEqual(
    fresh.take(() => made.event(5)).map(({ requestId }) => requestId),
    [7],
  );
});

test('the features are on the page before anything else', () => {
  assert.equal(world().player(5).page.view.getUint32(server_features, true) & 3, 3);
});

test('one event handles a bounded number of requests and says that more is there', () => {
  const made = new TestStore([5], { quotas: { outstanding: 1000 } });
  const player = made.player(5);
  const small = encodeMessage({ type: 20, requestId: 1, transactionId: 0, payload: new Uint8Array(0) });
  for (let i = 0; i < 64; i++) assert.equal(player.put(small), 16);
  assert.equal(made.store.onEvent(5), true);
  assert.equal(player.page.view.getUint32(req_cons, true), REQUESTS_PER_TURN * 16);
  made.event(5);
  assert.equal(made.take(5).length, 64);
});

test("a hostile player never brings the store down, nor takes another domain's service", () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const offset = fc.constantFrom(req_cons, req_prod, rsp_cons, rsp_prod, server_features, connection, error);
  const step = fc.oneof(
    fc.record({ kind: fc.constant('index' as const), at: offset, value: fc.oneof(fc.nat(0xffffffff), fc.nat(2000)) }),
    fc.record({ kind: fc.constant('bytes' as const), bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }) }),
    fc.record({
      kind: fc.constant('request' as const),
      type: fc.integer({ min: 0, max: 26 }),
      transactionId: fc.nat(3),
      payload: fc.oneof(
        fc.uint8Array({ maxLength: 100 }),
        fc.constantFrom('value', '/', '/local/domain/6/value', '@releaseDomain', 'value/__proto__', '').map((path) => latin1Bytes(`${path}\0t\0`)),
        fc.constantFrom('value', 'T', 'F', 'value/a').map((path) => latin1Bytes(`${path}\0`)),
      ),
    }),
    fc.record({ kind: fc.constant('scribble' as const), at: fc.nat(4095), value: byte }),
    fc.record({ kind: fc.constant('take' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
      const made = world();
      const player = made.player(5);
      for (const it of steps) {
        if (it.kind === 'index') player.page.view.setUint32(it.at, it.value, true);
        else if (it.kind === 'scribble') player.page.bytes[it.at] = it.value;
        else if (it.kind === 'bytes') put(player, it.bytes);
        else if (it.kind === 'request') put(player, encodeMessage({ ...it, requestId: 1 }));
        else player.page.view.setUint32(rsp_cons, player.page.view.getUint32(rsp_prod, true), true);
        for (let i = 0; i < 100 && made.store.onEvent(5); i++);
      }
      const [answer] = made.ask(6, XS_READ, nulTerminated('value'));
      assert.equal(answer?.type, XS_READ);
      assert.deepEqual(made.store.check(), []);
    }),
    { numRuns: 150 },
  );
});

/** Put what fits, whatever the indexes say. */
function put(player: RingPlayer, bytes: Uint8Array): void {
  const { view, bytes: page } = player.page;
  const to = view.getUint32(req_prod, true);
  const count = Math.min(bytes.length, 1024);
  for (let i = 0; i < count; i++) page[(to + i) & 1023] = bytes[i] as number;
  view.setUint32(req_prod, (to + count) >>> 0, true);
}
