import { XENSTORE_PAYLOAD_MAX } from '../../spec/xen/io/xs-wire.ts';
import { EMPTY_VALUE, type Node } from '../tree/node.ts';
import { parentPath } from '../tree/path.ts';
import { ACCESS_READ, ACCESS_WRITE } from '../tree/permissions.ts';
import { latin1Bytes, leadingNumber, nulTerminated, onlyString, stringsOf } from '../wire/latin1.ts';
import { createNode } from './create-node.ts';
import { removeNodes } from './remove-nodes.ts';
import { type Answer, OK, type Request } from './request.ts';

/** The node that the payload's only string names, for reading. */
function named(request: Request): Node | Exclude<Answer, Uint8Array> {
  const path = request.nodePath(onlyString(request.payload));
  return path === undefined ? 'EINVAL' : request.find(path, ACCESS_READ);
}

/** READ: `<path>|` -> value. */
export function read(request: Request): Answer {
  const node = named(request);
  return typeof node === 'string' ? node : node.value;
}

/** DIRECTORY: `<path>|` -> names of the children, each with a NUL. Fails with E2BIG when they do not fit: then DIRECTORY_PART. */
export function directory(request: Request): Answer {
  const node = named(request);
  return typeof node === 'string' ? node : nulTerminated(...node.children);
}

/** DIRECTORY_PART: `<path>|<offset>|` -> generation, names from that byte of the list on; an empty string marks the end. */
export function directoryPart(request: Request): Answer {
  const strings = stringsOf(request.payload);
  if (strings.length !== 2) return 'EINVAL';
  const path = request.nodePath(strings[0]);
  if (path === undefined) return 'EINVAL';
  const node = request.find(path, ACCESS_READ);
  if (typeof node === 'string') return node;

  const offset = leadingNumber(strings[1] as string) >>> 0;
  const generation = `${node.generation}\0`;
  const list = nulTerminated(...node.children);
  if (offset >= list.length) return latin1Bytes(`${generation}\0`);
  let end = offset;
  const room = XENSTORE_PAYLOAD_MAX - generation.length - 1;
  for (let next = list.indexOf(0, end) + 1; next > 0 && next - offset <= room; next = list.indexOf(0, end) + 1) end = next;
  const part = new Uint8Array(generation.length + (end - offset) + (end === list.length ? 1 : 0));
  part.set(latin1Bytes(generation));
  part.set(list.subarray(offset, end), generation.length);
  return part;
}

/** WRITE: `<path>|<value>`. Makes the node and what is missing above it. */
export function write(request: Request): Answer {
  const { payload } = request;
  const end = payload.indexOf(0);
  if (end === -1) return 'EINVAL';
  const path = request.nodePath(onlyString(payload.subarray(0, end + 1)));
  if (path === undefined) return 'EINVAL';
  const value = payload.slice(end + 1);
  const node = request.find(path, ACCESS_WRITE);
  if (typeof node === 'string' && node !== 'ENOENT') return node;
  const error = typeof node === 'string' ? createNode(request, path, value) : request.write([path, { ...node, value }]);
  if (error !== undefined) return error;
  request.changed(path, undefined);
  return OK;
}

/** MKDIR: `<path>|`. Makes the node and what is missing above it; nothing when it is there. */
export function mkdir(request: Request): Answer {
  const path = request.nodePath(onlyString(request.payload));
  if (path === undefined) return 'EINVAL';
  const node = request.find(path, ACCESS_WRITE);
  if (typeof node !== 'string') return OK;
  if (node !== 'ENOENT') return node;
  const error = createNode(request, path, EMPTY_VALUE);
  if (error !== undefined) return error;
  request.changed(path, undefined);
  return OK;
}

/** RM: `<path>|`. Takes the node away with all below it. It need not be there, but its parent must. */
export function rm(request: Request): Answer {
  const path = request.nodePath(onlyString(request.payload));
  if (path === undefined) return 'EINVAL';
  const node = request.find(path, ACCESS_WRITE);
  if (node === 'ENOENT') {
    const parent = request.view.get(parentPath(path));
    return typeof parent === 'string' ? parent : OK;
  }
  if (typeof node === 'string') return node;
  if (path === '/') return 'EINVAL';
  return removeNodes(request, path) ?? OK;
}
