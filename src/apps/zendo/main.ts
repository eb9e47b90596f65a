/** The `zendo` command's process: what takes longest begins first, then comes the command line. */
import { lowerHostCompilers } from '../../host/node/thread-priority.ts';
import { nodeWorkerHost } from '../../host/node/worker-host.ts';
import { roomForYoungObjects } from '../../host/node/young-objects.ts';
import { prepareMachineThread, runsMachine } from './prepare-machine.ts';

if (runsMachine(process.argv)) {
  roomForYoungObjects();
  prepareMachineThread(nodeWorkerHost);
  // the process is Zendo's alone; both threads have enough to do to begin with
  lowerHostCompilers();
}
await import('./command-line.ts');
