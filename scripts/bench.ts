/**
 * npm run bench: Zendo beside QEMU's TCG on the same machine in the same run: medians and ratios.
 * `--runs N` (3), `--only boot|generic|compute|tiny` (several with commas), `--no-counts` leaves out the counts of instructions
 * by target, `--write` also writes docs/benchmarks.md.
 */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { temporaryFolder } from '../src/base/testing/temporary-folder.ts';
import { benchBoot, benchTiny } from './bench-boot.ts';
import { benchCompute } from './bench-compute.ts';
import { installPackage } from './installed-package.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    only: { type: 'string', default: 'boot,generic,compute,tiny' },
    counts: { type: 'boolean', default: true },
    write: { type: 'boolean', default: false },
  },
  allowNegative: true,
});
const runs = Number(values.runs);
const qemu = spawnSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' });
if (qemu.status !== 0) {
  console.error('bench needs QEMU to compare with: apt-get install qemu-system-x86');
  process.exit(1);
}
const parts = values.only.split(',');
// what is measured is what its users run
const installed = ['boot', 'generic', 'tiny'].some((part) => parts.includes(part)) ? installPackage(temporaryFolder('bench-installed')) : '';
const zendo = join(installed, 'node_modules/.bin/zendo');
const sections: string[] = [];
if (parts.includes('boot')) sections.push(await benchBoot(zendo, 'linux-image-cloud-amd64', runs, values.counts));
if (parts.includes('generic')) sections.push(await benchBoot(zendo, 'linux-image-amd64', runs, false));
if (parts.includes('compute')) sections.push(await benchCompute(runs, values.counts));
if (parts.includes('tiny')) sections.push(benchTiny(zendo, runs));
const command = `npm run bench -- --runs ${runs}${parts.length === 4 ? '' : ` --only ${values.only}`}${values.counts ? '' : ' --no-counts'}`;
const machine = [
  `${runs === 1 ? '1 run' : `${runs} runs`} of each in turns; ${qemu.stdout.split('\n')[0] ?? ''}; Node ${process.version};`,
  `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, ${Math.round(totalmem() / 2 ** 30)} GiB; ${new Date().toISOString().slice(0, 10)}; \`${command}\`.`,
].join(' ');
const text = [
  '# Benchmarks',
  '',
  'Ratios of one run on one machine; absolute times differ from machine to machine.',
  '',
  machine,
  '',
  ...sections.flatMap((section) => [section, '']),
].join('\n');
console.log(text);
if (values.write) await writeFile('docs/benchmarks.md', text);
