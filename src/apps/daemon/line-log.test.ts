import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineLog } from './line-log.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

function made(): { log: LineLog; lines: string[]; pass: (milliseconds: number) => void } {
  const lines: string[] = [];
  let now = 0;
  return {
    log: new LineLog(
      (line) => lines.push(line),
      () => now,
    ),
    lines,
    pass: (milliseconds) => {
      now += milliseconds;
    },
  };
}

test('bytes of several domains become lines of each', () => {
  const { log, lines } = made();
  for (const [domid, text] of [
    [1, 'on'],
    [2, 'two\r\nth'],
    [1, 'e\n'],
    [2, 'ree'],
  ] as const)
    log.write(domid, bytes(text));
  log.end(2);
  assert.deepEqual(lines, ['(d2) two', '(d1) one', '(d2) three']);
});

test('no control byte of a guest reaches the log', () => {
  const { log, lines } = made();
  const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');
  log.write(1, bytes(`${all}\x1b]0;title\x07\x1b[2J\x9b31m\rd2) forged\n`));
  assert.ok(lines.every((line) => /^\(d1\) [\x20-\x7e\t]*$/.test(line)));
  assert.match(lines.join('\n'), /\\x1b\]0;title\\x07/);
});

test('a line without an end is cut into pieces', () => {
  const { log, lines } = made();
  for (let i = 0; i < 100; i++) log.write(1, bytes('x'.repeat(100)));
  assert.ok(lines.length >= 8 && lines.every((line) => line.length <= 1030));
});

test('a guest that writes without end leaves room for others, and is told of when it stops', () => {
  const { log, lines, pass } = made();
  for (let i = 0; i < 10_000; i++) log.write(1, bytes(`${'x'.repeat(99)}\n`));
  assert.ok(lines.join('\n').length <= 1 << 18);
  log.write(2, bytes('still here\n'));
  assert.equal(lines.at(-1), '(d2) still here');
  const before = lines.length;
  pass(1000);
  log.write(1, bytes('again\n'));
  assert.match(lines[before] ?? '', /^\(d1\) [0-9]+ lines were left out/);
  assert.equal(lines.at(-1), '(d1) again');
});
