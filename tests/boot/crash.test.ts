import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../src/base/testing/temporary-folder.ts';
import { CRASH_MARK, type CrashWay, crashGuest } from '../../src/toolstack/guests/crash.ts';
import { debianImages } from './debian-images.ts';
import { runZendo } from './run-zendo.ts';

const folder = temporaryFolder('crash');

const WAYS: readonly { readonly name: string; readonly way: CrashWay; readonly reason: RegExp }[] = [
  { name: 'an invalid instruction without an IDT', way: 'ud2', reason: /^reason: triple fault/m },
  { name: 'a page fault without an IDT', way: 'page fault', reason: /^reason: triple fault/m },
  { name: 'the shutdown hypercall', way: 'hypercall', reason: /^reason: it stopped itself, saying crash$/m },
];

for (const { name, way, reason } of WAYS) {
  test(`a guest that crashes by ${name}: status 2, reason, registers and backtrace`, async () => {
    const kernel = join(folder, name.replaceAll(' ', '-'));
    await writeFile(kernel, crashGuest(way));
    const run = await runZendo(['boot', '--kernel', kernel, '--memory', '16', '--timeout', '60', '--json']);
    assert.equal(run.status, 2, run.stderr);
    assert.match(run.stderr, /^zendo: the guest crashed$/m);
    assert.match(run.stderr, reason);
    assert.match(run.stderr, new RegExp(`rbx: ${CRASH_MARK.toString(16)}`));
    const rip = /rip: 0008:([0-9a-f]{16})/.exec(run.stderr)?.[1];
    const trace = [...run.stderr.matchAll(/^ {2}0x([0-9a-f]{16})$/gm)].map((match) => match[1]);
    assert.equal(trace.length, 4, 'RIP and three callers, by their frame pointers');
    assert.equal(trace[0], rip);
    assert.equal(run.json?.['end'], 'crash');
  });
}

test("a panic of Debian's kernel: status 2, with the names of its functions", async (t) => {
  const images = await debianImages('linux-image-cloud-amd64', { script: '#!/bin/sh\nmount -t proc proc /proc\necho c >/proc/sysrq-trigger\n' });
  if ('missing' in images) {
    t.skip(images.missing);
    return;
  }
  const run = await runZendo(['boot', '--kernel', images.kernel, '--initrd', images.initrd, '--append', 'console=hvc0', '--seed', '1', '--timeout', '300']);
  assert.equal(run.status, 2, `${run.stderr}\n${run.stdout.slice(-3000)}`);
  assert.match(run.stdout, /sysrq triggered crash/);
  assert.match(run.stderr, /^reason: it stopped itself, saying crash$/m);
  for (const name of ['panic', 'sysrq_handle_crash', 'write_sysrq_trigger', 'vfs_write']) assert.match(run.stderr, new RegExp(`^ {2}.* ${name}\\+0x`, 'm'));
});
