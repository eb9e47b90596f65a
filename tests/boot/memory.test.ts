import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { runZendo } from './run-zendo.ts';

const folder = mkdtempSync(join(tmpdir(), 'zendo-memory-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Most host memory that the process had, in MiB: the least of some runs, as V8's threads take 30 MiB more in some. */
async function peak(kernel: string, memory: string): Promise<number> {
  const peaks: number[] = [];
  for (let run = 0; run < 4; run++) {
    const { status, stderr, json } = await runZendo(['boot', '--json', '--kernel', kernel, '--memory', memory]);
    assert.equal(status, 0, stderr);
    peaks.push(Number(json?.['hostMemoryKiB']) / 1024);
  }
  return Math.min(...peaks);
}

test('memory that a guest has not touched costs the host nothing but what the hypervisor notes about it', async (t) => {
  const kernel = join(folder, 'hello.elf');
  writeFileSync(kernel, helloGuest());
  const small = await peak(kernel, '16');
  const large = await peak(kernel, '2064');
  t.diagnostic(`a guest of 16 MiB takes ${small.toFixed(0)} MiB, one of 2064 MiB ${large.toFixed(0)} MiB`);
  // a frame-table entry and a p2m entry for each page: 1 % would be 20 MiB
  assert.ok(large - small < 40, `a guest of 16 MiB takes ${small.toFixed(0)} MiB, one of 2064 MiB ${large.toFixed(0)} MiB`);
});
