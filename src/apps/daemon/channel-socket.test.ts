import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChannelSocket } from './channel-socket.ts';
import { streamPair } from './rpc/testing/stream-pair.ts';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (from: string): Uint8Array => new TextEncoder().encode(from);
const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 0));

/** A channel whose guest takes `most` bytes at once. */
function played(most = 100) {
  const typed: string[] = [];
  const socket = new ChannelSocket({
    type: async (given) => {
      typed.push(text(given.subarray(0, most)));
      return Math.min(most, given.length);
    },
    after: (_milliseconds, callback) => void setImmediate(callback),
  });
  const client = () => {
    const [near, far] = streamPair();
    const state = { heard: '', closed: false };
    near.onData((given) => {
      state.heard += text(given);
    });
    near.onClose(() => {
      state.closed = true;
    });
    socket.accept(far);
    return { near, far, state };
  };
  return { socket, typed, client };
}

test('one client at a time, the others wait; what is written while nobody is there is lost', async () => {
  const { socket, client } = played();
  socket.show(bytes('before'));
  const first = client();
  const [second, third] = [client(), client()];
  socket.show(bytes('one'));
  third.near.close();
  first.near.close();
  socket.show(bytes('two'));
  assert.deepEqual([first.state.heard, second.state.heard, third.state.heard], ['one', 'two', '']);
  second.near.close();
  socket.show(bytes('between'));
  const [fourth, fifth] = [client(), client()];
  socket.show(bytes('three'));
  assert.equal(fourth.state.heard, 'three');
  socket.end();
  assert.deepEqual([fourth.state.closed, fifth.state.closed], [true, true]);
});

test('a guest that takes little gets all of it, in order', async () => {
  const { typed, client } = played(2);
  const { near } = client();
  near.send(bytes('hello'));
  while (typed.join('') !== 'hello') await settle();
  assert.deepEqual(typed, ['he', 'll', 'o']);
});

test('a client that does not read is cut off', () => {
  const { socket, client } = played();
  const { far, state } = client();
  far.send = () => false;
  for (let i = 0; i < 5 && !state.closed; i++) socket.show(new Uint8Array(1 << 20));
  assert.equal(state.closed, true);
});
