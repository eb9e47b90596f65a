import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiHost } from './api-host.ts';
import { DomainConsole } from './domain-console.ts';
import { DomainEndedError, TimeoutError } from './errors.ts';

/** A console without a guest, and the time-outs that wait; `later(i)` lets one pass. */
function played(): { console: DomainConsole; say: (text: string) => void; late: () => void; typed: string[] } {
  const timers: (() => void)[] = [];
  const typed: string[] = [];
  const host = {
    after: (_milliseconds: number, callback: () => void) => {
      timers.push(callback);
      return () => void timers.splice(timers.indexOf(callback), 1);
    },
  } as unknown as ApiHost;
  const console = new DomainConsole('guest', host, async (bytes) => void typed.push(new TextDecoder().decode(bytes)));
  return { console, say: (text) => console.output(new TextEncoder().encode(text)), late: () => timers.shift()?.(), typed };
}

test('waits take the output in turn, each behind the one before', async () => {
  const { console, say } = played();
  const both = Promise.all([console.waitFor('a'), console.waitFor(/a|b/)]);
  say('xa');
  say('yb');
  assert.deepEqual(
    (await both).map((match) => match[0]),
    ['a', 'b'],
  );
  say('late a');
  assert.equal((await console.waitFor(/(late) a/g))[1], 'late');
  assert.equal(console.text, 'xaybl' + 'ate a');
});

test('a prompt without an end of line is found by waitFor, not by waitForLine', async () => {
  const { console, say } = played();
  say('login: ');
  assert.equal((await console.waitFor('login:')).index, 0);
  let line: string | undefined;
  const waiting = console.waitForLine(/root/).then((match) => {
    line = match.input;
  });
  say('root');
  await Promise.resolve();
  assert.equal(line, undefined);
  say('\r\nnext\r\n');
  await waiting;
  assert.equal(line, ' root');
  assert.deepEqual(console.lines, ['login: root', 'next']);
});

test('characters in two pieces come together', async () => {
  const { console } = played();
  const bytes = new TextEncoder().encode('grüß\n');
  for (const byte of bytes) console.output(Uint8Array.of(byte));
  assert.equal((await console.waitForLine('grüß')).input, 'grüß');
});

test('a wait that is too long says what was there; the next one goes on', async () => {
  const { console, say, late } = played();
  say('Kernel panic\n');
  const waiting = console.waitFor('login:', { timeout: 5 });
  const behind = console.waitFor('panic');
  late();
  await assert.rejects(waiting, (error) => error instanceof TimeoutError && /login:.*5 ms.*Kernel panic/s.test(error.message));
  assert.equal((await behind)[0], 'panic');
});

test('a wait is given up by its signal', async () => {
  const { console } = played();
  const controller = new AbortController();
  const waiting = console.waitFor('never', { signal: controller.signal, timeout: 0 });
  controller.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  await assert.rejects(console.waitFor('never', { signal: controller.signal }), /enough/);
  assert.throws(() => console.waitFor('never', { timeout: -1 }), RangeError);
});

test('the end of the domain ends the waits, and what was printed before is still found', async () => {
  const { console, say } = played();
  say('last words\n');
  const waiting = console.waitFor('more');
  console.end({ reason: 'crash', code: 3, crash: { reason: 'triple fault', vcpus: [], report: 'reason: triple fault' } });
  await assert.rejects(
    waiting,
    (error) => error instanceof DomainEndedError && error.end.reason === 'crash' && /triple fault.*last words/s.test(error.message),
  );
  assert.equal((await console.waitFor('last words'))[0], 'last words');
  await assert.rejects(console.waitFor('last words'), DomainEndedError);
});

test('a guest that prints for ever does not fill the memory', () => {
  const { console, say } = played();
  const much = 'x'.repeat(1 << 16);
  for (let i = 0; i < 64; i++) say(much);
  assert.equal(console.text.length, 1 << 20);
});

test('listeners hear what comes; typing goes to the guest', async () => {
  const { console, say, typed } = played();
  const heard: string[] = [];
  const end = console.onOutput((text) => heard.push(text));
  say('one');
  await Promise.resolve();
  end();
  say('two');
  await console.write('ls\n');
  assert.deepEqual([heard, typed], [['one'], ['ls\n']]);
});
