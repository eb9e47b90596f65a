import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LogFile } from './log-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'zendo-log-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('it never has more than twice its limit, and the last lines are there', () => {
  const path = join(folder, 'a.log');
  const log = new LogFile(path, openSync(path, 'a'), 1000);
  for (let i = 0; i < 500; i++) log.write(`line ${i}`);
  const [now, old] = [readFileSync(path, 'utf8'), readFileSync(`${path}.old`, 'utf8')];
  assert.ok(now.length <= 1000 && old.length <= 1000);
  assert.match(now, /line 499\n$/);
  assert.equal(Number(/^line (\d+)/.exec(now)?.[1]), Number(/line (\d+)\n$/.exec(old)?.[1]) + 1);
});

test('what is no file at that path is written to and left alone', () => {
  const path = join(folder, 'b.log');
  const other = openSync(join(folder, 'other'), 'a');
  const log = new LogFile(path, other, 10);
  for (let i = 0; i < 5; i++) log.write('a line');
  closeSync(other);
  assert.equal(readFileSync(join(folder, 'other'), 'utf8'), 'a line\n'.repeat(5));
  assert.ok(!existsSync(path));
});

test('a full disk loses lines, and says so when it has room again', () => {
  const full = openSync('/dev/full', 'a');
  const log = new LogFile(join(folder, 'c.log'), full, 1000);
  for (let i = 0; i < 3; i++) log.write('lost');
  const path = join(folder, 'room');
  Object.assign(log, { file: openSync(path, 'a') });
  log.write('back');
  assert.equal(readFileSync(path, 'utf8'), '(3 lines could not be written)\nback\n');
});

const root = join(import.meta.dirname, '../../..');
/** Run a program of ours with its output to /dev/full, or to a pipe that nobody reads. */
const shell = (line: string) => spawnSync('bash', ['-c', `set -o pipefail; ${line.replaceAll('NODE', process.execPath)}`], { cwd: root, encoding: 'utf8' });

test('programs whose output cannot be written say so in a line', () => {
  for (const program of ['xl', 'zendo']) {
    const full = shell(`NODE src/apps/${program}/main.ts help > /dev/full`);
    assert.equal(full.status, 1);
    assert.match(full.stderr, /^\w+: the output cannot be written: no space left on device\n$/);
    const gone = shell(`NODE src/apps/${program}/main.ts help | true`);
    assert.equal(gone.stderr, '');
  }
});
