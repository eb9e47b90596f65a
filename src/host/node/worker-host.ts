import { availableParallelism } from 'node:os';
import { type MessagePort, Worker } from 'node:worker_threads';
import type { WorkerHost, WorkerThread } from '../../base/ports/worker-host.ts';

/**
 * A thread that meets a machine's memories, of 4 GiB each, collects all garbage at once for each of them, as V8 takes them for pressure on its heap: where they are more than half of
 * what the heap may have.
 */
const resourceLimits = { maxOldGenerationSizeMb: 20 << 10 };

/** Threads that load their module already, by URL. */
const prepared = new Map<string, { readonly worker: Worker; readonly online: Promise<void> }>();

/** Threads by Node's worker_threads. */
export const nodeWorkerHost: WorkerHost = {
  parallelism: availableParallelism(),
  prepare(url, early) {
    if (prepared.has(url.href)) return;
    const worker = new Worker(url, { workerData: early, resourceLimits, stdout: true, stderr: true });
    worker.unref();
    worker.on('error', () => prepared.delete(url.href)); // whoever starts it next sees the error
    const online = new Promise<void>((resolve) => {
      worker.once('online', resolve);
      worker.once('exit', resolve);
    });
    prepared.set(url.href, { worker, online });
  },
  async prepared(url) {
    const one = prepared.get(url.href);
    if (one === undefined) return;
    // the process lives until then
    one.worker.ref();
    await one.online;
    one.worker.unref();
  },
  start(url, data, moved = []): WorkerThread {
    const transferList = [...moved] as (MessagePort | ArrayBuffer)[];
    let worker = prepared.get(url.href)?.worker;
    if (worker === undefined) worker = new Worker(url, { workerData: data, transferList, resourceLimits });
    else {
      prepared.delete(url.href);
      worker.ref();
      // Node would have made our own streams for these before it started the thread
      worker.stdout.pipe(process.stdout);
      worker.stderr.pipe(process.stderr);
      worker.postMessage(data, transferList);
    }
    return attach(worker);
  },
};

function attach(worker: Worker): WorkerThread {
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
}
