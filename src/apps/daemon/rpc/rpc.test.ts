import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ByteStream } from '../../../base/ports/local-socket.ts';
import { encodeMessage, LONGEST_MESSAGE, MessageReader } from './json-lines.ts';
import { ConnectionLostError, RpcClient } from './rpc-client.ts';
import { CANCELLED, INTERNAL_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, RpcError } from './rpc-error.ts';
import { type Handler, internalError, RpcConnection } from './rpc-server.ts';
import { streamPair } from './testing/stream-pair.ts';

type TestApi = {
  add: { params: { a: number; b: number }; result: number };
  never: { params: object; result: null };
  fail: { params: object; result: null };
  missing: { params: object; result: null };
};

function connected(handlers: Record<string, Handler>): { client: RpcClient<TestApi>; server: RpcConnection; raw: ByteStream } {
  const [near, far] = streamPair();
  const server = new RpcConnection(far, new Map(Object.entries(handlers)), internalError);
  return { client: new RpcClient<TestApi>(near), server, raw: near };
}

const code = (expected: number) => (error: unknown) => error instanceof RpcError && error.code === expected;

test('requests are answered, each by its id, whatever their order', async () => {
  const later: (() => void)[] = [];
  const { client } = connected({
    add: (params) => {
      const { a, b } = params as { a: number; b: number };
      return new Promise((resolve) => later.unshift(() => resolve(a + b)));
    },
  });
  const answers = [client.call('add', { a: 1, b: 2 }), client.call('add', { a: 3, b: 4 })];
  for (const answer of later) answer();
  assert.deepEqual(await Promise.all(answers), [3, 7]);
});

test('unknown methods and errors of handlers reach the client, with what belongs to them', async () => {
  const { client } = connected({
    fail: () => {
      throw new RpcError(17, 'no', { rc: -6 });
    },
    never: () => {
      throw new TypeError('our bug');
    },
  });
  await assert.rejects(client.call('missing', {}), code(METHOD_NOT_FOUND));
  await assert.rejects(client.call('fail', {}), (error) => error instanceof RpcError && error.code === 17 && (error.data as { rc: number }).rc === -6);
  await assert.rejects(client.call('never', {}), code(INTERNAL_ERROR));
});

const untilAborted: Handler = (_params, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));

test('a request is cancelled by the client, and when the client goes', async () => {
  const { client, server } = connected({ never: untilAborted });
  const abort = new AbortController();
  const cancelled = client.call('never', {}, { signal: abort.signal });
  abort.abort();
  await assert.rejects(cancelled, code(CANCELLED));
  let ended = false;
  server.onEnd(() => {
    ended = true;
  });
  const lost = client.call('never', {});
  client.close();
  await assert.rejects(lost, ConnectionLostError);
  assert.ok(ended);
  await assert.rejects(client.call('never', {}), ConnectionLostError);
});

test('one client cannot have any number of requests open', async () => {
  const { client } = connected({ never: untilAborted });
  const all = Array.from({ length: 300 }, () => client.call('never', {}));
  const refused = await Promise.race(all.map((each) => each.catch((error: unknown) => error)));
  assert.ok(code(INVALID_REQUEST)(refused));
  const settled = Promise.allSettled(all);
  client.close();
  await settled;
});

test('a client that does not read its answers is not listened to until it does', async () => {
  const [near, far] = streamPair();
  let [listening, reads] = [true, false];
  let drained = (): void => {};
  const server = new RpcConnection(
    {
      ...far,
      send: () => reads,
      onDrain: (listener) => {
        drained = listener;
      },
      pause: () => {
        listening = false;
      },
      resume: () => {
        listening = true;
      },
    },
    new Map(),
    internalError,
  );
  near.send(encodeMessage({ jsonrpc: '2.0', id: 1, method: 'x' }));
  await Promise.resolve();
  assert.equal(listening, false);
  drained();
  assert.equal(listening, true);
  reads = true;
  near.send(encodeMessage({ jsonrpc: '2.0', id: 2, method: 'x' }));
  await Promise.resolve();
  assert.equal(listening, true);
  // what was sent to it may wait for ever, and is the last it hears
  server.close();
  drained();
  assert.equal(listening, false);
});

test('messages come together from any pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 5 }), fc.array(fc.nat(40)), (messages, cuts) => {
      const bytes = messages.flatMap((message) => [...encodeMessage(message)]);
      const reader = new MessageReader();
      const seen: unknown[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const piece = (cuts[i % (cuts.length || 1)] ?? 0) + 1;
        seen.push(...reader.push(Uint8Array.from(bytes.slice(at, at + piece))));
        at += piece;
      }
      assert.equal(JSON.stringify(seen), JSON.stringify(messages));
    }),
  );
});

test('a message without an end is not collected for ever', () => {
  const reader = new MessageReader();
  assert.throws(() => {
    for (let i = 0; i <= LONGEST_MESSAGE; i += 65536) reader.push(new Uint8Array(65536).fill(0x20));
  }, /longer than/);
});

test('whatever a client sends is answered or ends its connection; the server does not fail', async () => {
  const line = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .record({ id: fc.oneof(fc.nat(), fc.string(), fc.constant(null)), method: fc.constantFrom('add', '$/cancel', 'x', 3), params: fc.jsonValue() })
      .map((r) => JSON.stringify(r)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), fc.boolean(), async (lines, damaged) => {
      const { raw, client } = connected({ add: (params) => (params as { a: number }).a });
      for (const text of lines) raw.send(new TextEncoder().encode(`${text}\n`));
      if (damaged) raw.send(Uint8Array.of(0xff, 0xfe, 10));
      await Promise.resolve();
      client.close();
    }),
    { numRuns: 1000 },
  );
});

test('a method tells how far it is, and only whoever asked hears it', async () => {
  const heard: string[][] = [[], []];
  const { client } = connected({
    add: (params, { progress }) => {
      const { a } = params as { a: number };
      for (let done = 1; done <= a; done++) progress({ done });
      return a;
    },
  });
  const calls = heard.map((list, i) => client.call('add', { a: i + 1, b: 0 }, { progress: (report) => list.push(JSON.stringify(report)) }));
  assert.deepEqual(await Promise.all(calls), [1, 2]);
  assert.deepEqual(heard, [['{"done":1,"id":1}'], ['{"done":1,"id":2}', '{"done":2,"id":2}']]);
});
