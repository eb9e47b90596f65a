import type { GuestChannel } from '../base/ports/guest-channel.ts';
import { Connection } from './connection.ts';
import { type Core, INTRODUCE_DOMAIN, RELEASE_DOMAIN } from './core.ts';
import { subtree } from './requests/remove-nodes.ts';
import { EMPTY_VALUE, withoutChild } from './tree/node.ts';
import { lastName, parentPath } from './tree/path.ts';
import { PERMISSIONS_OF_DOMAIN_0, withoutDomain } from './tree/permissions.ts';
import { fireNode, fireSpecial } from './watches/fire.ts';
import { RingTransport } from './wire/ring-transport.ts';

/** Begin to serve a domain's ring; for one that is served, begin anew on this page and port. */
export function introduceDomain(core: Core, domid: number, gfn: number, port: number, channel: GuestChannel): void {
  const record = core.domains.find(domid) ?? core.domains.make(domid);
  const transport = new RingTransport(channel);
  let connection = core.ring(domid);
  const fresh = connection === undefined;
  if (connection === undefined) {
    connection = new Connection('ring', domid, transport);
    core.connections.push(connection);
  } else {
    connection.transport?.close();
    connection.transport = transport;
  }
  record.introduced = true;
  record.gfn = gfn;
  record.port = port;
  if (fresh) {
    record.shutdown = false;
    fireSpecial(core, INTRODUCE_DOMAIN, domid);
  }
  connection.reset();
  transport.reset();
  transport.signal();
}

/** Stop serving a domain, forget its nodes and all that permissions say about it. */
export function releaseDomain(core: Core, domid: number): void {
  const record = core.domains.get(domid);
  if (record === undefined) return;
  for (const connection of core.connections) {
    if (connection.target === domid) connection.target = undefined;
    if (connection.domid !== domid) continue;
    connection.reset();
    connection.transport?.close();
    connection.transport = undefined;
  }
  core.connections = core.connections.filter((connection) => connection.domid !== domid);
  if (record.nodes > 0) removeOwned(core, domid);
  core.tree.forgetDomain(domid);
  for (const connection of core.connections) for (const transaction of connection.transactions) transaction.forgetDomain(domid);
  for (const [name, permissions] of core.special)
    core.special.set(name, permissions[0].domid === domid ? PERMISSIONS_OF_DOMAIN_0 : withoutDomain(permissions, domid));
  core.domains.delete(domid);
  if (record.introduced) fireSpecial(core, RELEASE_DOMAIN, domid);
}

/** Take away the nodes of a domain, with all below them, whoever owns that. */
function removeOwned(core: Core, domid: number): void {
  const { tree } = core;
  const owned = [...tree.entries()].filter(([, node]) => node.permissions[0].domid === domid).map(([path]) => path);
  for (const top of owned) {
    const gone = subtree(tree, top);
    if (typeof gone === 'string' || gone.length === 0) continue;
    if (top === '/') {
      // it stays, and falls back to domain 0
      const root = tree.get('/');
      if (typeof root !== 'string') tree.put('/', { ...root, value: EMPTY_VALUE, permissions: PERMISSIONS_OF_DOMAIN_0 });
      continue;
    }
    for (const [path, node] of gone) {
      fireNode(core, path, node, path === top ? 'subtree' : 'exact');
      tree.delete(path);
    }
    const parent = tree.get(parentPath(top));
    if (typeof parent !== 'string') tree.put(parentPath(top), withoutChild(parent, lastName(top)));
  }
}
