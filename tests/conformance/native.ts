/** The processor's side: builds native.c once per version of it, keeps it running, sends it batches. */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import * as layout from './layout.ts';

const SOURCE = join(import.meta.dirname, 'native.c');
const FOLDER = join(import.meta.dirname, '../../build/native');

/** What /proc/cpuinfo says of this machine. */
export interface HostCpu {
  readonly features: ReadonlySet<string>;
  readonly vendor: 'amd' | 'intel';
  readonly model: string;
}

export function hostCpu(): HostCpu {
  const text = readFileSync('/proc/cpuinfo', 'utf8');
  return {
    features: new Set(/^flags\s*: (.*)$/m.exec(text)?.[1]?.split(' ') ?? []),
    vendor: text.includes('GenuineIntel') ? 'intel' : 'amd',
    model: `${/^model name\s*: (.*)$/m.exec(text)?.[1] ?? '?'} (family ${/^cpu family\s*: (.*)$/m.exec(text)?.[1]}, model ${/^model\s*: (.*)$/m.exec(text)?.[1]})`,
  };
}

/** Why nothing can run natively here, or false. */
export function reasonToSkip(): string | false {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64';
  if (!hostCpu().features.has('fsgsbase')) return 'needs a processor with FSGSBASE';
  if (spawnSync('gcc', ['--version']).status !== 0) return 'needs gcc';
  return false;
}

/** layout.ts as the compiler's -D arguments. */
function macros(): string[] {
  const numbers = Object.entries(layout).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  const descriptors = layout.LOCAL.map(
    (one) =>
      `{.base_addr=${one.base}u,.limit=${one.limit},.contents=${one.contents},.read_exec_only=${one.readOnly ? 1 : 0},` +
      `.seg_32bit=${one.big ? 1 : 0},.seg_not_present=${one.absent ? 1 : 0},.useable=1}`,
  );
  return [...numbers.map(([name, value]) => `-D${name}=${value}`), `-DLOCAL_DESCRIPTORS=${descriptors.join(',')}`];
}

/** Compiles a C program once per version of it: its path. */
export function compile(source: string, options: readonly string[]): string {
  const hash = createHash('sha256').update(readFileSync(source)).update(options.join(' ')).digest('hex').slice(0, 16);
  const program = join(FOLDER, `${basename(source, '.c')}-${hash}`);
  if (!existsSync(program)) {
    mkdirSync(FOLDER, { recursive: true });
    const made = `${program}.${process.pid}`;
    const result = spawnSync('gcc', [...options, '-o', made, source], { encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`${source} does not compile: ${result.stderr}`);
    renameSync(made, program);
  }
  return program;
}

const build = (): string =>
  compile(SOURCE, [
    '-O2',
    '-g0',
    '-Wall',
    '-fPIE',
    '-pie',
    '-fno-stack-protector',
    '-fcf-protection=none',
    ...macros(),
    `-DAVX=${hostCpu().features.has('avx') ? 1 : 0}`,
  ]);

export class Native {
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private waiting: { resolve: (answer: Int32Array) => void; reject: (error: Error) => void }[] = [];
  private chunks: Buffer[] = [];
  private length = 0;

  constructor() {
    this.child = spawn(build(), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdout.on('data', (chunk: Buffer) => this.receive(chunk));
    this.child.on('exit', (code, signal) => {
      for (const { reject } of this.waiting) reject(new Error(`the native harness ended (${code ?? signal})`));
      this.waiting = [];
    });
    this.child.stdin.on('error', () => {});
  }

  /** Memory templates, TEMPLATE_SIZE bytes each. */
  setTemplates(bytes: Uint8Array): void {
    this.send(0, 0, bytes.length / layout.TEMPLATE_SIZE, [bytes]);
  }

  /** Runs `count` cases (records of CASE_WORDS) on `code` (STUBS bytes); the result records with their differences, one behind the other. */
  run(mode: number, code: Uint8Array, cases: Int32Array, count: number): Promise<Int32Array> {
    const records = new Uint8Array(cases.buffer, cases.byteOffset, count * layout.CASE_WORDS * 4);
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.send(1, mode, count, [code, records]);
    });
  }

  /** Is there memory of the harness's own at `address` (its stack, its libraries), which a case could find only here? */
  owns(address: bigint): boolean {
    return this.own().some(({ from, to }) => from <= address && address < to);
  }

  /** An address of the harness's stack. */
  get stack(): bigint {
    return this.own().find(({ what }) => what === '[stack]')?.from ?? 0n;
  }

  private own(): { from: bigint; to: bigint; what: string }[] {
    const lines = [...readFileSync(`/proc/${this.child.pid}/maps`, 'utf8').matchAll(/^([0-9a-f]+)-([0-9a-f]+) .*?(\S*)$/gm)];
    const ranges = lines.map(([, from = '', to = '', what = '']) => ({ from: BigInt(`0x${from}`), to: BigInt(`0x${to}`), what }));
    // below 4 GiB, and in the page at HIGH, is what the cases have
    return ranges.filter(({ from }) => from >= 1n << 32n && from !== BigInt(layout.HIGH));
  }

  end(): void {
    this.child.stdin.end();
  }

  private send(kind: number, mode: number, count: number, parts: readonly Uint8Array[]): void {
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    // copied: the caller may go on to the next batch at once
    const message = new Uint8Array(16 + size);
    message.set(new Uint8Array(Uint32Array.of(kind, mode, count, size).buffer));
    let at = 16;
    for (const part of parts) {
      message.set(part, at);
      at += part.length;
    }
    this.child.stdin.write(message);
  }

  private receive(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.length += chunk.length;
    while (this.length >= 4) {
      const head = this.chunks.length === 1 || (this.chunks[0] as Buffer).length >= 4 ? (this.chunks[0] as Buffer) : this.join();
      const size = head.readUInt32LE(0);
      if (this.length < 4 + size) return;
      const all = this.join();
      const answer = new Int32Array(size / 4);
      new Uint8Array(answer.buffer).set(all.subarray(4, 4 + size));
      const rest = all.subarray(4 + size);
      this.chunks = rest.length > 0 ? [rest] : [];
      this.length = rest.length;
      this.waiting.shift()?.resolve(answer);
    }
  }

  private join(): Buffer {
    const all = Buffer.concat(this.chunks);
    this.chunks = [all];
    return all;
  }
}
