import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCEPTANCE_OK } from '../../src/toolstack/images/init-scripts.ts';
import { debianImages } from './debian-images.ts';
import { runZendo } from './run-zendo.ts';

/** What a Xen guest's log shows on a Xen that works; each is a road through the hypervisor. */
const EXPECTED = [
  /Hypervisor detected: Xen (HVM|PVH)/,
  /Booting kernel on Xen PVH/,
  /xen:events: Using FIFO-based ABI/,
  /clocksource: Switched to clocksource xen/,
  /Grant tables using version 1 layout/,
  /Xen: using vcpuop timer interface|installing Xen timer for CPU 0/,
  /^type xen$/m,
  /^guest_type PVH$/m,
  /^ok sha256$/m,
  /^ok gunzip$/m,
  /^ok awk_float$/m,
  /^ok trapped_signal$/m,
];
/** What none of it may show. */
const FORBIDDEN = /Oops|BUG:|kernel BUG|Call Trace|general protection|Kernel panic|xenbus:.*(error|fail)|not ok /i;

for (const { name, architecture } of [
  { name: 'linux-image-cloud-amd64', architecture: undefined },
  { name: 'linux-image-amd64', architecture: undefined },
  // all of it in 32-bit code, with PAE paging
  { name: 'linux-image-686-pae', architecture: 'i386' },
]) {
  test(`${name} boots to the acceptance run and powers off`, async (t) => {
    const images = await debianImages(name, 'acceptance', architecture);
    if ('missing' in images) {
      t.skip(images.missing);
      return;
    }
    const args = ['boot', '--kernel', images.kernel, '--initrd', images.initrd, '--append', 'console=hvc0', '--seed', '1', '--timeout', '600', '--json'];
    const run = await runZendo(args);
    assert.equal(run.status, 0, `${run.stderr}\n${run.stdout.slice(-3000)}`);
    for (const pattern of EXPECTED) assert.match(run.stdout, pattern);
    assert.match(run.stdout, new RegExp(ACCEPTANCE_OK));
    assert.match(run.stdout, new RegExp(`Linux version ${images.release.replaceAll('.', '\\.')}`));
    assert.doesNotMatch(run.stdout, FORBIDDEN);
    assert.equal(run.json?.['end'], 'poweroff');
    // Less than the guest's own memory: what it never touches costs nothing (memory.test.ts), and all else stays below 250 MiB.
    const memory = Number(run.json?.['hostMemoryKiB']);
    t.diagnostic(`host memory at most ${Math.round(memory / 1024)} MiB for a guest of 512 MiB`);
    assert.ok(memory < 512 * 1024, `${memory} KiB`);
  });
}
