/**
 * The first instruction after which two configurations of the engine differ on one guest. Both run in virtual time, where an
 * instruction is a nanosecond, and are saved at the same instants; the span in which they part is halved until it is one
 * instruction. Each goes on from its own last instant at which they were the same.
 */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { decodeSnapshot } from '../../src/apps/zendo/snapshot-file.ts';
import { Heap } from '../../src/hypervisor/heap.ts';
import { P2m } from '../../src/hypervisor/memory/p2m.ts';
import { P2M_ROOT, VCPU_STRIDE } from '../../src/machine/layout.ts';
import { Memories } from '../../src/machine/memories.ts';
import { GUEST_CONTEXT, vcpuRegisters } from './vcpu-registers.ts';

const program = fileURLToPath(new URL('../../bin/zendo.js', import.meta.url));

/** What is compared. */
export interface Comparison {
  /** Options of `zendo boot` that say what runs: --kernel, --initrd, --append, --memory. */
  readonly guest: readonly string[];
  /** Options of `zendo boot` of either side. */
  readonly configurations: readonly [readonly string[], readonly string[]];
  /** Machine time in nanoseconds up to which they are compared. */
  readonly until: number;
  /** A folder for snapshots. */
  readonly folder: string;
  readonly onProgress: (line: string) => void;
}

/** What two runs parted by. */
export interface Difference {
  /** Instructions retired before the one after which they differ. */
  readonly instructions: number;
  /** That instruction, as `--trace exec` writes it; none when they differ before the first. */
  readonly instruction: string | undefined;
  /** What differs behind it: a register, the end of the run, or guest memory; registers in hexadecimal. */
  readonly values: readonly { readonly what: string; readonly a: string; readonly b: string }[];
}

/** A machine at an instant, as far as the guest can tell. */
interface State {
  /** `left` where it was saved; else how the guest had ended. */
  readonly end: string;
  /** Snapshot file, absent when the guest had ended. */
  readonly file?: string;
  readonly instructions: number;
  readonly registers: ReadonlyMap<string, string>;
  /** SHA-256 of the guest's memory. */
  readonly memory: string;
}

type Pair = readonly [State, State];

const seconds = (ns: number): string => (ns / 1e9).toFixed(9);

function zendo(args: readonly string[]): Promise<{ stderr: string; status: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ stderr, status }));
  });
}

function load(memories: Memories, file: string): void {
  decodeSnapshot({ decompress: (bytes) => zstdDecompressSync(bytes) }, memories, readFileSync(file), file);
}

export class TwoConfigurations {
  private readonly comparison: Comparison;
  private readonly memories = new Memories();
  private files = 0;

  constructor(comparison: Comparison) {
    this.comparison = comparison;
  }

  /** The first difference, undefined when there is none up to the end. */
  async find(): Promise<Difference | undefined> {
    const whole = await this.at(this.comparison.until);
    if (parted(whole).length === 0) return undefined;
    const found = await this.search(whole, true);
    if (found !== undefined) return found;
    this.comparison.onProgress('the difference is gone when both go on from a snapshot: each instant from the boot now');
    return await this.search(whole, false);
  }

  /**
   * `whole`: the states at the end, which differ. `resuming`: go on from the last instant without a difference, not from the
   * boot. A difference that hangs on older translations is not met that way: undefined.
   */
  private async search(whole: Pair, resuming: boolean): Promise<Difference | undefined> {
    let base: Pair | undefined;
    let before = 0;
    let after = this.comparison.until;
    let found = whole;
    const first = await this.at(0);
    if (parted(first).length > 0) return { instructions: 0, instruction: undefined, values: this.explain(first) };
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      const pair = await this.at(middle, base);
      if (parted(pair).length > 0) {
        this.forget(found);
        after = middle;
        found = pair;
        continue;
      }
      before = middle;
      if (resuming && pair[0].file !== undefined) {
        this.forget(base);
        base = pair;
      } else this.forget(pair);
    }
    if (base !== undefined) {
      found = await this.at(after, base);
      if (parted(found).length === 0) return undefined;
    }
    const traced = await zendo([...this.start(0, base), '--trace', 'exec', ...this.until(after).args]);
    const lines = traced.stderr.split('\n').filter((line) => line.includes(' exec '));
    // from the boot on, the last line is the instruction; a resumed machine has one line
    return { instructions: before, instruction: lines.at(-1), values: this.explain(found) };
  }

  private forget(pair: Pair | undefined): void {
    for (const { file } of pair ?? []) if (file !== undefined) rmSync(file, { force: true });
  }

  private start(side: 0 | 1, base: Pair | undefined): string[] {
    const { guest, configurations } = this.comparison;
    const own = configurations[side];
    const file = base?.[side].file;
    if (file === undefined) return ['boot', ...guest, '--seed', '1', ...own];
    // the CPU model is the saved machine's
    const at = own.indexOf('--cpu');
    return ['resume', file, ...(at < 0 ? own : own.toSpliced(at, 2))];
  }

  private until(ns: number): { file: string; args: string[] } {
    const file = join(this.comparison.folder, `${this.files++}.zendo`);
    return { file, args: ['--snapshot', file, '--snapshot-at', seconds(ns)] };
  }

  /** Both at an instant in ns; from `base`, if there is one. */
  private async at(ns: number, base?: Pair): Promise<Pair> {
    const pair = (await Promise.all([this.stateAt(0, ns, base), this.stateAt(1, ns, base)])) as Pair;
    this.comparison.onProgress(`at ${seconds(ns)} s: ${parted(pair).length === 0 ? 'the same' : 'different'}`);
    return pair;
  }

  private async stateAt(side: 0 | 1, ns: number, base: Pair | undefined): Promise<State> {
    const { file, args } = this.until(ns);
    const command = [...this.start(side, base), '--hash', '--json', ...args];
    const { stderr, status } = await zendo(command);
    const line = stderr.split('\n').findLast((each) => each.startsWith('{"end"'));
    if (line === undefined) throw new Error(`zendo ${command.join(' ')} ended with status ${status}\n${stderr.slice(-2000)}`);
    const { end, instructions, memory } = JSON.parse(line) as Pick<State, 'end' | 'instructions' | 'memory'>;
    if (end !== 'left') return { end, instructions, memory, registers: new Map() };
    // pages that are all zero are not in the file
    this.memories.stateBytes.fill(0, GUEST_CONTEXT, GUEST_CONTEXT + VCPU_STRIDE);
    load(this.memories, file);
    return { end, file, instructions, memory, registers: vcpuRegisters(this.memories) };
  }

  /** What differs, with the first addresses of memory where it does. */
  private explain(pair: Pair): Difference['values'] {
    const values = parted(pair);
    const [a, b] = pair.map(({ file }) => file);
    if (a === undefined || b === undefined || pair[0].memory === pair[1].memory) return values;
    return [...values.filter(({ what }) => what !== 'memory'), ...differentMemory(a, b)];
  }
}

/** What differs between the two; memory by its hash. */
function parted([a, b]: Pair): { what: string; a: string; b: string }[] {
  const all = [
    { what: 'end', a: a.end, b: b.end },
    { what: 'instructions', a: String(a.instructions), b: String(b.instructions) },
    { what: 'memory', a: a.memory, b: b.memory },
    ...[...a.registers].map(([what, value]) => ({ what, a: value, b: b.registers.get(what) ?? '' })),
  ];
  return all.filter((each) => each.a !== each.b);
}

/** Places listed at most, and bytes shown of each. */
const PLACES = 4;
const SHOWN = 16;
const GFNS = 1 << 20;

/** Where guest memory differs between two snapshots: the first places. */
function differentMemory(a: string, b: string): Difference['values'] {
  const pages = [a, b].map((file) => {
    const memories = new Memories();
    load(memories, file);
    const p2m = new P2m(memories, new Heap(memories), memories.stateView.getUint32(GUEST_CONTEXT + P2M_ROOT * 8, true));
    return (gfn: number): Uint8Array => {
      const at = p2m.maddr(gfn * 4096);
      return at < 0 ? new Uint8Array() : memories.frameBytes.subarray(at, at + 4096);
    };
  });
  const [left, right] = pages as [(gfn: number) => Uint8Array, (gfn: number) => Uint8Array];
  const found: { what: string; a: string; b: string }[] = [];
  for (let gfn = 0; gfn < GFNS && found.length < PLACES; gfn++) {
    const [x, y] = [left(gfn), right(gfn)];
    if (Buffer.compare(x, y) === 0) continue;
    const from = (x.findIndex((byte, i) => byte !== y[i]) & -SHOWN) >>> 0;
    const show = (page: Uint8Array): string => page.subarray(from, from + SHOWN).toHex() || 'no page';
    found.push({ what: `memory at guest-physical 0x${(gfn * 4096 + from).toString(16)}`, a: show(x), b: show(y) });
  }
  return found;
}
