import type { ByteStream } from '../../../base/ports/local-socket.ts';
import { encodeMessage, MessageReader } from './json-lines.ts';
import { INTERNAL_ERROR, RpcError } from './rpc-error.ts';

/** Methods by name, with their params and results. */
export type Api<M> = { readonly [K in keyof M]: { readonly params: unknown; readonly result: unknown } };

/** The daemon has gone in the middle of a conversation. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
  readonly progress: ((report: unknown) => void) | undefined;
}

/** What may go with a request. */
export interface CallOptions {
  /** Aborting cancels the request. */
  readonly signal?: AbortSignal;
  /** Hears how far it is, where the method tells. */
  readonly progress?: (report: unknown) => void;
}

/** A client's end of the conversation with the daemon. */
export class RpcClient<M extends Api<M>> {
  private readonly stream: ByteStream;
  private readonly reader = new MessageReader();
  private readonly waiting = new Map<number, Waiting>();
  private readonly listeners = new Map<string, (params: unknown) => void>();
  private nextId = 1;
  private ended = false;
  private settleGone: () => void = () => {};
  private readonly goneWhen: Promise<void>;

  constructor(stream: ByteStream) {
    this.stream = stream;
    this.goneWhen = new Promise((resolve) => {
      this.settleGone = resolve;
    });
    stream.onData((bytes) => {
      for (const message of this.reader.push(bytes)) this.receive(message as Record<string, unknown>);
    });
    stream.onClose(() => {
      this.ended = true;
      this.settleGone();
      for (const { reject } of this.waiting.values()) reject(new ConnectionLostError('the daemon has ended the connection'));
      this.waiting.clear();
    });
  }

  /** Ask, and wait for the answer. Throws RpcError and ConnectionLostError. */
  call<K extends keyof M & string>(method: K, params: M[K]['params'], { signal, progress }: CallOptions = {}): Promise<M[K]['result']> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      if (this.ended) {
        reject(new ConnectionLostError('the daemon has ended the connection'));
        return;
      }
      this.waiting.set(id, { resolve: resolve as (result: unknown) => void, reject, progress });
      this.stream.send(encodeMessage({ jsonrpc: '2.0', id, method, params }));
      signal?.addEventListener('abort', () => this.stream.send(encodeMessage({ jsonrpc: '2.0', method: '$/cancel', params: { id } })));
    });
  }

  /** Hear notifications of one name. */
  on(method: string, listener: (params: unknown) => void): void {
    this.listeners.set(method, listener);
  }

  /** Settles when the daemon has ended the connection. */
  gone(): Promise<void> {
    return this.goneWhen;
  }

  /** Hear nothing more for now; the daemon keeps it, as far as it keeps such things. */
  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  close(): void {
    this.stream.close();
  }

  private receive(message: Record<string, unknown>): void {
    const { id, method, params, result, error } = message;
    if (method === '$/progress') {
      this.waiting.get((params as { id?: number }).id as number)?.progress?.(params);
      return;
    }
    if (typeof method === 'string') {
      this.listeners.get(method)?.(params);
      return;
    }
    const waiting = this.waiting.get(id as number);
    if (waiting === undefined) return;
    this.waiting.delete(id as number);
    if (error === undefined) waiting.resolve(result);
    else {
      const { code = INTERNAL_ERROR, message: text = 'failed', data } = error as { code?: number; message?: string; data?: unknown };
      waiting.reject(new RpcError(code, text, data));
    }
  }
}
