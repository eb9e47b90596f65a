import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { debianImages } from './debian-images.ts';
import { runZendo, type ZendoRun } from './run-zendo.ts';

/** A run of user space that is short but takes every road: processes, files, pipes, floating point, signals. */
const SCRIPT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /tmp
/bin/busybox mount -t proc proc /proc
for i in 1 2 3; do /bin/busybox seq 1 200 | /bin/busybox sort -r | /bin/busybox md5sum; done
/bin/busybox awk 'BEGIN { x = 0; for (i = 1; i < 300; i++) x += 1 / i; printf "%.12f\\n", x }'
/bin/busybox cat /proc/interrupts
/bin/busybox sleep 1
/bin/busybox poweroff -f
`;

const three = (run: ZendoRun): object => ({ console: run.stdout, instructions: run.json?.['instructions'], memory: run.json?.['memory'] });

test('the same seed gives the same instructions, console and memory', async (t) => {
  const images = await debianImages('linux-image-cloud-amd64', { script: SCRIPT });
  if ('missing' in images) {
    t.skip(images.missing);
    return;
  }
  const common = ['--timeout', '600', '--json'];
  const args = ['boot', '--kernel', images.kernel, '--initrd', images.initrd, '--append', 'console=hvc0', '--seed', '7', '--memory', '128', ...common];
  const first = await runZendo([...args, '--hash']);
  assert.equal(first.status, 0, first.stderr);

  await t.test('beside a process that takes all the time it can', async () => {
    const hogs = [0, 1].map(() => new Worker('for (;;);', { eval: true }));
    try {
      assert.deepEqual(three(await runZendo([...args, '--hash'])), three(first));
    } finally {
      await Promise.all(hogs.map((hog) => hog.terminate()));
    }
  });

  await t.test('with other translations: blocks of one instruction up to blocks of a random limit', async () => {
    const limit = randomInt(2, 64);
    t.diagnostic(`block limit ${limit}`);
    assert.deepEqual(three(await runZendo([...args, '--hash', '--block-limit', String(limit)])), three(first));
  });

  await t.test('saved midway and continued in another process', async () => {
    const at = (randomInt(50, 400) / 1000).toFixed(3);
    t.diagnostic(`snapshot at ${at} s`);
    const file = join(await mkdtemp(join(tmpdir(), 'zendo-snapshot-')), 'machine.zendo');
    const before = await runZendo([...args, '--snapshot', file, '--snapshot-at', at]);
    assert.equal(before.status, 0, before.stderr);
    const after = await runZendo(['resume', file, ...common, '--hash']);
    assert.equal(after.status, 0, after.stderr);
    assert.deepEqual({ ...three(after), console: before.stdout + after.stdout }, three(first));
  });
});
