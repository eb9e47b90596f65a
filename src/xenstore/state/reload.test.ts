import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { XS_CONTROL, XS_READ, XS_TRANSACTION_END, XS_TRANSACTION_START, XS_WATCH, XS_WATCH_EVENT, XS_WRITE } from '../../spec/xen/io/xs-wire.ts';
import { heard, TestStore } from '../test-store.ts';
import { latin1Bytes, nulTerminated } from '../wire/latin1.ts';
import { encodeMessage, type Message, MessageReader } from '../wire/message.ts';

/** A tool on the socket: what it sent, and the messages that came. */
function tool(made: TestStore) {
  const reader = new MessageReader();
  const messages: Message[] = [];
  let closed = false;
  const end = made.store.open({
    send: (bytes) => {
      for (const byte of bytes) {
        reader.room()[0] = byte;
        const message = reader.advance(1);
        if (message !== undefined && message !== 'too long') messages.push(message);
      }
      return true;
    },
    close: () => {
      closed = true;
    },
  });
  const send = (type: number, payload: Uint8Array, transactionId = 0): void => void end.receive(encodeMessage({ type, requestId: 7, transactionId, payload }));
  return { end, send, take: () => messages.splice(0).map(heard), closed: () => closed };
}

test('xenstore-control live-update: sockets, rings and programs go on with watches, transactions and half messages', () => {
  const made = new TestStore([5]);
  const dom0 = made.store.connect(0, 'toolstack');
  const calls: string[] = [];
  dom0.write('/local/domain/5/value', 'x');
  dom0.setPermissions('/local/domain/5', ['n5']);
  dom0.watch('/local/domain/5', (path) => calls.push(path));
  made.settle();
  const { end, send, take, closed } = tool(made);
  send(XS_WATCH, nulTerminated('/local/domain/5', 'token'));
  send(XS_TRANSACTION_START, nulTerminated(''));
  const id = Number(take().at(-1)?.strings[0]);
  send(XS_WRITE, latin1Bytes('/local/domain/5/made\0in it'), id);
  const half = encodeMessage({ type: XS_READ, requestId: 9, transactionId: 0, payload: nulTerminated('/local/domain/5/value') });
  const ring = encodeMessage({ type: XS_READ, requestId: 3, transactionId: 0, payload: nulTerminated('/local/domain/5') });
  made.player(5).put(ring.subarray(0, 20));
  made.event(5);
  end.receive(half.subarray(0, 10));
  calls.splice(0);
  take();

  const other = tool(made);
  other.send(XS_CONTROL, nulTerminated('live-update', '-s', '-t', '30', '-F'));
  assert.deepEqual(other.take(), [{ type: XS_CONTROL, requestId: 7, strings: ['OK'] }]);

  end.receive(half.subarray(10));
  made.player(5).put(ring.subarray(20));
  made.event(5);
  assert.deepEqual(take(), [{ type: XS_READ, requestId: 9, strings: [] }]);
  assert.deepEqual(made.take(5), [{ type: XS_READ, requestId: 3, strings: [] }]);
  send(XS_TRANSACTION_END, nulTerminated('T'), id);
  made.settle();
  assert.deepEqual(calls, ['/local/domain/5/made']);
  const events = take();
  assert.deepEqual(events.find(({ type }) => type === XS_TRANSACTION_END)?.strings, ['OK']);
  assert.deepEqual(events.find(({ type }) => type === XS_WATCH_EVENT)?.strings, ['/local/domain/5/made', 'token']);
  assert.equal(dom0.read('/local/domain/5/made'), 'in it');
  assert.equal(closed(), false);
  end.close();
  assert.deepEqual(made.store.check(), []);
});

test('live-update takes the arguments of the genuine one', () => {
  const dom0 = new TestStore().store.connect();
  const asked = (...args: string[]): string => {
    try {
      return dom0.control('live-update', ...args);
    } catch (error) {
      return (error as { errno: string }).errno;
    }
  };
  for (const args of [['-f', '/usr/sbin/xenstored'], ['-c', '-v'], ['-s'], ['-a'], ['-s', '-F'], ['-s', '-t', '5']])
    assert.equal(asked(...args), 'OK', args.join(' '));
  for (const args of [[], ['-f'], ['-f', 'x', '-s'], ['-s', '-t'], ['-s', '-t', 'x'], ['-a', '-s'], ['now']])
    assert.equal(asked(...args), 'EINVAL', args.join(' '));
});

test('whenever it comes, a guest notices nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }), (pieces) => {
      const made = new TestStore([5]);
      const requests = [
        [XS_WATCH, nulTerminated('a', 't')],
        [XS_WRITE, latin1Bytes('a/b\0one')],
        [XS_READ, nulTerminated('a/b')],
      ] as const;
      made.store.connect().setPermissions('/', ['b5']);
      const stream = requests.flatMap(([type, payload], requestId) => [...encodeMessage({ type, requestId, transactionId: 0, payload })]);
      const answers: unknown[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = pieces[i % pieces.length] as number;
        made.player(5).put(Uint8Array.from(stream.slice(at, at + size)));
        made.store.reload();
        made.event(5);
        made.store.reload();
        answers.push(...made.take(5).map(({ type, requestId }) => [type, requestId]));
        at += size;
      }
      assert.deepEqual(answers, [
        [XS_WATCH, 0],
        [XS_WATCH_EVENT, 0],
        [XS_WATCH_EVENT, 0],
        [XS_WRITE, 1],
        [XS_READ, 2],
      ]);
    }),
    { numRuns: 50 },
  );
});
