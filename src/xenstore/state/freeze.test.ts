import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OperatorError } from '../../base/operator-error.ts';
import { XS_READ, XS_TRANSACTION_END, XS_TRANSACTION_START, XS_WATCH, XS_WATCH_EVENT, XS_WRITE } from '../../spec/xen/io/xs-wire.ts';
import { Store } from '../store.ts';
import { heard, TestStore } from '../test-store.ts';
import { latin1Bytes, nulTerminated } from '../wire/latin1.ts';
import { encodeMessage } from '../wire/message.ts';

function world(): TestStore {
  const made = new TestStore([5, 6]);
  const dom0 = made.store.connect();
  dom0.write('/local/domain/5', '');
  dom0.setPermissions('/local/domain/5', ['n5']);
  dom0.write('/local/domain/5/value', 'x');
  return made;
}

/** The same world, its store frozen and thawed. */
function thawed(made: TestStore): Store {
  const frozen = made.store.freeze();
  const store = Store.thaw(frozen, { domains: made.domains });
  assert.deepEqual(store.freeze(), frozen);
  assert.deepEqual(store.introduced(), [
    { domid: 5, gfn: 0xfeffc, port: 1, attached: false },
    { domid: 6, gfn: 0xfeffc, port: 1, attached: false },
  ]);
  for (const { domid } of store.introduced()) store.attach(domid, made.player(domid).page);
  return store;
}

test('in the middle of a request: its first bytes are remembered', () => {
  const made = world();
  const player = made.player(5);
  const request = encodeMessage({ type: XS_READ, requestId: 9, transactionId: 0, payload: nulTerminated('value') });
  for (let cut = 0; cut <= request.length; cut++) {
    player.put(request.subarray(0, cut));
    made.event(5);
    const store = thawed(made);
    player.put(request.subarray(cut));
    store.onEvent(5);
    assert.deepEqual(
      player.take(() => {}).map(({ requestId }) => requestId),
      [9],
      String(cut),
    );
    // bring the first store's half request to its end, too
    if (cut < request.length) {
      player.put(request.subarray(cut));
      made.event(5);
      player.take(() => {});
    }
  }
});

test('in the middle of an answer: the rest follows', () => {
  const made = world();
  made.store.connect().write('/local/domain/5/value', 'y'.repeat(3000));
  made.player(5).send(XS_READ, nulTerminated('value'), () => made.event(5));
  const store = thawed(made);
  const [answer] = made.player(5).take(() => store.onEvent(5));
  assert.equal(answer?.payload.length, 3000);
});

test('transactions go on, and still see conflicts', () => {
  const made = world();
  for (const disturb of [false, true]) {
    made.ask(5, XS_TRANSACTION_START, nulTerminated(''));
    const id = disturb ? 2 : 1;
    made.ask(5, XS_WRITE, latin1Bytes('value\0in transaction'), id);
    const store = thawed(made);
    if (disturb) store.connect().write('/local/domain/5/value', 'meanwhile');
    const event = (): void => void store.onEvent(5);
    made.player(5).send(XS_TRANSACTION_END, nulTerminated('T'), event, id);
    const [answer] = made.player(5).take(event).map(heard);
    assert.deepEqual(answer?.strings, [disturb ? 'EAGAIN' : 'OK']);
    assert.equal(store.connect().read('/local/domain/5/value'), disturb ? 'meanwhile' : 'in transaction');
  }
});

test('watches of rings and of named clients go on; a client does not get its first call again', () => {
  const made = world();
  made.ask(5, XS_WATCH, nulTerminated('value', 't'));
  const seen: string[] = [];
  made.store.connect(0, 'backend').watch('/local/domain/5', (path) => seen.push(path));
  made.settle();
  made.store.connect().write('/local/domain/5/value', 'not yet told');
  seen.length = 0;
  const store = thawed(made);
  store.run();
  assert.deepEqual(
    made
      .player(5)
      .take(() => store.onEvent(5))
      .map(heard)
      .map(({ type, strings }) => [type, ...strings]),
    [[XS_WATCH_EVENT, 'value', 't']],
  );
  store.connect(0, 'backend').watch('/local/domain/5', (path) => seen.push(path));
  store.run();
  assert.deepEqual(seen, ['/local/domain/5/value']);
  store.connect().write('/local/domain/5/new', '');
  store.run();
  assert.deepEqual(seen, ['/local/domain/5/value', '/local/domain/5/new']);
});

test('damaged bytes are an operator error, never anything else', () => {
  const made = world();
  made.ask(5, XS_WATCH, nulTerminated('value', 't'));
  made.ask(5, XS_TRANSACTION_START, nulTerminated(''));
  made.ask(5, XS_WRITE, latin1Bytes('value\0in transaction'), 1);
  made.player(5).put(Uint8Array.of(1, 2, 3));
  made.event(5);
  const frozen = made.store.freeze();
  const options = { domains: made.domains };
  const attempt = (bytes: Uint8Array): void => {
    try {
      Store.thaw(bytes, options).freeze();
    } catch (error) {
      assert.ok(error instanceof OperatorError, String(error));
    }
  };
  for (let length = 0; length < frozen.length; length++) assert.throws(() => Store.thaw(frozen.slice(0, length), options), OperatorError);
  assert.throws(() => Store.thaw(Uint8Array.of(...frozen, 0), options), OperatorError);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(frozen.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }), (changes) => {
      const bytes = frozen.slice();
      for (const [at, value] of changes) bytes[at] = value;
      attempt(bytes);
    }),
    { numRuns: 500 },
  );
});
