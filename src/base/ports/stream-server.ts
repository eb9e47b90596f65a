/** One connection of a byte stream. */
export interface StreamConnection {
  write(bytes: Uint8Array): void;
  onData(listener: (bytes: Uint8Array) => void): void;
  /** The other side is gone, or `close` was called. Called once. */
  onClose(listener: () => void): void;
  /** End the connection when what was written has been sent. */
  close(): void;
}

/** A server that listens. */
export interface StreamListener {
  readonly port: number;
  /** Listen no more; connections stay. */
  close(): void;
}

/** TCP on this machine only. */
export interface StreamServer {
  /** Listen on 127.0.0.1; port 0 takes any that is free. Rejects with an Error whose message says why it cannot. */
  listen(port: number, onConnection: (connection: StreamConnection) => void): Promise<StreamListener>;
}
