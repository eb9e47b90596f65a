import type { Connection } from '../connection.ts';
import type { Core } from '../core.ts';
import { QUOTA_NAMES } from '../quotas.ts';
import type { Node } from '../tree/node.ts';
import type { Permissions } from '../tree/permissions.ts';
import type { Transaction } from '../tree/transaction.ts';
import type { Message } from '../wire/message.ts';
import { StateWriter } from './state-writer.ts';

/** First bytes of a frozen store. */
export const STATE_NAME = 'zendo xenstore';
/** Raised whenever what follows changes. */
export const STATE_VERSION = 1;

/** Connections that outlive a freeze: rings, and clients that can be found again. */
export function isKept(connection: Connection): boolean {
  return connection.kind === 'ring' || (connection.kind === 'client' && connection.name !== '');
}

/** The whole store as bytes; of its connections those that `kept` says. */
export function freezeCore(core: Core, kept: (connection: Connection) => boolean = isKept): Uint8Array {
  const writer = new StateWriter();
  writer.text(STATE_NAME);
  writer.uint(STATE_VERSION);
  for (const [name] of QUOTA_NAMES) writer.uint(core.quotas[name]);
  writer.uint(core.softMemory);
  writer.flag(core.tracing);
  writer.uint(core.tree.generation);
  writer.list(core.special, ([name, permissions]) => {
    writer.text(name);
    writePermissions(writer, permissions);
  });
  writer.list(core.domains.all(), (record) => {
    writer.uint(record.domid);
    writer.flag(record.introduced);
    writer.flag(record.shutdown);
    writer.uint(record.gfn);
    writer.uint(record.port);
  });
  writer.list(core.tree.entries(), ([path, node]) => {
    writer.text(path);
    writeNode(writer, node);
  });
  writer.list(core.connections.filter(kept), (connection) => writeConnection(writer, connection));
  return writer.finish();
}

function writePermissions(writer: StateWriter, permissions: Permissions): void {
  writer.list(permissions, (entry) => {
    writer.int(entry.domid);
    writer.uint(entry.access);
    writer.flag(entry.stale === true);
  });
}

function writeNode(writer: StateWriter, node: Node): void {
  writer.uint(node.generation);
  writer.bytes(node.value);
  writer.list(node.children, (name) => writer.text(name));
  writePermissions(writer, node.permissions);
}

function writeConnection(writer: StateWriter, connection: Connection): void {
  writer.flag(connection.kind === 'ring');
  writer.uint(connection.domid);
  writer.text(connection.name);
  writer.optional(connection.target, (target) => writer.uint(target));
  writer.uint(connection.broken);
  writer.uint(connection.nextTransactionId);
  writer.bytes(connection.reader.partial());
  const { sent, messages } = connection.outbox.contents();
  writer.uint(sent);
  writer.list(messages, (message) => writeMessage(writer, message));
  writer.list(connection.watches, (watch) => {
    writer.text(watch.path);
    writer.text(watch.token);
    writer.uint(watch.cut);
    writer.optional(watch.depth, (depth) => writer.uint(depth));
  });
  writer.list(connection.transactions, (transaction) => writeTransaction(writer, transaction));
}

function writeMessage(writer: StateWriter, message: Message): void {
  writer.uint(message.type);
  writer.uint(message.requestId);
  writer.uint(message.transactionId);
  writer.bytes(message.payload);
}

function writeTransaction(writer: StateWriter, transaction: Transaction): void {
  writer.uint(transaction.id);
  writer.flag(transaction.failed);
  writer.flag(transaction.created);
  writer.list(transaction.entries(), ([path, touched]) => {
    writer.text(path);
    writer.optional(touched.base, (node) => writeNode(writer, node));
    writer.optional(touched.node, (node) => writeNode(writer, node));
    writer.flag(touched.modified);
    writer.text(touched.fire);
  });
}
