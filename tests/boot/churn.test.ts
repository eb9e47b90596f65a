/** A share of `node scripts/churn.ts`: translated code has a bound that holds while processes come and go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { churnInit } from './churn-init.ts';
import { debianImages } from './debian-images.ts';
import { runZendo } from './run-zendo.ts';

const ROUNDS = 8;
/** MiB that translations may take here: used up several times over. */
const CODE_MEMORY = 8;

test('translated code keeps to --code-memory while processes come and go, and the guest does not notice', async (t) => {
  const images = await debianImages('linux-image-cloud-amd64', { script: churnInit(ROUNDS) });
  if ('missing' in images) {
    t.skip(images.missing);
    return;
  }
  const guest = ['--kernel', images.kernel, '--initrd', images.initrd, '--append', 'console=hvc0 quiet mitigations=off', '--memory', '160'];
  const run = await runZendo(['boot', ...guest, '--seed', '1', '--code-memory', String(CODE_MEMORY), '--timeout', '600', '--json']);
  assert.equal(run.status, 0, `${run.stderr}\n${run.stdout.slice(-3000)}`);
  assert.match(run.stdout, new RegExp(`CHURN ${ROUNDS}\\s`));
  const { resets = 0 } = (run.json?.['translations'] ?? {}) as { resets?: number };
  const memory = Number(run.json?.['hostMemoryKiB']) / 1024;
  t.diagnostic(`${resets} times everything was thrown away; host memory at most ${Math.round(memory)} MiB`);
  assert.ok(resets > 1, `${resets} resets`);
  assert.ok(memory < 550, `${memory} MiB`);
});
