/** One end of a connection between two programs of the same user. */
export interface ByteStream {
  /** False: the other side does not keep up; `onDrain` says when it does again. */
  send(bytes: Uint8Array): boolean;
  onData(listener: (bytes: Uint8Array) => void): void;
  onDrain(listener: () => void): void;
  /** No more data for now: what the other side sends waits with it. */
  pause(): void;
  resume(): void;
  /** Called once, whoever ended it. */
  onClose(listener: () => void): void;
  close(): void;
}

/** Sockets in the file system, for programs of the same user on the same machine. */
export interface LocalSockets {
  /** Serve connections at `path`; nobody listens there yet. The answer ends it and removes the socket. */
  listen(path: string, onConnection: (stream: ByteStream) => void): Promise<() => void>;
  /** Undefined: nobody listens at `path`. */
  connect(path: string): Promise<ByteStream | undefined>;
}
