/** The thread that tries one target. */
import { parentPort, workerData } from 'node:worker_threads';
import { Random } from './random.ts';
import { type Failure, type FuzzData, memoryInUse, type Report } from './run.ts';
import { targetNamed } from './targets.ts';

/** Milliseconds that this thread ran so far. */
function processorTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Failures after which a run ends. */
const ENOUGH = 10;

const { target: name, seed, first, inputs, progress } = workerData as FuzzData;
const trial = await targetNamed(name).prepare();
const outcomes: Record<string, number> = {};
const failures: Failure[] = [];
const warm = first + Math.ceil(inputs / 10);
let before = 0;
let longest = 0;
let longestInput = first;
let input = first;
let uncaught: unknown;
process.on('unhandledRejection', (error) => {
  uncaught = error;
});
const began = performance.now();
for (; input < first + inputs && failures.length < ENOUGH; input++) {
  Atomics.store(progress, 0, input);
  const start = processorTime();
  try {
    const outcome = trial.run(new Random(seed, input));
    const way = typeof outcome === 'string' ? outcome : await outcome;
    outcomes[way] = (outcomes[way] ?? 0) + 1;
    if (uncaught !== undefined) throw uncaught;
  } catch (error) {
    uncaught = undefined;
    failures.push({ target: name, input, what: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
  const took = processorTime() - start;
  if (took > longest) {
    longest = took;
    longestInput = input;
  }
  if (input === warm) before = memoryInUse();
}
const milliseconds = performance.now() - began;
const growth = before === 0 ? 0 : (memoryInUse() - before) / (1 << 20);
try {
  await trial.end?.();
} catch (error) {
  failures.push({ target: name, input, what: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
const report: Report = { target: name, inputs: input - first, outcomes, milliseconds, longest, longestInput, growth, failures };
parentPort?.postMessage(report);
