import { type Handler, internalError, RpcConnection } from '../../../src/apps/daemon/rpc/rpc-server.ts';
import { streamPair } from '../../../src/apps/daemon/rpc/testing/stream-pair.ts';
import { mutateText } from '../mutate.ts';
import type { Target } from '../target.ts';
import { CALLS, JSON_WORDS } from './daemon-calls.ts';

/** Characters of one input. */
const LIMIT = 8192;
const encoder = new TextEncoder();

export const rpcTarget: Target = {
  name: 'rpc',
  about: 'the wire of the daemon: lines, JSON, ids, cancellation, in pieces',
  prepare: () => ({
    async run(random) {
      const [near, far] = streamPair();
      const handlers = new Map<string, Handler>([
        ['list', () => []],
        ['status', () => ({})],
        ['wait', (_params, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('gone'))))],
      ]);
      new RpcConnection(far, handlers, internalError);
      let answers = 0;
      let closed = false;
      near.onData((bytes) => {
        for (const line of new TextDecoder().decode(bytes).split('\n')) {
          if (line === '') continue;
          const answer = JSON.parse(line) as { jsonrpc?: string };
          if (answer.jsonrpc !== '2.0') throw new Error(`no answer: ${line}`);
          answers++;
        }
      });
      near.onClose(() => {
        closed = true;
      });
      const lines = Array.from({ length: 1 + random.below(4) }, () => mutateText(random, CALLS, JSON_WORDS, LIMIT)).join('\n');
      const bytes = encoder.encode(`${lines}\n`);
      const cut = random.below(bytes.length);
      near.send(bytes.subarray(0, cut));
      near.send(bytes.subarray(cut));
      await null;
      await null;
      near.close();
      return closed && answers === 0 ? 'silent' : answers > 0 ? 'answered' : 'nothing asked';
    },
  }),
};
