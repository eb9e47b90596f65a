import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonClient } from '../daemon/connect.ts';
import { attachConsole } from './attach-console.ts';
import type { XlHost } from './xl-host.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A console between a terminal that takes what it is told to, and a daemon that notes what it is asked. */
function played() {
  const listeners = new Map<string, (params: unknown) => void>();
  const notes: string[] = [];
  const takes: (() => void)[] = [];
  let type: (bytes: Uint8Array) => void = () => {};
  let screen = '';
  const daemon = {
    on: (method: string, listener: (params: unknown) => void) => void listeners.set(method, listener),
    call: async (method: string, params: { base64?: string }) => void notes.push(params.base64 === undefined ? method : `${method} ${atob(params.base64)}`),
    gone: () => new Promise(() => {}),
    pause: () => void notes.push('pause'),
    resume: () => void notes.push('resume'),
  } as unknown as DaemonClient;
  const host = {
    terminal: {
      write: (bytes: Uint8Array) => {
        screen += new TextDecoder().decode(bytes);
        return new Promise<void>((resolve) => takes.push(resolve));
      },
      onInput: (listener: (bytes: Uint8Array) => void) => {
        type = listener;
        return () => void notes.push('deaf');
      },
      size: () => ({ columns: 80, rows: 24 }),
      setRaw: (raw: boolean) => void notes.push(raw ? 'raw' : 'cooked'),
    },
    onInterrupt: () => () => {},
  } as unknown as XlHost;
  return {
    host,
    daemon,
    notes,
    screen: () => screen,
    say: (text: string) => listeners.get('console')?.({ domid: 3, number: 0, base64: btoa(text) }),
    end: (domid: number) => listeners.get('consoleEnd')?.({ domid }),
    type: (text: string) => type(new TextEncoder().encode(text)),
    take: async () => {
      takes.shift()?.();
      await settle();
    },
  };
}

test('keys go to the guest, Ctrl-] leaves, and the terminal is as it was', async () => {
  const { host, daemon, notes, type } = played();
  const ended = attachConsole(host, daemon, 3);
  await settle();
  type('ls\r');
  type('more\x1dnot sent');
  await ended;
  assert.deepEqual(notes, ['consoleOpen', 'raw', 'consoleInput ls\r', 'consoleInput more', 'deaf', 'cooked']);
});

test('a terminal that takes no more stops the output, not the keys', async () => {
  const { host, daemon, notes, screen, say, type, take, end } = played();
  const ended = attachConsole(host, daemon, 3);
  await settle();
  notes.length = 0;
  say('one');
  say('two');
  await settle();
  type('x');
  assert.deepEqual(notes, ['pause', 'consoleInput x']);
  await take();
  assert.equal(notes.at(-1), 'consoleInput x', 'one is not taken yet');
  await take();
  assert.equal(notes.at(-1), 'resume');
  assert.equal(screen(), 'onetwo');
  end(4);
  end(3);
  // (the end of the line that was begun)
  await settle();
  await take();
  await ended;
  assert.equal(screen(), 'onetwo\r\n');
});
