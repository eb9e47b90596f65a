import { domainPath } from './tree/path.ts';
import type { Subject } from './tree/permissions.ts';
import type { Transaction } from './tree/transaction.ts';
import { type Watch, watchKey, watchSize } from './watches/watch.ts';
import { MessageReader } from './wire/message.ts';
import { Outbox } from './wire/outbox.ts';
import type { Transport } from './wire/transport.ts';

/** What stands at the other end: a domain's ring page, a byte stream (socket), or a program of domain 0 in this process. */
export type ConnectionKind = 'ring' | 'stream' | 'client';

/** One speaker: bytes in, bytes out, and what the store keeps for it. */
export class Connection implements Subject {
  readonly kind: ConnectionKind;
  readonly domid: number;
  /** For clients in this process: under which name they find it again after a thaw. */
  readonly name: string;
  reader = new MessageReader();
  outbox = new Outbox();
  /** Undefined for clients, and for a thawed ring whose page has not been attached yet. */
  transport: Transport | undefined;
  target: number | undefined = undefined;
  /** XENSTORE_ERROR_* for which we no longer listen, 0 = none. */
  broken = 0;
  nextTransactionId = 1;
  private watchMap = new Map<string, Watch>();
  private transactionMap = new Map<number, Transaction>();
  private watchMemory = 0;

  constructor(kind: ConnectionKind, domid: number, transport: Transport | undefined, name = '') {
    this.kind = kind;
    this.domid = domid;
    this.transport = transport;
    this.name = name;
  }

  get privileged(): boolean {
    return this.domid === 0;
  }

  /** What its relative paths are relative to. */
  get basePath(): string {
    return domainPath(this.domid);
  }

  get watches(): IterableIterator<Watch> {
    return this.watchMap.values();
  }

  get watchCount(): number {
    return this.watchMap.size;
  }

  hasWatch(path: string, token: string): boolean {
    return this.watchMap.has(watchKey(path, token));
  }

  addWatch(watch: Watch): void {
    this.watchMap.set(watchKey(watch.path, watch.token), watch);
    this.watchMemory += watchSize(watch);
  }

  /** False when there is no such watch. */
  removeWatch(path: string, token: string): boolean {
    const key = watchKey(path, token);
    const watch = this.watchMap.get(key);
    if (watch !== undefined) this.watchMemory -= watchSize(watch);
    return this.watchMap.delete(key);
  }

  get transactions(): IterableIterator<Transaction> {
    return this.transactionMap.values();
  }

  get transactionCount(): number {
    return this.transactionMap.size;
  }

  transaction(id: number): Transaction | undefined {
    return this.transactionMap.get(id);
  }

  addTransaction(transaction: Transaction): void {
    this.transactionMap.set(transaction.id, transaction);
  }

  removeTransaction(id: number): void {
    this.transactionMap.delete(id);
  }

  /** An id that is not in use; never 0. */
  freeTransactionId(): number {
    let id = this.nextTransactionId;
    while (id === 0 || this.transactionMap.has(id)) id = (id + 1) >>> 0;
    this.nextTransactionId = (id + 1) >>> 0;
    return id;
  }

  /** Drop watches and transactions. */
  resetWatches(): void {
    this.watchMap.clear();
    this.watchMemory = 0;
    this.transactionMap.clear();
  }

  /** Forget everything that was said. */
  reset(): void {
    this.resetWatches();
    this.reader.reset();
    this.outbox.clear();
    this.broken = 0;
  }

  /** Take over what another connection was told and has said; whom it speaks with stays. */
  become(other: Connection): void {
    this.reader = other.reader;
    this.outbox = other.outbox;
    this.target = other.target;
    this.broken = other.broken;
    this.nextTransactionId = other.nextTransactionId;
    this.watchMap = other.watchMap;
    this.transactionMap = other.transactionMap;
    this.watchMemory = other.watchMemory;
  }

  /** Bytes kept for it: watches, unread messages, transactions. */
  get memory(): number {
    let memory = this.watchMemory + this.outbox.size;
    for (const transaction of this.transactionMap.values()) memory += transaction.memory;
    return memory;
  }
}
