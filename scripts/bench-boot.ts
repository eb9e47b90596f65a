/** The boot benchmark: Debian's kernels to init's first line on Zendo and on QEMU's TCG, in turns on the same machine. */
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../src/base/testing/temporary-folder.ts';
import { DebianCache } from '../src/host/node/debian/debian-cache.ts';
import { helloGuest } from '../src/toolstack/guests/hello.ts';
import { buildInitramfs } from '../src/toolstack/images/initramfs.ts';
import { decompress } from '../src/toolstack/loader/decompress/decompress.ts';
import { byTarget, type Contestant, elsewhere, jsonReport, median, peakMemory, shown, table } from './bench-contestant.ts';

const MARK = 'ZENDO-INIT-READY';
const INIT = `#!/bin/busybox sh\necho ${MARK}\n/bin/busybox poweroff -f\n`;
/** QEMU's microvm sometimes never gets there. */
const LIMIT_MS = 60_000;
/** Goals: ratio to the faster QEMU of a first boot and of one with translations kept; per cent outside of regions when all is compiled; ms of the tiny guest. */
const COLD_MOST = 1;
const WARM_MOST = 0.6;
const ELSEWHERE_MOST = 5;
const TINY_MOST_MS = 400;

interface Boot {
  readonly ms: number;
  /** MiB. */
  readonly memory: number;
}

/** From the start of the process to init's first line; undefined when it never came. */
function timeToInit({ program, args }: Contestant): Promise<Boot | undefined> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    let answer: Boot | undefined;
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    child.stdout.setEncoding('latin1').on('data', (piece: string) => {
      text = (text + piece).slice(-4096);
      if (answer !== undefined || !text.includes(MARK)) return;
      answer = { ms: performance.now() - started, memory: peakMemory(child.pid) };
      child.kill('SIGKILL');
    });
    child.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

const met = (ok: boolean): string => (ok ? 'reached' : 'missed');

/** Boot `runs` times on each contestant in turns, `zendo` the installed program; a Markdown section. `counts`: also count instructions by target. */
export async function benchBoot(zendo: string, kernelPackage: 'linux-image-cloud-amd64' | 'linux-image-amd64', runs: number, counts: boolean): Promise<string> {
  const cache = new DebianCache({ decompress, onProgress: ({ step, what }) => step === 'download' && console.error(`downloading ${what}`) });
  const kernelFile = await cache.kernel(kernelPackage);
  const folder = temporaryFolder('bench');
  const [kernel, initrd, translations] = ['vmlinuz', 'initrd', 'translations'].map((name) => join(folder, name)) as [string, string, string];
  writeFileSync(kernel, kernelFile.data);
  writeFileSync(initrd, buildInitramfs({ busybox: (await cache.busybox()).data, init: { script: INIT } }));
  const qemu = (machine: readonly string[]): string[] => [
    ...['-accel', 'tcg', '-cpu', 'max', '-m', '512', ...machine, '-display', 'none', '-serial', 'stdio', '-no-reboot'],
    ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 mitigations=off'],
  ];
  const boot = (...extra: readonly string[]): string[] => [
    ...[zendo, 'boot', '--kernel', kernel, '--initrd', initrd, '--append', 'console=hvc0 mitigations=off', '--timeout', '290', ...extra],
  ];
  const contestants: readonly Contestant[] = [
    { name: 'QEMU TCG -M microvm', program: 'qemu-system-x86_64', args: qemu(['-M', 'microvm', '-nodefaults']) },
    { name: 'QEMU TCG -M pc', program: 'qemu-system-x86_64', args: qemu(['-M', 'pc']) },
    { name: 'Zendo', program: process.execPath, args: boot('--translation-cache', 'off') },
    { name: 'Zendo, translations kept', program: process.execPath, args: boot('--translation-cache', translations) },
  ];
  // boots to the end leave what they kept to those that are measured: the first its translations, the second also V8's code for the functions that use such
  for (let run = 0; run < 2; run++) spawnSync(process.execPath, boot('--translation-cache', translations), { stdio: 'ignore' });
  const results = contestants.map(() => [] as Boot[]);
  for (let run = 0; run < runs; run++) {
    for (const [i, contestant] of contestants.entries()) {
      const result = await timeToInit(contestant);
      console.error(`${kernelPackage}, ${contestant.name}: ${result === undefined ? 'never reached init' : `${result.ms.toFixed(0)} ms`}`);
      if (result !== undefined) results[i]?.push(result);
    }
  }
  const ms = results.map((of) => median(of.map((each) => each.ms)));
  const best = Math.min(...ms.slice(0, 2).filter((each) => !Number.isNaN(each)));
  const ratio = (i: number): number => (ms[i] ?? Number.NaN) / best;
  const lines: string[] = [];
  if (counts) {
    const count = (...extra: readonly string[]) =>
      jsonReport(spawnSync(process.execPath, boot('--translation-cache', 'off', '--json', ...extra), { encoding: 'utf8' }).stderr);
    console.error(`${kernelPackage}, instructions by target`);
    const compiled = count('--promote-after', '1', '--code-memory', '1024');
    lines.push(
      `Instructions, millions by compiled regions / interpreter / hypervisor: ${byTarget(count())}. When all is compiled at its first execution: ${byTarget(compiled)},`,
      `${elsewhere(compiled).toFixed(2)} % elsewhere than in regions (goal: at most ${ELSEWHERE_MOST}, ${met(elsewhere(compiled) <= ELSEWHERE_MOST)}).`,
    );
  }
  if (kernelPackage === 'linux-image-cloud-amd64')
    lines.push(
      `Goals: at most ${COLD_MOST} (${met(ratio(2) <= COLD_MOST)}), with translations kept at most ${WARM_MOST} (${met(ratio(3) <= WARM_MOST)}) of the faster QEMU.`,
    );
  return [
    `## Boot of ${kernelPackage}`,
    '',
    `${kernelFile.package} ${kernelFile.version} with a busybox initramfs, 512 MiB, one CPU, \`mitigations=off\`: process start to init's first line. Memory is the process's peak by then.`,
    '',
    ...table([
      ['', 'median ms', 'least to most', 'ratio to the faster QEMU', 'peak memory, MiB'],
      ...contestants.map(({ name }, i) => {
        const of = (results[i] ?? []).map((each) => each.ms);
        if (of.length === 0) return [name, 'never reached init', '', '', ''];
        const memory = median((results[i] ?? []).map((each) => each.memory));
        return [name, shown(ms[i] ?? Number.NaN), `${Math.min(...of).toFixed(0)} to ${Math.max(...of).toFixed(0)}`, shown(ratio(i), 2), shown(memory)];
      }),
    ]),
    '',
    ...lines,
  ].join('\n');
}

/** A guest of our own that says hello, from the installed command to its exit; a Markdown section. */
export function benchTiny(zendo: string, runs: number): string {
  const kernel = join(temporaryFolder('bench'), 'hello.elf');
  writeFileSync(kernel, helloGuest());
  const boot = (): void => {
    const { status } = spawnSync(process.execPath, [zendo, 'boot', '--kernel', kernel, '--memory', '16'], { stdio: 'ignore' });
    if (status !== 0) throw new Error(`the hello guest ended with status ${status}`);
  };
  // the first run leaves Node's compile cache to the others
  boot();
  const times: number[] = [];
  for (let run = 0; run < Math.max(5, runs); run++) {
    const started = performance.now();
    boot();
    times.push(performance.now() - started);
  }
  const least = Math.min(...times);
  return [
    '## A tiny guest',
    '',
    `A guest of our own says hello on its console and powers off, from the installed command to its exit: median ${median(times).toFixed(0)} ms, least ${least.toFixed(0)} ms of ${times.length}` +
      ` (goal: at most ${TINY_MOST_MS}, ${met(median(times) <= TINY_MOST_MS)}).`,
  ].join('\n');
}
