/** The compute benchmark: C kernels as a bare guest on Zendo, QEMU's TCG and v86 (a 32-bit build), and natively. */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryFolder } from '../src/base/testing/temporary-folder.ts';
import { byTarget, type Contestant, elsewhere, jsonReport, median, peakMemory, shown, table } from './bench-contestant.ts';

const LIMIT_MS = 600_000;
const FREESTANDING = [
  ...['-O2', '-ffreestanding', '-fno-stack-protector', '-fno-pic', '-no-pie', '-fno-asynchronous-unwind-tables', '-fno-tree-loop-distribute-patterns'],
  ...['-nostdlib', '-static', '-Wl,-T,bench/link.ld', '-Wl,--build-id=none', '-Wl,--no-warn-rwx-segments'],
];
const GUEST64 = [...FREESTANDING, '-mno-red-zone', 'bench/start.S', 'bench/kernels.c'];
const GUEST32 = [...FREESTANDING, '-m32', '-msse2', '-mfpmath=sse', 'bench/start32.S', 'bench/kernels.c'];
/** Goals of the compute rows: geometric mean and greatest ratio to QEMU's time; per cent outside of regions when all is compiled. */
const MEAN_MOST = 1;
const RATIO_MOST = 2;
const ELSEWHERE_MOST = 1;

interface Result {
  readonly ms: number;
  readonly checksum: string;
}

interface Run {
  readonly results: Map<string, Result>;
  /** MiB. */
  readonly memory: number;
}

function compile(args: readonly string[]): void {
  const { status, stderr } = spawnSync('gcc', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`gcc ${args.join(' ')}\n${stderr}`);
}

/** Times between the lines "begin NAME" and "end CHECKSUM" of one run. */
async function measure({ program, args }: Contestant): Promise<Run> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const results = new Map<string, Result>();
  let name = '';
  let began = 0;
  let memory = Number.NaN;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('begin ')) {
      name = line.slice(6).trim();
      began = performance.now();
    } else if (line.startsWith('end ')) {
      results.set(name, { ms: performance.now() - began, checksum: line.slice(4).trim() });
      memory = peakMemory(child.pid);
    }
  }
  clearTimeout(timer);
  return { results, memory };
}

const zendoArgs = (elf: string, extra: readonly string[]): string[] => [
  ...['bin/zendo.js', 'boot', '--kernel', elf, '--memory', '64', '--timeout', '590', '--cpu', 'x86-64-v3', '--translation-cache', 'off', ...extra],
];

/** One kernel alone, for its counts of instructions; undefined when there is no such kernel. */
function count(folder: string, index: number, extra: readonly string[]): { name: string; report: ReturnType<typeof jsonReport> } | undefined {
  const elf = join(folder, `only-${index}.elf`);
  compile([`-DONLY=${index}`, '-o', elf, ...GUEST64]);
  const { stdout, stderr } = spawnSync(process.execPath, zendoArgs(elf, ['--json', ...extra]), { encoding: 'utf8' });
  const name = /^begin (.*)$/m.exec(stdout)?.[1]?.trim();
  return name === undefined ? undefined : { name, report: jsonReport(stderr) };
}

/** Run the kernels `runs` times on each contestant in turns; a Markdown section. `counts`: also count instructions by target. */
export async function benchCompute(runs: number, counts: boolean): Promise<string> {
  const folder = temporaryFolder('compute');
  const [elf, elf32, native] = ['kernels.elf', 'kernels32.elf', 'kernels'].map((name) => join(folder, name)) as [string, string, string];
  compile(['-o', elf, ...GUEST64]);
  compile(['-o', elf32, ...GUEST32]);
  compile(['-O2', '-DNATIVE', '-o', native, 'bench/kernels.c']);
  const qemu = ['-accel', 'tcg', '-cpu', 'max', '-m', '64', '-M', 'pc', '-display', 'none', '-debugcon', 'stdio'];
  const contestants = [
    { name: 'native', program: native, args: [] },
    { name: 'QEMU TCG', program: 'qemu-system-x86_64', args: [...qemu, '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', elf] },
    { name: 'v86 (32-bit)', program: process.execPath, args: ['scripts/bench-v86.ts', elf32] },
    { name: 'Zendo', program: process.execPath, args: zendoArgs(elf, []) },
  ] as const satisfies Contestant[];
  const [NATIVE, QEMU, V86, ZENDO] = [0, 1, 2, 3] as const;
  const all = contestants.map(() => [] as Run[]);
  for (let run = 0; run < runs; run++) {
    for (const [i, contestant] of contestants.entries()) {
      console.error(`compute, ${contestant.name}, run ${run + 1} of ${runs}`);
      all[i]?.push(await measure(contestant));
    }
  }
  const names = [...(all[ZENDO]?.[0]?.results.keys() ?? [])];
  const ms = (i: number, name: string): number => median((all[i] ?? []).flatMap(({ results }) => results.get(name)?.ms ?? []));
  for (const name of names) {
    const sums = new Set(all.flatMap((of) => of.flatMap(({ results }) => results.get(name)?.checksum ?? [])));
    if (sums.size !== 1) throw new Error(`${name}: checksums differ: ${[...sums].join(', ')}`);
  }
  const ratio = (i: number, name: string): number => ms(i, name) / ms(QEMU, name);
  const mean = (i: number): number => {
    const known = names.map((name) => ratio(i, name)).filter((each) => Number.isFinite(each));
    return Math.exp(known.reduce((sum, each) => sum + Math.log(each), 0) / known.length);
  };
  const worst = Math.max(...names.map((name) => ratio(ZENDO, name)));
  const met = (ok: boolean): string => (ok ? 'reached' : 'missed');
  const counted = new Map<string, { text: string; compiled: number }>();
  for (let index = 0; counts && counted.size < names.length; index++) {
    console.error(`compute, instructions of kernel ${index}`);
    const usual = count(folder, index, []);
    const compiled = count(folder, index, ['--promote-after', '1', '--code-memory', '1024']);
    if (usual === undefined || compiled === undefined) break;
    counted.set(usual.name, { text: byTarget(usual.report), compiled: elsewhere(compiled.report) });
  }
  const most = Math.max(...[...counted.values()].map(({ compiled }) => compiled));
  return [
    '## Compute',
    '',
    'The C kernels of `bench/kernels.c` as a bare 64-bit PVH guest (on v86 a 32-bit build, loaded by multiboot; it has no AVX and no long mode). All print the same checksums.',
    'Medians in ms, and ratios to QEMU TCG (lower is faster). Instructions: millions by compiled regions / interpreter / hypervisor; behind it, per cent that',
    'run elsewhere than in regions when all is compiled at its first execution.',
    '',
    ...table([
      ['kernel', ...contestants.map(({ name }) => name), 'Zendo : QEMU', 'v86 : QEMU', 'native : QEMU', 'instructions', 'elsewhere'],
      ...names.map((name) => [
        name,
        ...contestants.map((_, i) => shown(ms(i, name))),
        ...[ZENDO, V86, NATIVE].map((i) => shown(ratio(i, name), 2)),
        counted.get(name)?.text ?? '–',
        shown(counted.get(name)?.compiled ?? Number.NaN, 2),
      ]),
      ['geometric mean', ...contestants.map(() => ''), ...[ZENDO, V86, NATIVE].map((i) => shown(mean(i), 2)), '', ''],
      ['peak memory, MiB', ...all.map((of) => shown(median(of.map(({ memory }) => memory)))), '', '', '', '', ''],
    ]),
    '',
    `Goals: geometric mean at most ${MEAN_MOST} (${met(mean(ZENDO) <= MEAN_MOST)}), no kernel above ${RATIO_MOST} (${met(worst <= RATIO_MOST)}: ${worst.toFixed(2)})` +
      `${counted.size === 0 ? '' : `, at most ${ELSEWHERE_MOST} % elsewhere (${met(most <= ELSEWHERE_MOST)}: ${most.toFixed(2)} %)`}.`,
  ].join('\n');
}
