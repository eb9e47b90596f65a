import type { XsdError } from '../../spec/xen/io/xs-wire.ts';
import type { Node, NodeContent } from './node.ts';

/** A node, or why there is none: ENOENT, or ENOSPC when a transaction may not touch more nodes. */
export type Found = Node | XsdError;

/** The nodes as a request sees them: the store itself, or a transaction on it. Paths are valid and absolute. */
export interface View {
  get(path: string): Found;
  /** Make or replace a node. Its parent's children are the caller's affair. */
  put(path: string, content: NodeContent): XsdError | undefined;
  /** Take a node away. */
  delete(path: string): XsdError | undefined;
}
