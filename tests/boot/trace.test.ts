import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../src/base/testing/temporary-folder.ts';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { runZendo } from './run-zendo.ts';

const kernel = join(temporaryFolder('trace'), 'hello');
await writeFile(kernel, helloGuest());
const args = ['boot', '--kernel', kernel, '--memory', '16', '--timeout', '60', '--seed', '1', '--hash', '--json'];

test('all traces together are in order, and tracing does not change the run', async () => {
  const plain = await runZendo(args);
  const traced = await runZendo([...args, '--trace', 'hypercalls,exits,exec']);
  assert.equal(traced.status, 0, traced.stderr);
  assert.equal(traced.stdout, plain.stdout);
  for (const field of ['memory', 'instructions', 'exits', 'hypercalls']) assert.deepEqual(traced.json?.[field], plain.json?.[field], field);
  const lines = traced.stderr.split('\n').filter((line) => line.startsWith('d1v0 '));
  const instructions = lines.filter((line) => /^d1v0 exec [0-9a-f]{16}: \S/.test(line));
  assert.equal(instructions.length, plain.json?.['instructions'], 'one line for each instruction');
  assert.match(instructions[0] ?? '', /^d1v0 exec 0000000000100000: lgdt \[0x[0-9a-f]+\]$|^d1v0 exec 0000000000100000: lgdt/);
  const call = lines.findIndex((line) => line.startsWith('d1v0 console_io('));
  assert.match(lines[call - 1] ?? '', /exit hypercall/);
  assert.match(lines[call - 2] ?? '', /: vmmcall$/);
});
