import { type DaemonClient, type DaemonFinder, findDaemon, needDaemon } from '../../daemon/connect.ts';
import { places } from '../../daemon/places.ts';
import { ConnectionLostError } from '../../daemon/rpc/rpc-client.ts';
import type { CommandHost } from '../host.ts';

/** `status` when no daemon runs. @see Linux Standard Base, Init Script Actions */
const NOT_RUNNING = 3;

/** `zendo daemon`: start it, ask how it is, or shut its guests down and end it. The exit status. */
export async function daemon(host: CommandHost, finder: DaemonFinder, action: 'start' | 'stop' | 'status'): Promise<number> {
  const client = action === 'start' ? await needDaemon(finder) : await findDaemon(finder);
  if (client === undefined) {
    host.message('zendo: no daemon runs');
    return action === 'status' ? NOT_RUNNING : 0;
  }
  try {
    const { pid, version, domains, counters } = await client.call('status', {});
    if (action === 'stop') {
      await stopped(client);
      host.message(`zendo: the daemon has ended (process ${pid})`);
      return 0;
    }
    const { socket, store, privcmd, log } = places(finder.directory);
    host.message(`zendo: the daemon runs (process ${pid}, version ${version}) with ${domains - 1} guest${domains === 2 ? '' : 's'}`);
    host.message(`  xl's socket:    ${socket}\n  xenstored's:    ${store}  (XENSTORED_PATH)\n  privcmd:        ${privcmd}\n  log:            ${log}`);
    if (action === 'status') for (const [name, value] of Object.entries(counters)) host.message(`  ${`${name}:`.padEnd(16)}${value}`);
    return 0;
  } finally {
    client.close();
  }
}

/** Stop the daemon; it is gone when it lets go of the connection. */
async function stopped(client: DaemonClient): Promise<void> {
  const gone = client.gone();
  await client.call('stop', {}).catch((error) => {
    if (!(error instanceof ConnectionLostError)) throw error;
  });
  await gone;
}
