import { present } from '../base/assert.ts';
import {
  XS_CONTROL,
  XS_DIRECTORY,
  XS_DIRECTORY_PART,
  XS_ERROR,
  XS_GET_DOMAIN_PATH,
  XS_GET_PERMS,
  XS_INTRODUCE,
  XS_IS_DOMAIN_INTRODUCED,
  XS_MKDIR,
  XS_READ,
  XS_RELEASE,
  XS_RESUME,
  XS_RM,
  XS_SET_PERMS,
  XS_SET_TARGET,
  XS_TRANSACTION_END,
  XS_TRANSACTION_START,
  XS_UNWATCH,
  XS_WATCH,
  XS_WRITE,
  type XsdError,
} from '../spec/xen/io/xs-wire.ts';
import type { Connection } from './connection.ts';
import type { Core } from './core.ts';
import { handleMessage } from './requests/handle.ts';
import { latin1, latin1Bytes, nulTerminated, stringsOf } from './wire/latin1.ts';
import { XenstoreError } from './xenstore-error.ts';

/** Called with the path that changed. */
export type WatchCallback = (path: string) => void;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Requests on nodes, in a transaction or outside of one. Every call throws XenstoreError when the store refuses. */
export class NodeRequests {
  protected readonly core: Core;
  protected readonly connection: Connection;
  private readonly transactionId: number;
  private readonly settle: () => void;

  constructor(core: Core, connection: Connection, transactionId: number, settle: () => void) {
    this.core = core;
    this.connection = connection;
    this.transactionId = transactionId;
    this.settle = settle;
  }

  /** The value as text (UTF-8). */
  read(path: string): string {
    return decoder.decode(this.readBytes(path));
  }

  readBytes(path: string): Uint8Array {
    return this.request(XS_READ, `read ${path}`, nulTerminated(path));
  }

  /** The value as text, undefined when there is no such node. */
  readIfThere(path: string): string | undefined {
    return this.unlessMissing(() => this.read(path));
  }

  exists(path: string): boolean {
    return this.readIfThere(path) !== undefined;
  }

  /** Text is written as UTF-8. */
  write(path: string, value: string | Uint8Array): void {
    const bytes = typeof value === 'string' ? encoder.encode(value) : value;
    const payload = new Uint8Array(path.length + 1 + bytes.length);
    payload.set(latin1Bytes(path));
    payload.set(bytes, path.length + 1);
    this.request(XS_WRITE, `write ${path}`, payload);
  }

  mkdir(path: string): void {
    this.request(XS_MKDIR, `mkdir ${path}`, nulTerminated(path));
  }

  /** Take a node away with all below it; nothing happens when it is not there, but its parent must be. */
  rm(path: string): void {
    this.request(XS_RM, `rm ${path}`, nulTerminated(path));
  }

  /** As `rm`, and nothing happens either when the parent is not there. */
  rmIfThere(path: string): void {
    this.unlessMissing(() => this.rm(path));
  }

  /** Names of the children, oldest first. */
  directory(path: string): string[] {
    try {
      return stringsOf(this.request(XS_DIRECTORY, `directory ${path}`, nulTerminated(path)));
    } catch (error) {
      if (error instanceof XenstoreError && error.errno === 'E2BIG') return this.longDirectory(path);
      throw error;
    }
  }

  /** Names of the children, undefined when there is no such node. */
  directoryIfThere(path: string): string[] | undefined {
    return this.unlessMissing(() => this.directory(path));
  }

  /** Entries such as `n0`, `r5`, the owner's first. */
  getPermissions(path: string): string[] {
    return stringsOf(this.request(XS_GET_PERMS, `get permissions of ${path}`, nulTerminated(path)));
  }

  setPermissions(path: string, permissions: readonly string[]): void {
    this.request(XS_SET_PERMS, `set permissions of ${path}`, nulTerminated(path, ...permissions));
  }

  /** Send a request as it stands on the wire; its answer's payload. `what`: the request, for the error message. */
  request(type: number, what: string, payload: Uint8Array): Uint8Array {
    return this.requestIn(this.transactionId, type, what, payload);
  }

  /** As `request`, in the transaction of that number. */
  requestIn(transactionId: number, type: number, what: string, payload: Uint8Array): Uint8Array {
    if (!this.core.connections.includes(this.connection)) throw new XenstoreError('EIO', `${what} on a closed connection`);
    handleMessage(this.core, this.connection, { type, requestId: 0, transactionId, payload });
    const reply = present(this.connection.outbox.takeReply(), 'reply');
    this.settle();
    if (reply.type === XS_ERROR) throw new XenstoreError(stringsOf(reply.payload)[0] as XsdError, what);
    return reply.payload;
  }

  private longDirectory(path: string): string[] {
    // begin again when the node changes while its parts are read
    for (;;) {
      const parts: string[] = [];
      let generation: string | undefined;
      for (let offset = 0; ; ) {
        const payload = this.request(XS_DIRECTORY_PART, `directory ${path}`, nulTerminated(path, String(offset)));
        const [now, ...names] = stringsOf(payload);
        generation ??= now;
        if (now !== generation) break;
        const last = names.at(-1) === '';
        if (last) names.pop();
        parts.push(...names);
        if (last) return parts;
        offset += names.reduce((sum, name) => sum + name.length + 1, 0);
      }
    }
  }

  private unlessMissing<T>(ask: () => T): T | undefined {
    try {
      return ask();
    } catch (error) {
      if (error instanceof XenstoreError && error.errno === 'ENOENT') return undefined;
      throw error;
    }
  }
}

/** A program's connection to the store. Callbacks of watches run in the store's `run()` and `onEvent()`, never inside a call. */
export class StoreClient extends NodeRequests {
  private readonly callbacks = new Map<string, WatchCallback>();
  private readonly settleAfter: () => void;

  constructor(core: Core, connection: Connection, settle: () => void) {
    super(core, connection, 0, settle);
    this.settleAfter = settle;
  }

  get domid(): number {
    return this.connection.domid;
  }

  /** False after `close`, and when its domain is gone. */
  get connected(): boolean {
    return this.core.connections.includes(this.connection);
  }

  /** Whether callbacks wait for `run()`. */
  get hasEvents(): boolean {
    return this.connection.outbox.hasEvents && this.callbacks.size > 0;
  }

  uses(connection: Connection): boolean {
    return this.connection === connection;
  }

  /**
   * Watch a node and all below it (`depth`: so many levels). The callback comes once soon, then at each change.
   * A watch that this connection had before a thaw is taken up again, without that first call.
   * Returns what ends the watch. Throws as all requests do.
   */
  watch(path: string, callback: WatchCallback, depth?: number): () => void {
    const absolute = path.startsWith('/') || path.startsWith('@') ? path : `${this.connection.basePath}/${path}`;
    // the token alone names the watch: an event tells a path that may lie below the watched one
    let number = 0;
    while (this.callbacks.has(`${number}:${path}`)) number++;
    const token = `${number}:${path}`;
    if (!this.connection.hasWatch(absolute, token)) {
      const words = depth === undefined ? [path, token] : [path, token, String(depth)];
      this.request(XS_WATCH, `watch ${path}`, nulTerminated(...words));
    }
    this.callbacks.set(token, callback);
    this.settleAfter();
    return () => {
      if (!this.callbacks.delete(token) || !this.connected) return;
      this.request(XS_UNWATCH, `unwatch ${path}`, nulTerminated(path, token));
    };
  }

  /**
   * Do `work` in a transaction, and again when something it read or wrote changed meanwhile. Its answer.
   * When `work` throws, nothing of it is done.
   */
  transaction<T>(work: (nodes: NodeRequests) => T): T {
    for (;;) {
      const transaction = this.begin();
      let result: T;
      try {
        result = work(transaction);
      } catch (error) {
        transaction.abort();
        throw error;
      }
      if (transaction.commit()) return result;
    }
  }

  /** Open a transaction that stays open until its `commit` or `abort`. */
  begin(): ClientTransaction {
    const id = Number(stringsOf(this.request(XS_TRANSACTION_START, 'start a transaction', nulTerminated('')))[0]);
    return new ClientTransaction(this.core, this.connection, id, this.settleAfter);
  }

  /** Needs `openChannel` in the store's options. */
  introduce(domid: number, gfn: number, port: number): void {
    this.request(XS_INTRODUCE, `introduce domain ${domid}`, nulTerminated(String(domid), String(gfn), String(port)));
  }

  release(domid: number): void {
    this.request(XS_RELEASE, `release domain ${domid}`, nulTerminated(String(domid)));
  }

  resume(domid: number): void {
    this.request(XS_RESUME, `resume domain ${domid}`, nulTerminated(String(domid)));
  }

  isIntroduced(domid: number): boolean {
    return latin1(this.request(XS_IS_DOMAIN_INTRODUCED, `ask about domain ${domid}`, nulTerminated(String(domid)))) === 'T\0';
  }

  getDomainPath(domid: number): string {
    return stringsOf(this.request(XS_GET_DOMAIN_PATH, `path of domain ${domid}`, nulTerminated(String(domid))))[0] as string;
  }

  setTarget(domid: number, target: number): void {
    this.request(XS_SET_TARGET, `set target of domain ${domid}`, nulTerminated(String(domid), String(target)));
  }

  /** A control command and its arguments; the text it answers. */
  control(...words: readonly string[]): string {
    return stringsOf(this.request(XS_CONTROL, `control ${words.join(' ')}`, nulTerminated(...words)))[0] ?? '';
  }

  close(): void {
    this.callbacks.clear();
    this.connection.reset();
    this.core.connections = this.core.connections.filter((each) => each !== this.connection);
  }

  /** The store's own: call up to `limit` callbacks; how many were called. */
  deliver(limit: number): number {
    let called = 0;
    while (called < limit && this.hasEvents) {
      const event = this.connection.outbox.takeEvent();
      if (event === undefined) break;
      const [path = '', token = ''] = stringsOf(event.payload);
      called++;
      this.callbacks.get(token)?.(path);
    }
    return called;
  }
}

/** A transaction that a program holds open. */
export class ClientTransaction extends NodeRequests {
  /** True: done. False: something it read or wrote changed meanwhile, nothing is done, try again. Throws on other errors. */
  commit(): boolean {
    try {
      this.request(XS_TRANSACTION_END, 'commit', nulTerminated('T'));
      return true;
    } catch (error) {
      if (error instanceof XenstoreError && error.errno === 'EAGAIN') return false;
      throw error;
    }
  }

  /** Nothing of it is done. */
  abort(): void {
    this.request(XS_TRANSACTION_END, 'abandon', nulTerminated('F'));
  }
}
