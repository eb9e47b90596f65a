/**
 * Limits of one unprivileged domain. Each is the largest number that is still granted; what would go beyond it is refused.
 * Privileged connections (domain 0, the tools' socket) are bound only by what the protocol itself forbids.
 * @see docs of xenstored -Q and xenstore-control quota (Xen 4.17's default values)
 */
export interface Quotas {
  /** Nodes a domain owns. Stops: filling domain 0's memory with nodes. */
  nodes: number;
  /** Watches of a domain. Stops: making every write of everybody walk an endless list. */
  watches: number;
  /** Transactions open at once. Stops: filling memory with copies, and conflicts that starve others. */
  transactions: number;
  /** Answers a domain has not fetched yet; beyond it no further request is read. Stops: piling up answers by never reading. */
  outstanding: number;
  /** Nodes touched in one transaction. Stops: a transaction as large as the store, and its long commit. */
  'transaction-nodes': number;
  /** Bytes kept for a domain: nodes, watches, unread answers and events, transactions. Stops: what the other limits leave when multiplied. */
  memory: number;
  /** Bytes of a node with its value, permissions and children's names; this size itself is refused. Stops: fat nodes. */
  'node-size': number;
  /** Bytes of a path below /local/domain/<domid>/, or of an absolute path elsewhere. Stops: deep and long names. */
  'path-max': number;
  /** Permission entries of a node. Stops: long lists walked at each access. */
  permissions: number;
}

/** Names of the quotas, in the order in which they are shown, with the words that describe them. */
export const QUOTA_NAMES: readonly (readonly [name: keyof Quotas, description: string])[] = [
  ['nodes', 'Nodes a domain may own'],
  ['watches', 'Watches of a domain'],
  ['transactions', 'Open transactions of a domain'],
  ['outstanding', 'Unread answers of a domain'],
  ['transaction-nodes', 'Nodes touched in a transaction'],
  ['memory', 'Bytes kept for a domain'],
  ['node-size', 'Bytes of a node'],
  ['path-max', 'Bytes of a path'],
  ['permissions', 'Permissions of a node'],
];

/** The values a store starts with. */
export const DEFAULT_QUOTAS: Readonly<Quotas> = {
  nodes: 1000,
  watches: 128,
  transactions: 10,
  outstanding: 20,
  'transaction-nodes': 1024,
  memory: 2.5 * 1024 * 1024,
  'node-size': 2048,
  'path-max': 2048,
  permissions: 5,
};

/** Requests of one connection handled before others get their turn. Stops: one domain at full rate keeping domain 0 to itself. */
export const REQUESTS_PER_TURN = 32;
/** Callbacks of in-process clients run in one turn. Stops: two programs of domain 0 that answer each other for ever. */
export const CALLBACKS_PER_TURN = 1024;
