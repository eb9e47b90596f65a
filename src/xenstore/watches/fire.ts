import { XENSTORE_PAYLOAD_MAX } from '../../spec/xen/io/xs-wire.ts';
import type { Connection } from '../connection.ts';
import type { Core } from '../core.ts';
import type { Node } from '../tree/node.ts';
import { parentPath } from '../tree/path.ts';
import { ACCESS_READ, accessOf, type Permissions } from '../tree/permissions.ts';
import { nulTerminated } from '../wire/latin1.ts';
import { hears, type Match, toldPath, type Watch } from './watch.ts';

/** Put an event into a connection's outbox. Lost when it is too long for the protocol or its domain holds too much already. */
export function sendEvent(core: Core, connection: Connection, watch: Watch, path: string): void {
  const payload = nulTerminated(toldPath(watch, path), watch.token);
  if (payload.length > XENSTORE_PAYLOAD_MAX || connection.broken !== 0) return;
  const held = connection.privileged ? connection.outbox.size : core.memoryOf(connection);
  if (connection.kind !== 'client' && held + payload.length > core.quotas.memory) {
    core.log.warn('watch event lost: its domain reads too slowly', { domid: connection.domid });
    return;
  }
  connection.outbox.event(payload);
}

/**
 * Tell all watches that a node has changed.
 * `node`: the node as it is now, or was until now; undefined: look it up. `before`: its permissions before, when they may
 * have been others: who could read it then hears of it too.
 */
export function fireNode(core: Core, path: string, node: Node | undefined, match: 'subtree' | 'exact', before?: Permissions): void {
  const found = node ?? core.tree.get(path);
  const parent = core.tree.get(parentPath(path));
  const mayHear = (connection: Connection): boolean => {
    const readable = (permissions: Permissions): boolean => (accessOf(connection, permissions) & ACCESS_READ) !== 0;
    if (before !== undefined && readable(before)) return true;
    if (typeof found === 'string') return false;
    return readable(found.permissions) || (typeof parent !== 'string' && readable(parent.permissions));
  };
  fire(core, path, match, mayHear);
}

/** Tell watches of a special path that a domain came or went. `domid` undefined: it is not said which. */
export function fireSpecial(core: Core, name: string, domid: number | undefined): void {
  const permissions = core.special.get(name);
  if (permissions === undefined) return;
  const mayHear = (connection: Connection): boolean => (accessOf(connection, permissions) & ACCESS_READ) !== 0;
  fire(core, name, 'special', mayHear);
  if (domid !== undefined) fire(core, `${name}/${domid}`, 'special-domain', mayHear);
}

function fire(core: Core, path: string, match: Match, mayHear: (connection: Connection) => boolean): void {
  for (const connection of core.connections) {
    // permissions are looked at only where a watch matches: most writes match none
    let allowed: boolean | undefined;
    for (const watch of connection.watches) {
      if (!hears(watch, path, match)) continue;
      allowed ??= mayHear(connection);
      if (!allowed) break;
      sendEvent(core, connection, watch, path);
    }
  }
}
