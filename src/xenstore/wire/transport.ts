/** Where a connection's bytes come from and go to: a guest's ring, or a socket. */
export interface Transport {
  /** Put up to `target.length` bytes from the peer into `target`; how many there were, -1 when the peer broke the channel. */
  read(target: Uint8Array): number;
  /** Give bytes to the peer; how many it took, -1 when it broke the channel. */
  write(bytes: Uint8Array): number;
  /** There is something to read (or a broken channel to find out about). */
  readable(): boolean;
  /** The peer asks to begin anew: everything said so far, both ways, is void. True once; answered by `reset`. */
  wantsReset(): boolean;
  /** Empty both directions and tell the peer that it may begin. */
  reset(): void;
  /** Tell the peer that bytes were read or written since the last call. */
  signal(): void;
  /** The connection has ended for the reason XENSTORE_ERROR_*. */
  fail(reason: number): void;
  /** The connection is gone. */
  close(): void;
}
