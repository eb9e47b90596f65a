/** The compute benchmark: C kernels as a bare PVH guest on Zendo and QEMU's TCG, and natively. */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryFolder } from '../src/base/testing/temporary-folder.ts';
import { type Contestant, median } from './bench-contestant.ts';

const LIMIT_MS = 300_000;
const FREESTANDING = [
  ...['-O2', '-ffreestanding', '-fno-stack-protector', '-fno-pic', '-no-pie', '-mno-red-zone', '-fno-asynchronous-unwind-tables'],
  ...['-fno-tree-loop-distribute-patterns', '-nostdlib', '-static', '-Wl,-T,bench/link.ld', '-Wl,--build-id=none', '-Wl,--no-warn-rwx-segments'],
];

interface Result {
  readonly ms: number;
  readonly checksum: string;
}

function compile(args: readonly string[]): void {
  const { status, stderr } = spawnSync('gcc', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`gcc ${args.join(' ')}\n${stderr}`);
}

/** Times between the lines "begin NAME" and "end CHECKSUM" of one run. */
async function measure({ program, args }: Contestant): Promise<Map<string, Result>> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const results = new Map<string, Result>();
  let name = '';
  let began = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('begin ')) {
      name = line.slice(6).trim();
      began = performance.now();
    } else if (line.startsWith('end ')) results.set(name, { ms: performance.now() - began, checksum: line.slice(4).trim() });
  }
  clearTimeout(timer);
  return results;
}

/** Run the kernels `runs` times on each contestant in turns; a Markdown section. */
export async function benchCompute(runs: number, zendo: readonly { readonly name: string; readonly extra: readonly string[] }[]): Promise<string> {
  const folder = temporaryFolder('compute');
  const elf = join(folder, 'kernels.elf');
  const native = join(folder, 'kernels');
  compile([...FREESTANDING, '-o', elf, 'bench/start.S', 'bench/kernels.c']);
  compile(['-O2', '-DNATIVE', '-o', native, 'bench/kernels.c']);
  const qemu = ['-accel', 'tcg', '-cpu', 'max', '-m', '64', '-M', 'pc', '-display', 'none', '-debugcon', 'stdio'];
  const contestants: Contestant[] = [
    { name: 'native', program: native, args: [] },
    { name: 'QEMU TCG', program: 'qemu-system-x86_64', args: [...qemu, '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', elf] },
    ...zendo.map(({ name, extra }) => ({
      name,
      program: process.execPath,
      args: ['bin/zendo.js', 'boot', '--kernel', elf, '--memory', '64', '--timeout', '290', ...extra],
    })),
  ];
  const all = contestants.map(() => [] as Map<string, Result>[]);
  for (let run = 0; run < runs; run++) {
    for (const [i, contestant] of contestants.entries()) {
      console.error(`compute, ${contestant.name}, run ${run + 1}`);
      all[i]?.push(await measure(contestant));
    }
  }
  const names = [...(all[0]?.[0]?.keys() ?? [])];
  const ms = (i: number, name: string): number => median((all[i] ?? []).flatMap((run) => run.get(name)?.ms ?? []));
  for (const name of names) {
    const sums = new Set(all.flatMap((of) => of.flatMap((run) => run.get(name)?.checksum ?? [])));
    if (sums.size !== 1) throw new Error(`${name}: checksums differ: ${[...sums].join(', ')}`);
  }
  const mean = (i: number): number => Math.exp(names.reduce((sum, name) => sum + Math.log(ms(i, name) / ms(1, name)), 0) / names.length);
  const ratioColumns = contestants.slice(2);
  return [
    '## Compute',
    '',
    'The C kernels of bench/kernels.c as a bare 64-bit PVH guest; medians in ms, and ratios to QEMU TCG (lower is faster).',
    '',
    `| kernel | ${contestants.map(({ name }) => name).join(' | ')} | ${ratioColumns.map(({ name }) => `${name} : QEMU`).join(' | ')} |`,
    `|---|${contestants.map(() => '---|').join('')}${ratioColumns.map(() => '---|').join('')}`,
    ...names.map(
      (name) =>
        `| ${name} | ${contestants.map((_, i) => ms(i, name).toFixed(0)).join(' | ')} | ${ratioColumns.map((_, i) => (ms(i + 2, name) / ms(1, name)).toFixed(2)).join(' | ')} |`,
    ),
    `| geometric mean | ${contestants.map(() => '').join(' | ')} | ${ratioColumns.map((_, i) => mean(i + 2).toFixed(2)).join(' | ')} |`,
  ].join('\n');
}
