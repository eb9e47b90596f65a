import type { XsdError } from '../../spec/xen/io/xs-wire.ts';
import type { Connection } from '../connection.ts';
import type { Core } from '../core.ts';
import { type Node, type NodeContent, nodeSize } from '../tree/node.ts';
import { canonicalPath, isNodePath, parentPath } from '../tree/path.ts';
import { ACCESS_READ, accessOf } from '../tree/permissions.ts';
import type { Transaction } from '../tree/transaction.ts';
import type { Found, View } from '../tree/view.ts';
import { fireNode } from '../watches/fire.ts';
import { nulTerminated } from '../wire/latin1.ts';

/** What a handler answers: the payload of the reply, or the error's name. */
export type Answer = Uint8Array | XsdError;

/** The reply of requests that have nothing to tell. */
export const OK: Uint8Array = nulTerminated('OK');

/** One request, while it is handled. */
export class Request {
  readonly core: Core;
  readonly connection: Connection;
  readonly transaction: Transaction | undefined;
  readonly payload: Uint8Array;
  /** Sends that must come after the reply (the first event of a new watch). */
  afterReply: (() => void) | undefined;

  constructor(core: Core, connection: Connection, transaction: Transaction | undefined, payload: Uint8Array) {
    this.core = core;
    this.connection = connection;
    this.transaction = transaction;
    this.payload = payload;
  }

  get view(): View {
    return this.transaction ?? this.core.tree;
  }

  /** A path as the caller means it, checked; undefined when it cannot name a node. */
  nodePath(given: string | undefined): string | undefined {
    if (given === undefined) return undefined;
    const path = canonicalPath(given, this.connection.basePath);
    return isNodePath(path, this.core.quotas['path-max']) ? path : undefined;
  }

  /**
   * The node, if the caller has `access` to it. Fails: ENOSPC the transaction is full; EACCES; ENOENT. A caller who has
   * not this access to the nearest node above gets EACCES in all cases, and so learns nothing of what exists there.
   */
  find(path: string, access: number = ACCESS_READ): Found {
    const found = this.view.get(path);
    if (typeof found !== 'string') {
      if ((accessOf(this.connection, found.permissions) & access) === access) return found;
      return this.hide(path, 'EACCES', access);
    }
    return found === 'ENOSPC' ? found : this.hide(path, found, access);
  }

  /** Replace or make nodes within the quotas of the caller: all of them or none. */
  write(...changes: readonly (readonly [path: string, content: NodeContent])[]): XsdError | undefined {
    const refused = this.refusal(changes);
    if (refused === undefined) return this.writeFreely(...changes);
    if (this.transaction !== undefined) this.transaction.failed = true;
    return refused;
  }

  /** Replace or make nodes whatever the quotas say (a node that loses a child must be written). */
  writeFreely(...changes: readonly (readonly [path: string, content: NodeContent])[]): XsdError | undefined {
    for (const [path, content] of changes) {
      const error = this.view.put(path, content);
      if (error !== undefined) {
        if (this.transaction !== undefined) this.transaction.failed = true;
        return error;
      }
    }
    return undefined;
  }

  /** A node has changed: tell watches, now or at the commit. */
  changed(path: string, node: Node | undefined, match: 'subtree' | 'exact' = 'subtree', before?: Node): void {
    if (this.transaction !== undefined) this.transaction.fire(path, match === 'exact');
    else fireNode(this.core, path, node, match, before?.permissions);
  }

  /** Why the caller may not write this much, if so. */
  private refusal(changes: readonly (readonly [path: string, content: NodeContent])[]): XsdError | undefined {
    if (this.connection.privileged) return undefined;
    const { quotas } = this.core;
    let growth = 0;
    for (const [path, content] of changes) {
      const size = nodeSize(content);
      if (size >= quotas['node-size']) return 'ENOSPC';
      const old = this.view.get(path);
      growth += size - (typeof old === 'string' ? -path.length : nodeSize(old));
    }
    if (growth <= 0) return undefined;
    const memory = this.core.memoryOf(this.connection) + growth;
    const record = this.core.domains.get(this.connection.domid);
    if (record !== undefined && memory > this.core.softMemory !== record.warned) {
      record.warned = !record.warned;
      this.core.log.warn(record.warned ? 'a domain holds much memory' : 'a domain holds less memory again', { domid: record.domid, memory });
    }
    return memory > quotas.memory ? 'ENOMEM' : undefined;
  }

  private hide(path: string, error: XsdError, access: number): XsdError {
    let above = path;
    let found: Found;
    do {
      above = parentPath(above);
      found = this.view.get(above);
      if (found === 'ENOSPC') return found;
    } while (typeof found === 'string' && above !== '/');
    if (typeof found === 'string') return 'EACCES';
    return (accessOf(this.connection, found.permissions) & access) !== 0 ? error : 'EACCES';
  }
}
