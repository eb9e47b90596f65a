/** The `zendo` command's process: what takes longest begins first, then comes the command line. */
import { lowerHostCompilers } from '../../host/node/thread-priority.ts';
import { nodeWorkerHost } from '../../host/node/worker-host.ts';
import { prepareMachineThread } from './prepare-machine.ts';

/** Commands that will need a new machine, unless something is wrong with their options. */
const RUNS_MACHINE = ['boot', 'start'];

if (RUNS_MACHINE.includes(process.argv[2] ?? '')) {
  prepareMachineThread(nodeWorkerHost);
  // the process is Zendo's alone; both threads have enough to do to begin with
  lowerHostCompilers();
}
await import('./command-line.ts');
