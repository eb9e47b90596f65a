import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';

/** An input on which the target did not behave. */
export interface Failure {
  readonly target: string;
  /** Number of the input: `--first N --runs 1` with the same seed makes it again. */
  readonly input: number;
  readonly what: string;
}

/** What became of the inputs of one target. */
export interface Report {
  readonly target: string;
  readonly inputs: number;
  /** How many ended in which way. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Host milliseconds of all inputs. */
  readonly milliseconds: number;
  /** Milliseconds of processor time that the longest input took, and which it was. */
  readonly longest: number;
  readonly longestInput: number;
  /** MiB of memory in use at the end more than after the first tenth. */
  readonly growth: number;
  readonly failures: readonly Failure[];
}

export interface FuzzOptions {
  readonly target: string;
  readonly seed: number;
  readonly first: number;
  readonly inputs: number;
}

/** What the thread is given. */
export interface FuzzData extends FuzzOptions {
  /** Word 0: the input that is tried. */
  readonly progress: Int32Array;
}

/** An input that takes as long hangs, in ms: a thousand times what the slowest takes. */
const HANG_MS = 60_000;
const LOOK_MS = 1000;
/** Growth of memory that fails a run, in MiB. */
export const MOST_GROWTH = 64;

/** Try one target, in a thread of its own that is watched. */
export async function fuzz(options: FuzzOptions): Promise<Report> {
  const progress = new Int32Array(new SharedArrayBuffer(8));
  const data: FuzzData = { ...options, progress };
  const worker = new Worker(new URL('./fuzz.worker.ts', import.meta.url), { workerData: data });
  const failures: Failure[] = [];
  const seconds = performance.now();
  let report: Report | undefined;
  let at = -1;
  let since = 0;
  const look = setInterval(() => {
    const input = Atomics.load(progress, 0);
    if (input !== at) {
      at = input;
      since = performance.now();
    } else if (performance.now() - since > HANG_MS) {
      failures.push({ target: options.target, input, what: `no end after ${HANG_MS} ms` });
      clearInterval(look);
      void worker.terminate();
    }
  }, LOOK_MS);
  worker.on('message', (message: Report) => {
    report = message;
  });
  worker.on('error', (error: Error) => {
    failures.push({ target: options.target, input: Atomics.load(progress, 0), what: `an error that nobody caught: ${error.stack ?? error.message}` });
  });
  await new Promise((resolve) => worker.on('exit', resolve));
  clearInterval(look);
  if (report === undefined && failures.length === 0) {
    failures.push({ target: options.target, input: Atomics.load(progress, 0), what: 'nothing is left to wait for, and there is no outcome' });
  }
  const missing = {
    target: options.target,
    inputs: Atomics.load(progress, 0) - options.first,
    outcomes: {},
    milliseconds: performance.now() - seconds,
    longest: 0,
    longestInput: 0,
    growth: 0,
  };
  const found = report ?? { ...missing, failures: [] };
  if (found.growth > MOST_GROWTH) failures.push({ target: options.target, input: options.first, what: `memory grew by ${found.growth.toFixed(1)} MiB` });
  return { ...found, failures: [...found.failures, ...failures] };
}

/** Bytes in use when all that can be freed is freed. */
export function memoryInUse(): number {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  gc();
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A report in one line. */
export function summaryOf({ target, inputs, outcomes, milliseconds, longest, longestInput, growth, failures }: Report): string {
  const ways = Object.entries(outcomes)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
  return `${target}: ${inputs} inputs in ${(milliseconds / 1000).toFixed(0)} s (longest ${longest.toFixed(0)} ms: input ${longestInput}, memory ${growth >= 0 ? '+' : ''}${growth.toFixed(1)} MiB): ${ways}; ${failures.length} failures`;
}
