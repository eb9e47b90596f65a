import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../src/base/testing/temporary-folder.ts';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { runZendo } from './run-zendo.ts';

const folder = temporaryFolder('own');
const put = async (name: string, bytes: Uint8Array): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
};

test('hello reaches stdout by port 0xE9, console_io and the console ring', async () => {
  const run = await runZendo(['boot', '--kernel', await put('hello', helloGuest()), '--memory', '16', '--timeout', '60']);
  assert.equal(run.status, 0, run.stderr);
  for (const way of ['on port 0xE9', 'by hypercall', 'on the PV console']) assert.match(run.stdout, new RegExp(`Hello from a guest of Zendo ${way}`));
});

test('bytes typed reach the guest, and Ctrl-D ends the echo guest', async () => {
  const kernel = await put('echo', helloGuest({ echo: true }));
  const run = await runZendo(
    ['boot', '--kernel', kernel, '--memory', '16', '--timeout', '60'],
    [
      { after: /Ctrl-D ends it/, bytes: 'four words typed here\r' },
      { after: /four words typed here/, bytes: '\u0004' },
    ],
  );
  assert.equal(run.status, 0, run.stderr);
});

test('operator errors name what was found and exit with 1', async () => {
  const cases: [string[], RegExp][] = [
    [['boot', '--kernel', join(folder, 'none')], /does not exist/],
    [['boot', '--kernel', await put('empty', new Uint8Array())], /is empty/],
    [['boot', '--kernel', await put('text', new TextEncoder().encode('just some text\n'))], /text/i],
    [['boot', '--kernel', await put('cut', helloGuest().subarray(0, 200))], /cut off|truncated|end/i],
    [['boot'], /--kernel/],
    [['boot', '--kernel', await put('hello', helloGuest()), '--memory', 'lots'], /whole number/],
    [['boot', '--kernel', await put('hello', helloGuest()), '--memory', '4080'], /cannot have 4080 MiB/],
    [['resume', await put('no-snapshot', new Uint8Array(100))], /snapshot/],
    [['resume', join(folder, 'none')], /not found/],
  ];
  for (const [args, expected] of cases) {
    const run = await runZendo(args);
    assert.equal(run.status, 1, `${args.join(' ')}: ${run.stderr}`);
    assert.match(run.stderr, expected);
    assert.doesNotMatch(run.stderr, /at .*\.ts:\d+/);
  }
});

test('a guest that does not end is left after the timeout, status 124', async () => {
  const kernel = await put('echo', helloGuest({ echo: true }));
  const run = await runZendo(['boot', '--kernel', kernel, '--memory', '16', '--timeout', '2']);
  assert.equal(run.status, 124, run.stderr);
});
