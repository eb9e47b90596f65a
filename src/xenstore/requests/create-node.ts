import type { XsdError } from '../../spec/xen/io/xs-wire.ts';
import { EMPTY_VALUE, NO_CHILDREN, type NodeContent, withChild } from '../tree/node.ts';
import { lastName, parentPath } from '../tree/path.ts';
import type { Permissions } from '../tree/permissions.ts';
import type { Request } from './request.ts';

/**
 * Make the node `path`, which is not there, and what is missing above it. New nodes have their parent's permissions;
 * an unprivileged domain owns what it makes. Either all are made or none.
 * Fails: ENOSPC too many nodes, a node too large, or the transaction full; ENOMEM the domain holds too much.
 */
export function createNode(request: Request, path: string, value: Uint8Array): XsdError | undefined {
  const { connection, core, view } = request;
  // from the new node up to the last one that is missing
  const missing: string[] = [];
  let top = path;
  let found: ReturnType<typeof view.get>;
  do {
    missing.push(top);
    top = parentPath(top);
    found = view.get(top);
    if (typeof found === 'string' && (found !== 'ENOENT' || top === '/')) return found;
  } while (typeof found === 'string');

  if (!connection.privileged && (core.domains.find(connection.domid)?.nodes ?? 0) + missing.length > core.quotas.nodes) return 'ENOSPC';

  const [owner, ...others] = found.permissions;
  const permissions: Permissions = connection.privileged ? found.permissions : [{ ...owner, domid: connection.domid }, ...others];
  const made: [path: string, content: NodeContent][] = [[top, withChild(found, lastName(missing[missing.length - 1] as string))]];
  for (let i = missing.length - 1; i >= 0; i--) {
    const below = missing[i - 1];
    const children = below === undefined ? NO_CHILDREN : new Set([lastName(below)]);
    made.push([missing[i] as string, { value: below === undefined ? value : EMPTY_VALUE, children, permissions }]);
  }
  const error = request.write(...made);
  if (error !== undefined) return error;
  if (request.transaction !== undefined) request.transaction.created = true;
  return undefined;
}
