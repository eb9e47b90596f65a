import type { ByteStream } from '../../../base/ports/local-socket.ts';
import { encodeMessage, MessageReader } from './json-lines.ts';
import { CANCELLED, INTERNAL_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, RpcError } from './rpc-error.ts';

/** What a handler knows of who calls. */
export interface Caller {
  /** Aborted when the client cancels the request or goes away. */
  readonly signal: AbortSignal;
  readonly connection: RpcConnection;
  /** Tell the client how far its request is: notification `$/progress` with the request's id. */
  progress(report: object): void;
}

/** Answers one method. Params are the client's allegation; throw RpcError for what is wrong with them. */
export type Handler = (params: unknown, caller: Caller) => unknown;

/** Requests that one client may have open at once. Stops: a client filling memory with requests that wait. */
const MOST_OPEN = 256;
/** Bytes that may wait for a client that does not read. Stops: a stopped console viewer filling memory. */
const MOST_UNSENT = 4 << 20;

/**
 * One client of the daemon: JSON-RPC 2.0, one message to a line; `$/cancel` with a request's id cancels it. A client that does not read what it is sent
 * is not listened to until it does.
 */
export class RpcConnection {
  private readonly stream: ByteStream;
  private readonly handlers: ReadonlyMap<string, Handler>;
  private readonly explain: (error: unknown) => RpcError;
  private readonly reader = new MessageReader();
  private readonly open = new Map<number | string, AbortController>();
  private readonly cleanUps = new Set<() => void>();
  private readonly readers: (() => void)[] = [];
  private unsent = 0;
  private closed = false;

  /** `explain`: what the client is told of an error that is no RpcError. */
  constructor(stream: ByteStream, handlers: ReadonlyMap<string, Handler>, explain: (error: unknown) => RpcError) {
    this.stream = stream;
    this.handlers = handlers;
    this.explain = explain;
    stream.onData((bytes) => this.receive(bytes));
    stream.onDrain(() => {
      this.unsent = 0;
      if (!this.closed) stream.resume();
      for (const action of this.readers.splice(0)) action();
    });
    stream.onClose(() => this.end());
  }

  /** Do something when the client has gone. The answer takes that back. */
  onEnd(action: () => void): () => void {
    this.cleanUps.add(action);
    return () => void this.cleanUps.delete(action);
  }

  /** Bytes that wait for the client to read, at most. */
  get backlog(): number {
    return this.unsent;
  }

  /** Do something once the client has read all that waits. */
  whenRead(action: () => void): void {
    this.readers.push(action);
  }

  notify(method: string, params: unknown): void {
    this.send({ jsonrpc: '2.0', method, params });
  }

  close(): void {
    // what was sent may wait for the client for ever: it is not listened to meanwhile
    this.stream.pause();
    this.stream.close();
    this.end();
  }

  private end(): void {
    if (this.closed) return;
    this.closed = true;
    for (const controller of this.open.values()) controller.abort();
    for (const action of [...this.cleanUps]) action();
    this.cleanUps.clear();
  }

  private send(message: unknown): void {
    if (this.closed) return;
    const bytes = encodeMessage(message);
    if (this.stream.send(bytes)) return;
    this.unsent += bytes.length;
    this.stream.pause();
    if (this.unsent > MOST_UNSENT) this.close();
  }

  private receive(bytes: Uint8Array): void {
    if (this.closed) return;
    let messages: unknown[];
    try {
      messages = this.reader.push(bytes);
    } catch (error) {
      this.send({ jsonrpc: '2.0', id: null, error: { code: INVALID_REQUEST, message: error instanceof Error ? error.message : String(error) } });
      this.close();
      return;
    }
    for (const message of messages) void this.handle(message);
  }

  private async handle(message: unknown): Promise<void> {
    const request = (typeof message === 'object' && message !== null ? message : {}) as Record<string, unknown>;
    const { id, method, params } = request;
    if (method === '$/cancel') {
      const target = (params as { id?: number | string } | undefined)?.id;
      if (target !== undefined) this.open.get(target)?.abort();
      return;
    }
    const refuse = (error: RpcError): void => {
      const { code, message: text, data } = error;
      this.send({ jsonrpc: '2.0', id: id ?? null, error: { code, message: text, ...(data === undefined ? {} : { data }) } });
    };
    if ((typeof id !== 'number' && typeof id !== 'string') || typeof method !== 'string') return refuse(new RpcError(INVALID_REQUEST, 'this is no request'));
    const handler = this.handlers.get(method);
    if (handler === undefined) return refuse(new RpcError(METHOD_NOT_FOUND, `there is no method "${method}"`));
    if (this.open.has(id) || this.open.size >= MOST_OPEN) return refuse(new RpcError(INVALID_REQUEST, 'too many open requests, or their ids repeat'));
    const controller = new AbortController();
    this.open.set(id, controller);
    try {
      const result = await handler(params, {
        signal: controller.signal,
        connection: this,
        progress: (report) => this.notify('$/progress', { ...report, id }),
      });
      this.send({ jsonrpc: '2.0', id, result: result ?? null });
    } catch (error) {
      if (controller.signal.aborted) refuse(new RpcError(CANCELLED, 'cancelled'));
      else if (error instanceof RpcError) refuse(error);
      else refuse(this.explain(error));
    } finally {
      this.open.delete(id);
    }
  }
}

/** Our bug, seen by a client. */
export const internalError = (error: unknown): RpcError => new RpcError(INTERNAL_ERROR, error instanceof Error ? error.message : String(error));
