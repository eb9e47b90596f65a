import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { nodeFileStore } from '../../host/node/file-store.ts';
import { CONSOLE_FILE_LIMIT, ConsoleFiles } from './console-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'zendo-console-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const text = (name: string): string => readFileSync(join(folder, name), 'utf8');
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);

test('what consoles say is in files by the names of their domains, and later runs go on there', async () => {
  for (const run of [1, 2]) {
    const files = new ConsoleFiles(nodeFileStore, folder, (line) => assert.fail(line));
    files.output(5, 0, bytes(`first ${run}\n`), () => 'web');
    files.output(5, 1, bytes('second\n'), () => 'web');
    files.output(6, 0, bytes('other\n'), () => '../b/.. x');
    files.output(5, 0, bytes('more\n'), () => assert.fail('asked once'));
    for (const domid of [5, 6]) files.end(domid);
    await files.closed();
  }
  assert.equal(text('guest-web.log'), 'first 1\nmore\nfirst 2\nmore\n');
  assert.equal(text('guest-web.console1.log'), 'second\nsecond\n');
  assert.equal(text('guest-.._b_.._x.log'), 'other\nother\n');
  assert.equal(statSync(join(folder, 'guest-web.log')).mode & 0o777, 0o600);
});

test('a log that grows too long is set aside, in place of the one before', async () => {
  const files = new ConsoleFiles(nodeFileStore, folder, (line) => assert.fail(line));
  const line = 'x'.repeat(99_999);
  const lastLine = (name: string): string | undefined => {
    try {
      return text(name).at(-line.length - 1);
    } catch {
      return undefined;
    }
  };
  for (let n = 0; n < 25; n++) {
    const letter = String.fromCharCode(97 + n);
    files.output(1, 0, bytes(`${letter}${line}`), () => 'loud');
    // no faster than the disk (while the log is set aside there is none)
    while (lastLine('guest-loud.log') !== letter) await setTimeout(1);
  }
  files.end(1);
  await files.closed();
  const [now, before] = [text('guest-loud.log'), text('guest-loud.log.1')];
  assert.ok(now.length <= CONSOLE_FILE_LIMIT && before.length <= CONSOLE_FILE_LIMIT, `${now.length} ${before.length}`);
  assert.ok(now.startsWith('u') && now.at(400_000) === 'y', 'the last lines are there');
  assert.ok(before.startsWith('k'));
});

test('a guest faster than the disk loses output, and its log says so; a disk that fails is told of once', async () => {
  const files = new ConsoleFiles(nodeFileStore, folder, (line) => assert.fail(line));
  for (let n = 0; n < 30; n++) files.output(1, 0, bytes('y'.repeat(100_000)), () => 'fast');
  files.end(1);
  await files.closed();
  assert.match(text('guest-fast.log').slice(-100), /\[\d+ bytes were lost: the disk was too slow\]/);
  const said: string[] = [];
  const failing = new ConsoleFiles(nodeFileStore, join(folder, 'guest-web.log'), (line) => said.push(line));
  for (let n = 0; n < 3; n++) failing.output(1, 0, bytes('z'), () => 'lost');
  failing.end(1);
  await failing.closed();
  failing.output(1, 0, bytes('z'), () => 'lost');
  assert.equal(said.length, 1);
  assert.ok(!existsSync(join(folder, 'guest-lost.log')));
});
