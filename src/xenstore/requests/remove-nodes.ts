import type { XsdError } from '../../spec/xen/io/xs-wire.ts';
import { type Node, withoutChild } from '../tree/node.ts';
import { childPath, lastName, parentPath } from '../tree/path.ts';
import type { View } from '../tree/view.ts';
import type { Request } from './request.ts';

/** A node and all below it, children before their parents. */
export function subtree(view: View, top: string): [path: string, node: Node][] | XsdError {
  const order: [string, Node][] = [];
  const pending = [top];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const node = view.get(path);
    if (node === 'ENOENT') continue;
    if (typeof node === 'string') return node;
    order.push([path, node]);
    for (const name of node.children) pending.push(childPath(path, name));
  }
  return order.reverse();
}

/** Take away `path`, which is there and is not the root, with all below it. Fails: ENOSPC the transaction is full. */
export function removeNodes(request: Request, path: string): XsdError | undefined {
  const { view } = request;
  const parent = view.get(parentPath(path));
  const gone = subtree(view, path);
  if (typeof gone === 'string') return gone;
  if (typeof parent === 'string') return 'EINVAL';
  for (const [at, node] of gone) {
    // watches above hear of the whole once, watches on each node of their own; while the permissions can still be seen
    if (request.transaction === undefined) request.changed(at, node, at === path ? 'subtree' : 'exact');
    const error = view.delete(at);
    if (error !== undefined) return error;
    if (request.transaction !== undefined) request.changed(at, undefined, at === path ? 'subtree' : 'exact');
  }
  return request.writeFreely([parentPath(path), withoutChild(parent, lastName(path))]);
}
