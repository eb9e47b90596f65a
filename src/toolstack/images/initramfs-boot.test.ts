import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OperatorError } from '../../base/operator-error.ts';
import { DebianCache } from '../../host/node/debian/debian-cache.ts';
import { decompress } from '../loader/decompress/decompress.ts';
import { readApplets } from './busybox-applets.ts';
import { ACCEPTANCE_OK } from './init-scripts.ts';
import { buildInitramfs } from './initramfs.ts';

const inCi = process.env['CI'] === 'true';

/** Run QEMU until it ends; what came on its serial line. */
function qemu(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('qemu-system-x86_64', [...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}

test("the acceptance run passes on QEMU with Debian's kernel, so that a failure elsewhere is not the script's", { timeout: 300_000 }, async (t) => {
  const missing = spawnSync('qemu-system-x86_64', ['--version']).error !== undefined ? 'QEMU is not installed' : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'boot-'));
  t.after(() => rmSync(folder, { recursive: true }));
  try {
    if (missing !== undefined) throw new OperatorError(missing);
    const cache = new DebianCache({ decompress });
    const [kernel, busybox] = [await cache.kernel('linux-image-cloud-amd64'), await cache.busybox()];
    assert.ok((readApplets(busybox.data)?.length ?? 0) > 200);
    writeFileSync(join(folder, 'vmlinuz'), kernel.data);
    writeFileSync(join(folder, 'initrd'), buildInitramfs({ busybox: busybox.data, init: 'acceptance' }));
  } catch (error) {
    if (!(error instanceof OperatorError) || inCi) throw error;
    t.skip(error.shortMessage);
    return;
  }
  const machine = ['-accel', 'tcg', '-cpu', 'max', '-m', '512', '-nodefaults', '-no-reboot', '-display', 'none', '-serial', 'stdio'];
  const output = await qemu([...machine, '-kernel', join(folder, 'vmlinuz'), '-initrd', join(folder, 'initrd'), '-append', 'console=ttyS0 quiet panic=-1']);
  assert.match(output, new RegExp(ACCEPTANCE_OK), output);
  assert.doesNotMatch(output, /^FAIL/m);
});
