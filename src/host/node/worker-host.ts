import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { WorkerHost, WorkerThread } from '../../base/ports/worker-host.ts';

/** Threads by Node's worker_threads. */
export const nodeWorkerHost: WorkerHost = {
  parallelism: availableParallelism(),
  start(url, data): WorkerThread {
    const worker = new Worker(url, { workerData: data });
    let failure: unknown;
    worker.on('error', (error) => {
      failure = error;
    });
    return {
      post: (message) => worker.postMessage(message),
      onMessage(listener) {
        worker.on('message', listener);
        return () => worker.off('message', listener);
      },
      onExit(listener) {
        const on = (): void => listener(failure);
        worker.on('exit', on);
        return () => worker.off('exit', on);
      },
      async stop() {
        await worker.terminate();
      },
    };
  },
};
