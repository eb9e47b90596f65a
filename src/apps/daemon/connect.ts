import { OperatorError } from '../../base/operator-error.ts';
import type { LocalSockets } from '../../base/ports/local-socket.ts';
import type { DaemonApi } from './api.ts';
import { places } from './places.ts';
import { ConnectionLostError, RpcClient } from './rpc/rpc-client.ts';

export type DaemonClient = RpcClient<DaemonApi>;

/** What finding or starting a daemon needs of the host. */
export interface DaemonFinder {
  readonly sockets: LocalSockets;
  /** The daemon's directory, made for us alone. */
  readonly directory: string;
  /** Start a daemon; settles when that process ends. */
  readonly launch: () => Promise<void>;
  readonly after: (milliseconds: number, callback: () => void) => void;
}

/** How long a daemon may take to start, in ms, and how often we look. */
const START_MS = 30_000;
const LOOK_MS = 15;

/** The daemon that runs, if one does. */
export async function findDaemon({ sockets, directory }: Pick<DaemonFinder, 'sockets' | 'directory'>): Promise<DaemonClient | undefined> {
  const stream = await sockets.connect(places(directory).socket);
  if (stream === undefined) return undefined;
  const client = new RpcClient<DaemonApi>(stream);
  try {
    // A daemon that is dying may still have taken the connection: only one that answers is there.
    await client.call('status', {});
    return client;
  } catch (error) {
    if (error instanceof ConnectionLostError) return undefined;
    throw error;
  }
}

/** The daemon that runs, or a new one. */
export async function needDaemon(finder: DaemonFinder): Promise<DaemonClient> {
  const running = await findDaemon(finder);
  if (running !== undefined) return running;
  let ended = false;
  void finder.launch().then(() => {
    ended = true;
  });
  for (let waited = 0; waited < START_MS; waited += LOOK_MS) {
    await new Promise<void>((resolve) => finder.after(LOOK_MS, resolve));
    // (the one we started also ends when somebody else's was quicker)
    const seenEnd = ended;
    const client = await findDaemon(finder);
    if (client !== undefined) return client;
    if (seenEnd) break;
  }
  throw new OperatorError('the daemon does not start', { hint: `See ${places(finder.directory).log}.` });
}
