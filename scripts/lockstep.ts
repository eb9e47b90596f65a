/**
 * npm run lockstep: finds the first instruction after which two configurations of the engine differ on the same guest.
 *
 *   node scripts/lockstep.ts --kernel FILE [--initrd FILE] [--append TEXT] [--memory MiB] [--until SECONDS] [--a "OPTIONS"] [--b "OPTIONS"]
 *
 * OPTIONS are options of `zendo boot`; by default a is `--promote-after 0` (the bytecode target alone) and b is
 * `--promote-after 1` (all in regions). Both run in virtual time, where an instruction is a nanosecond, and are saved at
 * the same instants: registers, flags and the guest's memory are compared, and the span in which they part is halved
 * until it is one instruction. Exit status 0: no difference up to --until; 2: one was found.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { zstdDecompressSync } from 'node:zlib';
import { decodeSnapshot } from '../src/apps/zendo/snapshot-file.ts';
import { readFlags } from '../src/hypervisor/arch/x86/flags.ts';
import { RIP } from '../src/machine/layout.ts';
import { Memories } from '../src/machine/memories.ts';
import { contextAddress, VcpuContext } from '../src/machine/vcpu-context.ts';

const { values } = parseArgs({
  options: {
    kernel: { type: 'string' },
    initrd: { type: 'string' },
    append: { type: 'string', default: 'console=hvc0' },
    memory: { type: 'string', default: '128' },
    until: { type: 'string', default: '1' },
    a: { type: 'string', default: '--promote-after 0' },
    b: { type: 'string', default: '--promote-after 1' },
  },
});
if (values.kernel === undefined) {
  console.error('lockstep: give --kernel FILE, and what else `zendo boot` takes: --initrd, --append, --memory');
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'zendo-lockstep-'));
/** Domain 0's vCPU has context 0, the guest's the next one. */
const GUEST_CONTEXT = 1;
const REGISTERS = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];

/** A machine at an instant, as far as the guest can tell. */
interface State {
  readonly file: string;
  readonly instructions: number;
  readonly registers: Readonly<Record<string, string>>;
  readonly memory: string;
}

const guest = [
  '--kernel',
  values.kernel,
  ...(values.initrd === undefined ? [] : ['--initrd', values.initrd]),
  '--append',
  values.append,
  '--memory',
  values.memory,
];
const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');

/** Run one configuration up to an instant (ns); undefined when the guest ended before. */
function stateAt(name: 'a' | 'b', ns: number): State | undefined {
  const file = join(folder, `${name}.zendo`);
  const args = ['boot', ...guest, '--seed', '1', '--hash', '--json', '--snapshot', file, '--snapshot-at', (ns / 1e9).toFixed(9), ...words(values[name])];
  const { stderr, status } = spawnSync(process.execPath, ['bin/zendo.js', ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const line = stderr.split('\n').findLast((each) => each.startsWith('{"end"'));
  if (line === undefined) throw new Error(`zendo ${args.join(' ')} ended with status ${status}\n${stderr.slice(-2000)}`);
  const report = JSON.parse(line) as { end: string; instructions: number; memory: string };
  if (report.end !== 'left') return undefined;
  const memories = new Memories();
  decodeSnapshot({ decompress: (bytes) => zstdDecompressSync(bytes) }, memories, readFileSync(file), file);
  const context = new VcpuContext(memories, contextAddress(GUEST_CONTEXT));
  const registers = Object.fromEntries([
    ...REGISTERS.map((register, slot) => [register, context.get(slot).toString(16)]),
    ['rip', context.get(RIP).toString(16)],
    ['rflags', readFlags(context).toString(16)],
  ]) as Record<string, string>;
  return { file, instructions: report.instructions, registers, memory: report.memory };
}

const text = (state: State | undefined): string =>
  state === undefined ? 'the guest had ended' : JSON.stringify({ instructions: state.instructions, ...state.registers, memory: state.memory });

/** Both configurations at an instant; the two texts when they differ. */
function differAt(ns: number): [string, string] | undefined {
  const [a, b] = [text(stateAt('a', ns)), text(stateAt('b', ns))];
  console.error(`at ${(ns / 1e9).toFixed(9)} s: ${a === b ? 'the same' : 'different'}`);
  return a === b ? undefined : [a, b];
}

let after = Math.round(Number(values.until) * 1e9);
let found = differAt(after);
if (found === undefined) {
  console.log(`no difference up to ${values.until} s of machine time between "${values.a}" and "${values.b}"`);
  process.exit(0);
}
let before = 0;
while (after - before > 1) {
  const middle = Math.floor((before + after) / 2);
  const difference = differAt(middle);
  if (difference === undefined) before = middle;
  else {
    after = middle;
    found = difference;
  }
}
console.log(`they part in the nanosecond before ${(after / 1e9).toFixed(9)} s of machine time`);
console.log(`a: ${found[0]}\nb: ${found[1]}`);
const last = stateAt('a', before);
if (last !== undefined) {
  const traced = spawnSync(process.execPath, ['bin/zendo.js', 'resume', last.file, '--trace', 'exec', '--timeout', '2'], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  console.log(`the instruction: ${traced.stderr.split('\n').find((line) => line.includes(' exec ')) ?? 'not traced'}`);
}
process.exitCode = 2;
