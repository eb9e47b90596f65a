import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { DaemonApi } from '../../../src/apps/daemon/api.ts';
import { Daemon } from '../../../src/apps/daemon/daemon.ts';
import { RpcClient } from '../../../src/apps/daemon/rpc/rpc-client.ts';
import { streamPair } from '../../../src/apps/daemon/rpc/testing/stream-pair.ts';
import { FileStoreError } from '../../../src/base/ports/file-store.ts';
import { nodeWorkerHost } from '../../../src/host/node/worker-host.ts';
import { helloGuest } from '../../../src/toolstack/guests/hello.ts';
import { mutateText } from '../mutate.ts';
import type { Target } from '../target.ts';
import { CALLS, JSON_WORDS } from './daemon-calls.ts';

const LIMIT = 4096;
const encoder = new TextEncoder();

export const daemonTarget: Target = {
  name: 'daemon',
  about: 'a daemon with a running machine, and a second client that must go on',
  async prepare() {
    const kernel = helloGuest({ echo: true });
    const sink = { size: 0, write: async () => {}, close: async () => {} };
    const daemon = await Daemon.start(
      {
        workers: nodeWorkerHost,
        files: {
          info: async () => undefined,
          read: async (path) => {
            if (path === '/kernel') return kernel;
            throw new FileStoreError('not found', path);
          },
          write: async () => {},
          create: async () => sink,
          append: async () => sink,
          makeDirectory: async () => {},
          rename: async () => {},
          list: async () => [],
          remove: async () => {},
        },
        core: async () => new Uint8Array(await readFile(new URL('../../../build/core.wasm', import.meta.url))),
        translations: undefined,
        wall: () => Date.now(),
        after: (milliseconds, callback) => {
          const timer = setTimeout(callback, milliseconds);
          return () => clearTimeout(timer);
        },
        uuid: () => '00000000-0000-4000-8000-000000000000',
        pid: 1,
        openFiles: () => 0,
        log: () => {},
      },
      { frames: 16384, records: '/records', kept: { consoles: '/consoles', dumps: '/dumps', auto: '/auto' }, version: '0', onStopping: () => {} },
    );
    const connect = (): ReturnType<typeof streamPair>[0] => {
      const [near, far] = streamPair();
      daemon.serve(far);
      return near;
    };
    const bystander = new RpcClient<DaemonApi>(connect());
    const cleanUp = async (): Promise<number> => {
      const domains = await bystander.call('list', {});
      for (const { domid } of domains.slice(1)) await bystander.call('destroy', { domid }).catch(() => {});
      return domains.length - 1;
    };
    // (the first domain leaves directories behind, in which others come)
    await bystander.call('create', (JSON.parse(CALLS.find((call) => call.includes('"create"')) as string) as { params: DaemonApi['create']['params'] }).params);
    await cleanUp();
    const { counters } = await bystander.call('status', {});
    return {
      async run(random) {
        const hostile = connect();
        let answers = 0;
        hostile.onData((bytes) => {
          for (const byte of bytes) if (byte === 10) answers++;
        });
        const text = Array.from({ length: 1 + random.below(3) }, () => mutateText(random, CALLS, JSON_WORDS, LIMIT)).join('\n');
        // (asking the daemon to end is no malformed input)
        hostile.send(encoder.encode(`${text.replaceAll('stop', 'step')}\n`));
        const domains = await cleanUp();
        hostile.close();
        return domains > 0 ? 'made a domain' : answers > 0 ? 'answered' : 'silent';
      },
      async end() {
        try {
          while ((await cleanUp()) > 0);
          const { counters: after } = await bystander.call('status', {});
          assert.deepEqual(after, counters, 'something is left of what clients did');
        } finally {
          await daemon.stop();
        }
      },
    };
  },
};
