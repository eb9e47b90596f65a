import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '../../base/operator-error.ts';
import { DebianCache } from '../../host/node/debian/debian-cache.ts';
import { decompress } from './decompress/decompress.ts';
import { loadKernel } from './domain-image.ts';
import { buildPvhStart } from './pvh.ts';

for (const [name, codec] of [
  ['linux-image-cloud-amd64', 'lz4'],
  ['linux-image-amd64', 'xz'],
] as const) {
  test(`Debian's ${name}`, async (t) => {
    let file: Awaited<ReturnType<DebianCache['kernel']>>;
    try {
      file = await new DebianCache({ decompress }).kernel(name);
    } catch (error) {
      if (!(error instanceof OperatorError) || process.env['CI'] === 'true') throw error;
      t.skip(`${name} cannot be had: ${error.shortMessage}`);
      return;
    }
    const kernel = loadKernel(file.data, file.path);
    // Debian 12 packs them so; a later release may choose another codec.
    if (file.version.startsWith('6.1.')) assert.equal(kernel.format, `bzImage (${codec})`);
    assert.match(kernel.format, /^bzImage \(/);
    assert.equal(kernel.notes.guestOs, 'linux');
    assert.ok(kernel.entry >= 0x1000000 && kernel.entry < 0x2000000);
    const symbols = kernel.symbols();
    assert.ok(symbols !== undefined && symbols.size > 50_000, 'kallsyms were read');
    const start = symbols.addressOf('start_kernel');
    assert.ok(start !== undefined);
    assert.equal(symbols.describe(start + 4n), 'start_kernel+0x4');
    assert.equal(symbols.describe(0xffffffff80000000n + BigInt(kernel.entry)), 'pvh_start_xen');
    const day = buildPvhStart({ kernel, cmdline: 'console=hvc0', memoryBytes: 256 << 20, vcpus: 1 });
    assert.equal(day.entry.eip, kernel.entry);
  });
}
