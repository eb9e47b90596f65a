import {
  ACCESS_OWNER,
  ACCESS_READ,
  ACCESS_WRITE,
  accessOf,
  DOMID_ANY,
  formatPermission,
  type Permission,
  type Permissions,
  parsePermission,
} from '../tree/permissions.ts';
import { nulTerminated, onlyString, stringsOf } from '../wire/latin1.ts';
import { type Answer, OK, type Request } from './request.ts';

/** GET_PERMS: `<path>|` -> permission entries, the owner's first, each with a NUL. */
export function getPermissions(request: Request): Answer {
  const path = request.nodePath(onlyString(request.payload));
  if (path === undefined) return 'EINVAL';
  const node = request.find(path, ACCESS_READ);
  return typeof node === 'string' ? node : nulTerminated(...node.permissions.map(formatPermission));
}

/**
 * SET_PERMS: `<path>|<entry>|+`, also for @introduceDomain and @releaseDomain.
 * Fails: EINVAL malformed; ENOSPC too many entries; ENOENT no such owner, or node; EACCES not the owner's; EPERM only the
 * privileged give a node away.
 */
export function setPermissions(request: Request): Answer {
  const { connection, core } = request;
  const [given, ...texts] = stringsOf(request.payload);
  if (given === undefined || texts.length === 0) return 'EINVAL';
  if (!connection.privileged && texts.length > core.quotas.permissions) return 'ENOSPC';

  const entries: Permission[] = [];
  for (const text of texts) {
    const entry = parsePermission(text);
    if (entry === undefined) return 'EINVAL';
    // an entry for a domain that is not there must not hold for one that gets its number later
    const stale = entry.domid !== DOMID_ANY && core.domains.find(entry.domid) === undefined;
    entries.push(stale ? { ...entry, stale } : entry);
  }
  const owner = entries[0] as Permission;
  if (owner.stale === true || owner.domid === DOMID_ANY) return 'ENOENT';
  const permissions = entries as unknown as Permissions;

  if (given.startsWith('@')) {
    const now = core.special.get(given);
    if (now === undefined) return 'EINVAL';
    const needed = ACCESS_WRITE | ACCESS_OWNER;
    if ((accessOf(connection, now) & needed) !== needed) return 'EACCES';
    core.special.set(given, permissions);
    return OK;
  }

  const path = request.nodePath(given);
  if (path === undefined) return 'EINVAL';
  const node = request.find(path, ACCESS_WRITE | ACCESS_OWNER);
  if (typeof node === 'string') return node;
  if (!connection.privileged && owner.domid !== node.permissions[0].domid) return 'EPERM';
  const error = request.write([path, { ...node, permissions }]);
  if (error !== undefined) return error;
  request.changed(path, undefined, 'subtree', node);
  return OK;
}
