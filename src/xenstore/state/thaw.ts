import { XENSTORE_PAYLOAD_MAX } from '../../spec/xen/io/xs-wire.ts';
import { Connection } from '../connection.ts';
import type { Core } from '../core.ts';
import { QUOTA_NAMES } from '../quotas.ts';
import type { Node } from '../tree/node.ts';
import type { Permission, Permissions } from '../tree/permissions.ts';
import { type Firing, Transaction } from '../tree/transaction.ts';
import type { Message } from '../wire/message.ts';
import { STATE_NAME, STATE_VERSION } from './freeze.ts';
import { StateReader } from './state-reader.ts';

/** Fill an empty core with what `freezeCore` wrote. Throws OperatorError when the bytes are not a whole store. */
export function thawCore(core: Core, bytes: Uint8Array): void {
  const reader = new StateReader(bytes, 'xenstore');
  if (reader.text() !== STATE_NAME) reader.damaged('it is not the state of a xenstore');
  const version = reader.uint();
  if (version !== STATE_VERSION) reader.damaged(`it has version ${version}, this program knows version ${STATE_VERSION}`);
  for (const [name] of QUOTA_NAMES) core.quotas[name] = reader.uint();
  core.softMemory = reader.uint();
  core.tracing = reader.flag();
  core.tree.restoreGeneration(reader.uint());
  for (const [name, permissions] of reader.list(() => [reader.text(), readPermissions(reader)] as const)) {
    if (!core.special.has(name)) reader.damaged('there is an unknown special path');
    core.special.set(name, permissions);
  }
  reader.list(() => {
    const domid = reader.uint();
    if (core.domains.get(domid) !== undefined) reader.damaged('a domain is there twice');
    const record = core.domains.make(domid);
    record.introduced = reader.flag();
    record.shutdown = reader.flag();
    record.gfn = reader.uint();
    record.port = reader.uint();
  });
  reader.list(() => {
    const path = reader.text();
    if (typeof core.tree.get(path) !== 'string') reader.damaged('a node is there twice');
    core.tree.restore(path, readNode(reader));
  });
  core.connections = reader.list(() => readConnection(reader, core));
  reader.finish();
  if (core.tree.check().length > 0 || core.tree.size === 0) reader.damaged('its nodes do not make a tree');
}

function readPermissions(reader: StateReader): Permissions {
  const entries = reader.list((): Permission => {
    const domid = reader.int();
    const access = reader.uint();
    if (access > 3) reader.damaged('a permission is none');
    return reader.flag() ? { domid, access, stale: true } : { domid, access };
  });
  if (entries.length === 0) reader.damaged('a node has no owner');
  return entries as unknown as Permissions;
}

function readNode(reader: StateReader): Node {
  const generation = reader.uint();
  const value = reader.bytes();
  const children = new Set(reader.list(() => reader.text()));
  return { generation, value, children, permissions: readPermissions(reader) };
}

function readConnection(reader: StateReader, core: Core): Connection {
  const kind = reader.flag() ? 'ring' : 'client';
  const domid = reader.uint();
  const connection = new Connection(kind, domid, undefined, reader.text());
  connection.target = reader.optional(() => reader.uint());
  connection.broken = reader.uint();
  connection.nextTransactionId = reader.uint();
  if (!connection.reader.restore(reader.bytes())) reader.damaged('a half message is none');
  const sent = reader.uint();
  if (
    !connection.outbox.restore(
      sent,
      reader.list(() => readMessage(reader)),
    )
  )
    reader.damaged('a half answer is none');
  reader.list(() => {
    const path = reader.text();
    const token = reader.text();
    const cut = reader.uint();
    connection.addWatch({ path, token, cut, depth: reader.optional(() => reader.uint()) });
  });
  reader.list(() => connection.addTransaction(readTransaction(reader, core, connection.privileged)));
  return connection;
}

function readMessage(reader: StateReader): Message {
  const type = reader.uint();
  const requestId = reader.uint();
  const transactionId = reader.uint();
  const payload = reader.bytes();
  if (payload.length > XENSTORE_PAYLOAD_MAX) reader.damaged('a message is too long');
  return { type, requestId, transactionId, payload };
}

function readTransaction(reader: StateReader, core: Core, privileged: boolean): Transaction {
  const limit = privileged ? Number.POSITIVE_INFINITY : core.quotas['transaction-nodes'];
  const transaction = new Transaction(reader.uint(), core.tree, limit);
  transaction.failed = reader.flag();
  transaction.created = reader.flag();
  reader.list(() => {
    const path = reader.text();
    const base = reader.optional(() => readNode(reader));
    const node = reader.optional(() => readNode(reader));
    const modified = reader.flag();
    transaction.restore(path, { base, node, modified, fire: readFiring(reader) });
  });
  return transaction;
}

function readFiring(reader: StateReader): Firing {
  const text = reader.text();
  if (text !== 'none' && text !== 'exact' && text !== 'subtree') reader.damaged('a transaction is none');
  return text;
}
