/** The `zendo` command's process: what takes longest begins first, then comes the command line. */
import { nodeWorkerHost } from '../../host/node/worker-host.ts';
import { roomForYoungObjects } from '../../host/node/young-objects.ts';
import { prepareMachineThread, runsMachine } from './prepare-machine.ts';

if (runsMachine(process.argv)) {
  roomForYoungObjects();
  prepareMachineThread(nodeWorkerHost);
}
await import('./command-line.ts');
