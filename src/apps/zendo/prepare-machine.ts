import type { WorkerHost } from '../../base/ports/worker-host.ts';
import { type ReservedMemories, reserveMemories } from '../../machine/memories.ts';

export const PCPU_WORKER = new URL('./pcpu.worker.ts', import.meta.url);

/** Commands that will need a new machine, unless something is wrong with their options. */
const RUN_MACHINE = ['boot', 'start'];

/** Whether a process with these arguments (Node, its program, the command) will need a new machine. */
export const runsMachine = (argv: readonly string[]): boolean => RUN_MACHINE.includes(argv[2] ?? '');

const prepared = new WeakMap<WorkerHost, ReservedMemories>();

/** A new machine will be needed soon: its thread begins to load its program. */
export function prepareMachineThread(workers: WorkerHost): void {
  if (prepared.has(workers)) return;
  const memories = reserveMemories();
  prepared.set(workers, memories);
  workers.prepare(PCPU_WORKER, memories);
}

/** Settles when the thread that was prepared has its memories: before, they should not grow. */
export async function machineThreadIsPrepared(workers: WorkerHost): Promise<void> {
  if (prepared.has(workers)) await workers.prepared(PCPU_WORKER);
}

/** The memories of the machine that was prepared, for one who starts its thread now. */
export function takePrepared(workers: WorkerHost): ReservedMemories | undefined {
  const memories = prepared.get(workers);
  prepared.delete(workers);
  return memories;
}
