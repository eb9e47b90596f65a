import type { XsdError } from '../../spec/xen/io/xs-wire.ts';
import type { Core } from '../core.ts';
import { Transaction } from '../tree/transaction.ts';
import { fireNode } from '../watches/fire.ts';
import { nulTerminated, onlyString } from '../wire/latin1.ts';
import { type Answer, OK, type Request } from './request.ts';

/** TRANSACTION_START: -> its number. Fails: EBUSY inside another; ENOSPC too many are open. */
export function transactionStart(request: Request): Answer {
  const { connection, core } = request;
  if (request.transaction !== undefined) return 'EBUSY';
  if (!connection.privileged && connection.transactionCount >= core.quotas.transactions) return 'ENOSPC';
  const limit = connection.privileged ? Number.POSITIVE_INFINITY : core.quotas['transaction-nodes'];
  const started = new Transaction(connection.freeTransactionId(), core.tree, limit);
  connection.addTransaction(started);
  return nulTerminated(String(started.id));
}

/**
 * TRANSACTION_END: `T|` commit, `F|` abandon. In either case, and also when it fails, the transaction is over.
 * Fails: EINVAL neither (the transaction stays); ENOENT outside one; ENOMEM something in it had failed; ENOSPC a domain
 * would own too many nodes; EAGAIN something it read or wrote has changed since.
 */
export function transactionEnd(request: Request): Answer {
  const { connection, core, transaction } = request;
  const how = onlyString(request.payload);
  if (how !== 'T' && how !== 'F') return 'EINVAL';
  if (transaction === undefined) return 'ENOENT';
  connection.removeTransaction(transaction.id);
  if (how === 'F') return OK;
  if (transaction.failed) return 'ENOMEM';
  if (!transaction.isCurrent()) return 'EAGAIN';
  const refused = ownersRefuse(core, transaction, transaction.created && !connection.privileged);
  if (refused !== undefined) return refused;
  commit(core, transaction);
  return OK;
}

/** Whether all owners exist and have room for the nodes that the transaction gives them. */
function ownersRefuse(core: Core, transaction: Transaction, limited: boolean): XsdError | undefined {
  const growth = new Map<number, number>();
  const count = (domid: number | undefined, change: number): void => {
    if (domid !== undefined) growth.set(domid, (growth.get(domid) ?? 0) + change);
  };
  for (const [, { base, node, modified }] of transaction.entries()) {
    if (!modified) continue;
    count(base?.permissions[0].domid, -1);
    count(node?.permissions[0].domid, 1);
  }
  for (const [domid, change] of growth) {
    const record = core.domains.find(domid);
    if (record === undefined) return 'ENOMEM';
    if (limited && domid !== 0 && change > 0 && record.nodes + change > core.quotas.nodes) return 'ENOSPC';
  }
  return undefined;
}

function commit(core: Core, transaction: Transaction): void {
  for (const [path, { node, modified }] of transaction.entries()) {
    if (!modified) continue;
    if (node === undefined) core.tree.delete(path);
    else core.tree.put(path, node);
  }
  for (const [path, { base, fire }] of transaction.entries()) {
    if (fire !== 'none') fireNode(core, path, undefined, fire, base?.permissions);
  }
}
