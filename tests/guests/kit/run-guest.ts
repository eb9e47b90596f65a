import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { boot, imagesOf } from '../../../src/apps/zendo/commands/boot.ts';
import type { CommandHost } from '../../../src/apps/zendo/host.ts';
import { nodeFileStore } from '../../../src/host/node/file-store.ts';
import { nodeWorkerHost } from '../../../src/host/node/worker-host.ts';
import { TestGuest } from './test-guest.ts';

/** How a guest's run ended. */
export interface GuestRun {
  /** As the command's exit status. */
  readonly status: number;
  /** Everything on the console. */
  readonly console: string;
  /** The console's lines. */
  readonly lines: readonly string[];
  /** What zendo said to its operator. */
  readonly messages: readonly string[];
  /** The object of --json. */
  readonly summary: Readonly<Record<string, unknown>>;
}

/** What is typed on the console: when the pattern has been seen. */
export interface Typing {
  readonly after: RegExp;
  readonly bytes: string;
}

/** Boot a guest in this process, by the code of `zendo boot`. Virtual time unless told otherwise. */
export async function runKernel(
  kernel: Uint8Array,
  options: { memory?: number; seed?: bigint | undefined; typing?: readonly Typing[]; trace?: readonly string[] } = {},
): Promise<GuestRun> {
  const messages: string[] = [];
  const waiting = [...(options.typing ?? [])];
  let console = '';
  let listener: (bytes: Uint8Array) => void = () => {};
  const host: CommandHost = {
    translations: () => undefined,
    compilersGiveWay: () => {},
    workers: nodeWorkerHost,
    files: nodeFileStore,
    terminal: {
      write: async (bytes) => {
        console += Buffer.from(bytes).toString('latin1');
        for (let next = waiting[0]; next?.after.test(console); next = waiting[0]) {
          waiting.shift();
          listener(new TextEncoder().encode(next.bytes));
        }
      },
      onInput: (given) => {
        listener = given;
        return () => {};
      },
      onEnd: () => () => {},
      size: () => undefined,
      setRaw: () => {},
    },
    message: (line) => messages.push(line),
    facts: () => Promise.reject(new Error('nobody asks')),
    print: (text) => messages.push(text),
    milliseconds: () => performance.now(),
    wall: () => Date.now(),
    peakMemory: () => 0,
    uuid: () => new Uint8Array(16),
    after: (milliseconds, callback) => {
      const timer = setTimeout(callback, milliseconds);
      return () => clearTimeout(timer);
    },
    onInterrupt: () => () => {},
    core: async () => new Uint8Array(await readFile(new URL('../../../build/core.wasm', import.meta.url))),
    compress: (bytes) => zstdCompressSync(bytes),
    decompress: (bytes) => zstdDecompressSync(bytes),
    sha256: (pieces) => {
      const hash = createHash('sha256');
      for (const piece of pieces) hash.update(piece);
      return hash.digest('hex');
    },
  };
  const seed = 'seed' in options ? options.seed : 1n;
  const status = await boot(
    host,
    {
      kernel: 'guest',
      append: '',
      memory: options.memory ?? 16,
      timeout: 120,
      trace: options.trace ?? [],
      json: true,
      hash: false,
      ...(seed === undefined ? {} : { seed }),
    },
    imagesOf(kernel, 'guest'),
  );
  const end = messages.findLast((line) => line.startsWith('{"end"')) ?? '{}';
  const lines = console.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return { status, console, lines, messages: messages.filter((line) => line !== end), summary: JSON.parse(end) as Record<string, unknown> };
}

/** Build and boot a test guest. */
export const runGuest = (program: (g: TestGuest) => void, options?: Parameters<typeof runKernel>[1]): Promise<GuestRun> =>
  runKernel(TestGuest.build(program), options);
