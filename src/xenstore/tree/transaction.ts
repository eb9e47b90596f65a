import type { XsdError } from '../../spec/xen/io/xs-wire.ts';
import { type Node, type NodeContent, nodeSize } from './node.ts';
import { withoutDomain } from './permissions.ts';
import type { Tree } from './tree.ts';
import type { Found, View } from './view.ts';

/** Whether and how watches hear of a node: 'exact' reaches only watches on that very path. */
export type Firing = 'none' | 'exact' | 'subtree';

/** A node that a transaction has touched. */
export interface Touched {
  /** The node in the store when it was first touched. */
  base: Node | undefined;
  /** The node as the transaction sees it. */
  node: Node | undefined;
  modified: boolean;
  fire: Firing;
}

/** Bookkeeping bytes of a touched node, for the memory quota. */
const TOUCHED_SIZE = 64;

/**
 * A transaction: what it read and wrote, beside the store. A node is read from the store when it is first touched, and
 * must still be the same at the end, or the transaction has failed (EAGAIN): what commits has seen one state of the store.
 */
export class Transaction implements View {
  readonly id: number;
  /** It can no longer commit: something in it could not be done completely. */
  failed = false;
  /** It made a node that was not there, so node quotas are looked at in the end. */
  created = false;
  /** Bytes held for it. */
  memory = 0;
  private readonly tree: Tree;
  /** Nodes it may touch. */
  private readonly limit: number;
  private readonly touched = new Map<string, Touched>();

  constructor(id: number, tree: Tree, limit: number) {
    this.id = id;
    this.tree = tree;
    this.limit = limit;
  }

  get(path: string): Found {
    const entry = this.touch(path);
    return typeof entry === 'string' ? entry : (entry.node ?? 'ENOENT');
  }

  put(path: string, content: NodeContent): XsdError | undefined {
    return this.change(path, {
      value: content.value,
      children: content.children,
      permissions: content.permissions,
      generation: this.tree.nextGeneration(),
    });
  }

  delete(path: string): XsdError | undefined {
    return this.change(path, undefined);
  }

  /** Remember to tell watches of `path` at the commit. */
  fire(path: string, exact: boolean): void {
    const entry = this.touched.get(path);
    if (entry === undefined) this.failed = true;
    else if (entry.fire !== 'subtree') entry.fire = exact ? 'exact' : 'subtree';
  }

  /** Whether everything it read or wrote is in the store as it found it. */
  isCurrent(): boolean {
    for (const [path, { base }] of this.touched) {
      const now = this.tree.get(path);
      const generation = typeof now === 'string' ? undefined : now.generation;
      if (generation !== base?.generation) return false;
    }
    return true;
  }

  /** In the order of the first touch. */
  entries(): IterableIterator<[path: string, touched: Touched]> {
    return this.touched.entries();
  }

  get size(): number {
    return this.touched.size;
  }

  /** Put an entry back as it was frozen. */
  restore(path: string, entry: Touched): void {
    this.touched.set(path, entry);
    this.memory += TOUCHED_SIZE + path.length + (entry.node === undefined ? 0 : nodeSize(entry.node));
  }

  /** Mark what permissions say about a domain that has gone. */
  forgetDomain(domid: number): void {
    const cleaned = (node: Node | undefined): Node | undefined => node && { ...node, permissions: withoutDomain(node.permissions, domid) };
    for (const entry of this.touched.values()) {
      entry.base = cleaned(entry.base);
      entry.node = cleaned(entry.node);
    }
  }

  private touch(path: string): Touched | XsdError {
    const known = this.touched.get(path);
    if (known !== undefined) return known;
    if (this.touched.size >= this.limit) {
      this.failed = true;
      return 'ENOSPC';
    }
    const now = this.tree.get(path);
    const base = typeof now === 'string' ? undefined : now;
    const entry: Touched = { base, node: base, modified: false, fire: 'none' };
    this.restore(path, entry);
    return entry;
  }

  private change(path: string, node: Node | undefined): XsdError | undefined {
    const entry = this.touch(path);
    if (typeof entry === 'string') return entry;
    this.memory += (node === undefined ? 0 : nodeSize(node)) - (entry.node === undefined ? 0 : nodeSize(entry.node));
    entry.node = node;
    entry.modified = true;
    return undefined;
  }
}
