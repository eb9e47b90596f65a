import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConsoleOutput } from './api.ts';
import { rpcViewer } from './console-viewers.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A client that reads when it is told to. */
function client() {
  const heard: string[] = [];
  const readers: (() => void)[] = [];
  const state = { backlog: 0 };
  const connection = {
    get backlog() {
      return state.backlog;
    },
    whenRead: (action: () => void) => void readers.push(action),
    notify: (_method: string, params: unknown) => void heard.push(atob((params as ConsoleOutput).base64 ?? '')),
    onEnd: () => () => {},
  };
  const read = (): void => {
    state.backlog = 0;
    for (const action of readers.splice(0)) action();
  };
  return { heard, state, read, viewer: rpcViewer(connection, 5, 0) };
}

test('a viewer that keeps up sees all, in pieces that fit into messages', () => {
  const { heard, viewer } = client();
  viewer.show(bytes('a'));
  viewer.show(bytes('b'.repeat(1 << 20)));
  assert.equal(heard.join('').length, 1 + (1 << 20));
  assert.ok(heard.every((each) => each.length <= 1 << 18));
});

test('one that does not is told how much it missed, and sees how it ended', () => {
  const { heard, state, read, viewer } = client();
  viewer.show(bytes('before'));
  state.backlog = 3 << 20;
  for (let n = 0; n < 100; n++) viewer.show(bytes('x'.repeat(1000)));
  viewer.show(bytes('~ # '));
  assert.deepEqual(heard, ['before']);
  read();
  assert.equal(heard.length, 3);
  assert.match(heard[1] ?? '', /^\r\n\[95908 bytes were lost: /);
  assert.equal(heard[2]?.length, 4096);
  assert.ok(heard[2]?.endsWith('xx~ # '));
  viewer.show(bytes('after'));
  assert.equal(heard.at(-1), 'after');
  // little enough is only late
  state.backlog = 3 << 20;
  viewer.show(bytes('late'));
  read();
  assert.deepEqual(heard.slice(-2), ['after', 'late']);
});
