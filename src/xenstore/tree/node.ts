import type { Permissions } from './permissions.ts';

/** A node's content. Never changed in place: a write makes a new one, so that transactions and events may keep the old. */
export interface NodeContent {
  readonly value: Uint8Array;
  /** Names of the children, oldest first. */
  readonly children: ReadonlySet<string>;
  readonly permissions: Permissions;
}

/** A node as the store keeps it. */
export interface Node extends NodeContent {
  /** Number of the write that made it, unique in the life of the store. */
  readonly generation: number;
}

export const EMPTY_VALUE: Uint8Array = new Uint8Array(0);
export const NO_CHILDREN: ReadonlySet<string> = new Set();

/** Bytes of a node's fixed part and of one permission, by which xenstored measures it. */
const RECORD_HEADER = 24;
const RECORD_PERMISSION = 8;

/** Bytes that a node counts for its owner, its path not included. */
export function nodeSize(node: NodeContent): number {
  let names = 0;
  for (const name of node.children) names += name.length + 1;
  return RECORD_HEADER + node.permissions.length * RECORD_PERMISSION + node.value.length + names;
}

export function withChild(node: NodeContent, name: string): NodeContent {
  return { ...node, children: new Set(node.children).add(name) };
}

export function withoutChild(node: NodeContent, name: string): NodeContent {
  const children = new Set(node.children);
  children.delete(name);
  return { ...node, children };
}
