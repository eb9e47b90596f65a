/**
 * npm run bench: boots Debian's cloud kernel to init's first line on Zendo and on QEMU's TCG, in turns on the same
 * machine, and prints medians and their ratio. `--runs N` (3), `--write` also writes docs/benchmarks.md.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DebianCache } from '../src/host/node/debian/debian-cache.ts';
import { buildInitramfs } from '../src/toolstack/images/initramfs.ts';
import { decompress } from '../src/toolstack/loader/decompress/decompress.ts';

const MARK = 'ZENDO-INIT-READY';
const INIT = `#!/bin/busybox sh\necho ${MARK}\n/bin/busybox poweroff -f\n`;
const LIMIT_MS = 120_000;

/** One way to boot; `args` of `program`. */
interface Contestant {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' }, write: { type: 'boolean', default: false } } });
const runs = Number(values.runs);

if (spawnSync('qemu-system-x86_64', ['--version']).status !== 0) {
  console.error('bench needs QEMU to compare with: apt-get install qemu-system-x86');
  process.exit(1);
}

/** Milliseconds from the start of the process to init's first line; undefined when it never came. */
function timeToInit({ program, args }: Contestant): Promise<number | undefined> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    let answer: number | undefined;
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    child.stdout.setEncoding('latin1').on('data', (piece: string) => {
      text = (text + piece).slice(-4096);
      if (answer !== undefined || !text.includes(MARK)) return;
      answer = performance.now() - started;
      child.kill('SIGKILL');
    });
    child.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;

const cache = new DebianCache({ decompress, onProgress: ({ step, what }) => step === 'download' && console.error(`downloading ${what}`) });
const kernelFile = await cache.kernel('linux-image-cloud-amd64');
const folder = await mkdtemp(join(tmpdir(), 'zendo-bench-'));
const kernel = join(folder, 'vmlinuz');
const initrd = join(folder, 'initrd');
await writeFile(kernel, kernelFile.data);
await writeFile(initrd, buildInitramfs({ busybox: (await cache.busybox()).data, init: { script: INIT } }));

const qemu = (machine: readonly string[]): string[] => [
  ...['-accel', 'tcg', '-cpu', 'max', '-m', '512', ...machine, '-display', 'none', '-serial', 'stdio', '-no-reboot'],
  ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 mitigations=off'],
];
const contestants: readonly Contestant[] = [
  { name: 'QEMU TCG -M microvm', program: 'qemu-system-x86_64', args: qemu(['-M', 'microvm', '-nodefaults']) },
  { name: 'QEMU TCG -M pc', program: 'qemu-system-x86_64', args: qemu(['-M', 'pc']) },
  {
    name: 'Zendo, bytecode',
    program: process.execPath,
    args: ['src/apps/zendo/main.ts', 'boot', '--kernel', kernel, '--initrd', initrd, '--append', 'console=hvc0 mitigations=off', '--timeout', '110'],
  },
];

const times = new Map(contestants.map(({ name }) => [name, [] as number[]]));
for (let run = 0; run < runs; run++) {
  for (const contestant of contestants) {
    const ms = await timeToInit(contestant);
    console.error(`${contestant.name}: ${ms === undefined ? 'never reached init' : `${ms.toFixed(0)} ms`}`);
    if (ms !== undefined) times.get(contestant.name)?.push(ms);
  }
}
const qemuBest = Math.min(
  ...contestants
    .filter(({ program }) => program !== process.execPath)
    .map(({ name }) => median(times.get(name) ?? []))
    .filter((ms) => !Number.isNaN(ms)),
);
const rows = contestants.map(({ name }) => {
  const all = times.get(name) ?? [];
  return `| ${name} | ${median(all).toFixed(0)} | ${Math.min(...all).toFixed(0)} to ${Math.max(...all).toFixed(0)} | ${(median(all) / qemuBest).toFixed(2)} |`;
});
const version = spawnSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0] ?? '';
const table = [
  `Boot of Debian's ${kernelFile.package} ${kernelFile.version} with a busybox initramfs, 512 MiB, one CPU: process start to init's first line.`,
  '',
  '| | median ms | least to most | ratio to the faster QEMU |',
  '|---|---|---|---|',
  ...rows,
  '',
  `${runs} runs in turns; ${version}; Node ${process.version}; ${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, ${Math.round(totalmem() / 2 ** 30)} GiB; ${new Date().toISOString().slice(0, 10)}; \`npm run bench -- --runs ${runs}\`.`,
].join('\n');
console.log(table);
if (values.write) {
  const path = 'docs/benchmarks.md';
  const head = '# Benchmarks\n\nMeasured by `npm run bench -- --write`; ratios of one run, because machines differ.\n\n## Boot\n\n';
  const old = await readFile(path, 'utf8').catch(() => '');
  const rest = old.includes('\n## ') ? old.slice(old.indexOf('\n## ', old.indexOf('## Boot') + 3)) : '';
  await writeFile(path, `${head}${table}\n${rest}`);
}
