import { XENSTORE_ERROR_PROTO, XENSTORE_ERROR_RINGIDX } from '../spec/xen/io/xs-wire.ts';
import type { Connection } from './connection.ts';
import type { Core } from './core.ts';
import { REQUESTS_PER_TURN } from './quotas.ts';
import { handleMessage } from './requests/handle.ts';
import type { Transport } from './wire/transport.ts';

/** Give a connection its turn: send what waits, handle up to REQUESTS_PER_TURN requests. True when it wants another turn. */
export function pump(core: Core, connection: Connection): boolean {
  const { transport } = connection;
  if (transport === undefined) return false;
  if (transport.wantsReset()) {
    connection.reset();
    transport.reset();
  }
  let left = REQUESTS_PER_TURN;
  while (connection.broken === 0) {
    if (!flush(connection, transport)) {
      giveUp(core, connection, transport, XENSTORE_ERROR_RINGIDX);
      break;
    }
    if (left === 0) break;
    // who does not fetch answers is not asked for more requests; fetching them sends an event
    if (connection.outbox.replies >= core.quotas.outstanding) break;
    const count = transport.read(connection.reader.room());
    if (count < 0) giveUp(core, connection, transport, XENSTORE_ERROR_RINGIDX);
    if (count <= 0) break;
    const message = connection.reader.advance(count);
    if (message === 'too long') giveUp(core, connection, transport, XENSTORE_ERROR_PROTO);
    else if (message !== undefined) {
      left--;
      handleMessage(core, connection, message);
    }
  }
  transport.signal();
  return connection.broken === 0 && left === 0 && transport.readable();
}

/** Send what waits to all connections, as far as they take it. */
export function flushAll(core: Core): void {
  for (const connection of [...core.connections]) {
    const { transport } = connection;
    if (transport === undefined || connection.broken !== 0 || connection.outbox.empty) continue;
    if (!flush(connection, transport)) giveUp(core, connection, transport, XENSTORE_ERROR_RINGIDX);
    transport.signal();
  }
}

/** Send as much as the peer takes; false when it broke the channel. */
function flush({ outbox }: Connection, transport: Transport): boolean {
  while (!outbox.empty) {
    const count = transport.write(outbox.head());
    if (count < 0) return false;
    if (count === 0) return true;
    outbox.advance(count);
  }
  return true;
}

/** End the conversation with a peer that broke the protocol. Only a reset begins it again. */
function giveUp(core: Core, connection: Connection, transport: Transport, reason: number): void {
  core.log.warn('xenstore connection given up', { domid: connection.domid, reason });
  connection.reset();
  connection.broken = reason;
  transport.fail(reason);
  if (connection.kind === 'stream') core.connections = core.connections.filter((each) => each !== connection);
}
