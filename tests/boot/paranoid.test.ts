/** `npm run test:long`: Debian's boot with every access compared; minutes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { debianImages } from './debian-images.ts';
import { runZendo } from './run-zendo.ts';

const skip = process.env['ZENDO_PARANOID'] === undefined ? 'takes minutes: npm run test:long' : false;

for (const [what, extra] of [
  ['bytecode and regions', ['--promote-after', '5000']],
  ['bytecode alone', []],
] as const) {
  test(`Debian boots in paranoid mode, ${what}`, { skip }, async (t) => {
    const images = await debianImages('linux-image-cloud-amd64', { script: '#!/bin/busybox sh\n/bin/busybox poweroff -f\n' });
    if ('missing' in images) {
      t.skip(images.missing);
      return;
    }
    // the kernel's own tests of its ciphers are most of a boot's instructions and all alike
    const append = 'console=hvc0 cryptomgr.notests';
    const args = ['--kernel', images.kernel, '--initrd', images.initrd, '--append', append, '--memory', '256', '--seed', '5', '--timeout', '3000', '--json'];
    const run = await runZendo(['boot', ...args, '--paranoid', ...extra]);
    assert.equal(run.status, 0, run.stderr);
    const accessesChecked = (run.json?.['translations'] as { accessesChecked: number } | undefined)?.accessesChecked ?? 0;
    t.diagnostic(`${accessesChecked} accesses compared`);
    assert.ok(accessesChecked > 100_000_000);
  });
}
