import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
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

  await t.test('with translations of earlier runs, and with a damaged file of them', async (u) => {
    const folder = await mkdtemp(join(tmpdir(), 'zendo-translations-'));
    u.after(() => rm(folder, { recursive: true, force: true }));
    const cached = async (): Promise<Readonly<Record<string, number>>> => {
      const run = await runZendo([...args, '--hash', '--translation-cache', folder]);
      assert.deepEqual(three(run), three(first));
      return run.json?.['translations'] as Readonly<Record<string, number>>;
    };
    const cold = await cached();
    const warm = await cached();
    u.diagnostic(`blocks translated: ${cold['translations']}, then ${warm['translations']}; regions taken from the file: ${warm['usedRegions']}`);
    assert.ok((warm['translations'] as number) * 20 < (cold['translations'] as number));
    assert.ok((warm['usedRegions'] as number) * 2 > (cold['newRegions'] as number));
    const [file] = await readdir(folder);
    const path = join(folder, file as string);
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 4, bytes.length >> 1);
    await writeFile(path, bytes);
    assert.equal((await cached())['usedRegions'], 0, 'the damaged file was used');
  });
});
