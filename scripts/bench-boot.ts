/** The boot benchmark: Debian's cloud kernel to init's first line on Zendo and on QEMU's TCG, in turns on the same machine. */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../src/base/testing/temporary-folder.ts';
import { DebianCache } from '../src/host/node/debian/debian-cache.ts';
import { buildInitramfs } from '../src/toolstack/images/initramfs.ts';
import { decompress } from '../src/toolstack/loader/decompress/decompress.ts';
import { type Contestant, median } from './bench-contestant.ts';

const MARK = 'ZENDO-INIT-READY';
const INIT = `#!/bin/busybox sh\necho ${MARK}\n/bin/busybox poweroff -f\n`;
const LIMIT_MS = 120_000;

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

/** Boot `runs` times on each contestant in turns; a Markdown section. `extra`: more options for `zendo boot`. */
export async function benchBoot(runs: number, zendo: readonly { readonly name: string; readonly extra: readonly string[] }[]): Promise<string> {
  const cache = new DebianCache({ decompress, onProgress: ({ step, what }) => step === 'download' && console.error(`downloading ${what}`) });
  const kernelFile = await cache.kernel('linux-image-cloud-amd64');
  const folder = temporaryFolder('bench');
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
    ...zendo.map(({ name, extra }) => ({
      name,
      program: process.execPath,
      args: ['bin/zendo.js', 'boot', '--kernel', kernel, '--initrd', initrd, '--append', 'console=hvc0 mitigations=off', '--timeout', '110', ...extra],
    })),
  ];
  const times = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  for (let run = 0; run < runs; run++) {
    for (const contestant of contestants) {
      const ms = await timeToInit(contestant);
      console.error(`${contestant.name}: ${ms === undefined ? 'never reached init' : `${ms.toFixed(0)} ms`}`);
      if (ms !== undefined) times.get(contestant.name)?.push(ms);
    }
  }
  const medians = contestants.filter(({ program }) => program !== process.execPath).map(({ name }) => median(times.get(name) ?? []));
  const best = Math.min(...medians.filter((ms) => !Number.isNaN(ms)));
  const rows = contestants.map(({ name }) => {
    const all = times.get(name) ?? [];
    if (all.length === 0) return `| ${name} | never reached init | | |`;
    return `| ${name} | ${median(all).toFixed(0)} | ${Math.min(...all).toFixed(0)} to ${Math.max(...all).toFixed(0)} | ${(median(all) / best).toFixed(2)} |`;
  });
  return [
    `## Boot`,
    '',
    `Debian's ${kernelFile.package} ${kernelFile.version} with a busybox initramfs, 512 MiB, one CPU: process start to init's first line.`,
    '',
    '| | median ms | least to most | ratio to the faster QEMU |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n');
}
