/** Threads of the host. Guest code runs only in these. */
export interface WorkerHost {
  /** How many threads may run at once. */
  readonly parallelism: number;
  /** Start a thread on the module at `url` with `data`, which is cloned (shared memories are shared, not copied) but for the ports and buffers in `moved`. */
  start(url: URL, data: unknown, moved?: readonly (MessagePort | ArrayBuffer)[]): WorkerThread;
  /**
   * Begin to load the module at `url` for the next `start` of it, which is quicker then. The module has `early` from its beginning, its data
   * comes by its first message. One that is never started keeps nobody.
   */
  prepare(url: URL, early: unknown): void;
  /** Settles when the thread that was prepared for `url` has what it was given early, or ended before; at once when there is none. */
  prepared(url: URL): Promise<void>;
}

/** One started thread. */
export interface WorkerThread {
  /** Send a message; the memories are the usual way to talk, messages are for life and death. */
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): () => void;
  /** The thread died; `error` is set when it threw. Called once. */
  onExit(listener: (error: unknown) => void): () => void;
  stop(): Promise<void>;
}
