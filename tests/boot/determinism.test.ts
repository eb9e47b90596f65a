import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { temporaryFolder } from '../../src/base/testing/temporary-folder.ts';
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

/** Whole numbers below `limit`, the same for the same seed. */
function generator(seed: number): (limit: number) => number {
  let state = BigInt(seed);
  return (limit) => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number((state >> 33n) % BigInt(limit));
  };
}

const three = (run: ZendoRun): object => ({ console: run.stdout, instructions: run.json?.['instructions'], memory: run.json?.['memory'] });

test('the same seed gives the same instructions, console and memory', async (t) => {
  const images = await debianImages('linux-image-cloud-amd64', { script: SCRIPT });
  if ('missing' in images) {
    t.skip(images.missing);
    return;
  }
  const seed = Number(process.env['ZENDO_SEED'] ?? randomInt(2 ** 31));
  t.diagnostic(`seed ${seed} (ZENDO_SEED)`);
  const random = generator(seed);
  // translations of earlier runs have a test of their own
  const common = ['--timeout', '600', '--json', '--translation-cache', 'off'];
  const args = ['boot', '--kernel', images.kernel, '--initrd', images.initrd, '--append', 'console=hvc0', '--seed', '7', '--memory', '128', ...common];
  const first = await runZendo([...args, '--hash']);
  assert.equal(first.status, 0, first.stderr);

  await t.test('beside processes that take all the time they can, with another threshold of promotion and two threads compiling', async (u) => {
    const threshold = 2 + random(20_000);
    u.diagnostic(`promoted after ${threshold} executions`);
    const hogs = [0, 1].map(() => new Worker('for (;;);', { eval: true }));
    try {
      assert.deepEqual(three(await runZendo([...args, '--hash', '--promote-after', String(threshold), '--compile-threads', '2'])), three(first));
    } finally {
      await Promise.all(hogs.map((hog) => hog.terminate()));
    }
  });

  await t.test('with everything as bytecode, and other blocks', async (u) => {
    const limit = 1 + random(63);
    u.diagnostic(`block limit ${limit}`);
    const run = await runZendo([...args, '--hash', '--promote-after', '0', '--block-limit', String(limit)]);
    assert.deepEqual(three(run), three(first));
    assert.ok(!Object.hasOwn(run.json?.['translations'] ?? {}, 'regions'), 'something was compiled');
  });

  await t.test('with everything compiled at its first execution', async () => {
    const run = await runZendo([...args, '--hash', '--promote-after', '1', '--code-memory', '1024']);
    assert.deepEqual(three(run), three(first));
    const { regions = 0, bytecode = 0 } = (run.json?.['instructionsBy'] ?? {}) as Readonly<Record<string, number>>;
    assert.ok(regions > 0 && bytecode * 20 < regions, `${bytecode} instructions ran as bytecode, ${regions} in regions`);
  });

  await t.test('saved midway and continued in another process', async (u) => {
    const at = ((50 + random(350)) / 1000).toFixed(3);
    u.diagnostic(`snapshot at ${at} s`);
    const file = join(temporaryFolder('snapshot'), 'machine.zendo');
    const before = await runZendo([...args, '--snapshot', file, '--snapshot-at', at]);
    assert.equal(before.status, 0, before.stderr);
    const after = await runZendo(['resume', file, ...common, '--hash']);
    assert.equal(after.status, 0, after.stderr);
    assert.deepEqual({ ...three(after), console: before.stdout + after.stdout }, three(first));
  });

  await t.test('with translations of earlier runs, and with a damaged file of them', async () => {
    const folder = temporaryFolder('translations');
    const cached = async (...more: string[]): Promise<Readonly<Record<string, number>>> => {
      const run = await runZendo([...args, '--hash', '--translation-cache', folder, ...more]);
      assert.deepEqual(three(run), three(first));
      return run.json?.['translations'] as Readonly<Record<string, number>>;
    };
    const cold = await cached();
    const warm = await cached();
    assert.ok((warm['translations'] as number) * 20 < (cold['translations'] as number));
    assert.ok((warm['usedRegions'] as number) * 2 > (cold['newRegions'] as number));
    const verified = await cached('--verify-translations');
    assert.ok((verified['usedRegions'] as number) * 2 > (cold['newRegions'] as number), 'what was kept does not stand the check');
    assert.ok((verified['usedBlocks'] as number) * 20 > (warm['usedBlocks'] as number) * 19);
    const [file] = await readdir(folder);
    const path = join(folder, file as string);
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 4, bytes.length >> 1);
    await writeFile(path, bytes);
    assert.equal((await cached())['usedRegions'], 0, 'the damaged file was used');
  });
});
