/**
 * A guest that makes and ends processes without pause, and what that costs the host in memory: `node scripts/churn.ts`.
 * `--seconds N` (600), `--code-memory MiB` (64). Prints a curve of the process's memory; exit status 1 when it still grows.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { temporaryFolder } from '../src/base/testing/temporary-folder.ts';
import { DebianCache } from '../src/host/node/debian/debian-cache.ts';
import { buildInitramfs } from '../src/toolstack/images/initramfs.ts';
import { decompress } from '../src/toolstack/loader/decompress/decompress.ts';
import { churnInit } from '../tests/boot/churn-init.ts';
import { currentMemory } from './bench-contestant.ts';

/** Growth between the second third of the run and the last that counts as none, in MiB. */
const SLACK = 48;

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '600' }, 'code-memory': { type: 'string', default: '64' } } });
const seconds = Number(values.seconds);
const cache = new DebianCache({ decompress });
const folder = temporaryFolder('churn');
const [kernel, initrd] = ['vmlinuz', 'initrd'].map((name) => join(folder, name)) as [string, string];
writeFileSync(kernel, (await cache.kernel('linux-image-cloud-amd64')).data);
writeFileSync(initrd, buildInitramfs({ busybox: (await cache.busybox()).data, init: { script: churnInit() } }));
const args = [
  'bin/zendo.js',
  'boot',
  '--kernel',
  kernel,
  '--initrd',
  initrd,
  '--append',
  'console=hvc0 quiet mitigations=off',
  '--memory',
  '256',
  '--seed',
  '1',
];
const child = spawn(process.execPath, [...args, '--code-memory', values['code-memory'], '--translation-cache', 'off', '--timeout', String(seconds), '--json'], {
  stdio: ['ignore', 'pipe', 'pipe'],
});
let rounds = 0;
let stderr = '';
child.stdout.setEncoding('latin1').on('data', (text: string) => {
  rounds = Number(/CHURN (\d+)\s/.exec(text.slice(text.lastIndexOf('CHURN')))?.[1] ?? rounds);
});
child.stderr.setEncoding('utf8').on('data', (text: string) => {
  stderr += text;
});
const curve: number[] = [];
const started = performance.now();
const timer = setInterval(
  () => {
    const memory = currentMemory(child.pid);
    if (Number.isNaN(memory)) return;
    curve.push(memory);
    console.log(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${memory.toFixed(0).padStart(5)} MiB  ${rounds} rounds`);
  },
  Math.max(1000, seconds * 20),
);
await new Promise((resolve) => child.on('close', resolve));
clearInterval(timer);
const report = stderr.split('\n').findLast((line) => line.startsWith('{"end"')) ?? '{}';
const { translations } = JSON.parse(report) as { translations?: Readonly<Record<string, number>> };
console.log(`translations: ${JSON.stringify(translations)}`);
const third = Math.floor(curve.length / 3);
const [middle, last] = [curve.slice(third, -third), curve.slice(-third)].map((part) => Math.max(...part)) as [number, number];
console.log(`most in the second third ${middle.toFixed(0)} MiB, in the last ${last.toFixed(0)} MiB, ${rounds} rounds of 21 processes`);
if (rounds === 0 || !(last <= middle + SLACK)) {
  console.error('churn: memory grows without end, or the guest did nothing');
  process.exitCode = 1;
}
