import { XENSTORE_REL_PATH_MAX } from '../../spec/xen/io/xs-wire.ts';
import { canonicalPath } from '../tree/path.ts';
import { sendEvent } from '../watches/fire.ts';
import type { Watch } from '../watches/watch.ts';
import { leadingNumber, stringsOf } from '../wire/latin1.ts';
import { type Answer, OK, type Request } from './request.ts';

/**
 * WATCH: `<path>|<token>|` and perhaps `<depth>|`. Fires once at once, after the reply.
 * Fails: EINVAL malformed; EEXIST it is there; E2BIG the domain has too many; ENOMEM it holds too much.
 */
export function watch(request: Request): Answer {
  const { connection, core } = request;
  const [given, token, depthText, ...rest] = stringsOf(request.payload);
  if (given === undefined || token === undefined || rest.length > 0) return 'EINVAL';
  const depth = depthText === undefined ? undefined : leadingNumber(depthText);
  if (depth !== undefined && depth < 0) return 'EINVAL';
  const special = given.startsWith('@');
  const path = special ? given : request.nodePath(given);
  if (path === undefined || (special && path.length > XENSTORE_REL_PATH_MAX)) return 'EINVAL';
  if (connection.hasWatch(path, token)) return 'EEXIST';
  if (!connection.privileged) {
    if (connection.watchCount >= core.quotas.watches) return 'E2BIG';
    if (core.memoryOf(connection) + path.length + token.length > core.quotas.memory) return 'ENOMEM';
  }
  const relative = !special && !given.startsWith('/');
  const added: Watch = { path, token, cut: relative ? connection.basePath.length + 1 : 0, depth };
  connection.addWatch(added);
  request.afterReply = () => sendEvent(core, connection, added, path);
  return OK;
}

/** UNWATCH: `<path>|<token>|`. Fails: EINVAL malformed; ENOENT there is no such watch. */
export function unwatch(request: Request): Answer {
  const [given, token, ...rest] = stringsOf(request.payload);
  if (given === undefined || token === undefined || rest.length > 0) return 'EINVAL';
  return request.connection.removeWatch(canonicalPath(given, request.connection.basePath), token) ? OK : 'ENOENT';
}

/** RESET_WATCHES: drop the caller's watches and transactions. */
export function resetWatches(request: Request): Answer {
  request.connection.resetWatches();
  return OK;
}
