import type { Transport } from './transport.ts';

/** The other end of a stream. */
export interface StreamPeer {
  /** Send bytes (they are the peer's from now on). False: they were taken, but ask no more before `StreamTransport.drained`. */
  send(bytes: Uint8Array): boolean;
  /** All that was given after `receive` said false has been read. */
  ready?(): void;
  /** The store has ended the connection. */
  close(): void;
}

/** A byte stream that somebody pushes into, such as a socket. */
export class StreamTransport implements Transport {
  private readonly peer: StreamPeer;
  private readonly chunks: Uint8Array[] = [];
  private full = false;
  private behind = false;

  constructor(peer: StreamPeer) {
    this.peer = peer;
  }

  /** Bytes from the peer. */
  push(bytes: Uint8Array): void {
    if (bytes.length > 0) this.chunks.push(bytes);
  }

  /** Whether everything has been read; if not, `ready` will say so. */
  keepsUp(): boolean {
    this.behind = this.chunks.length > 0;
    return !this.behind;
  }

  /** The peer takes bytes again. */
  drained(): void {
    this.full = false;
  }

  read(target: Uint8Array): number {
    let count = 0;
    for (let chunk = this.chunks[0]; chunk !== undefined && count < target.length; chunk = this.chunks[0]) {
      const part = chunk.subarray(0, target.length - count);
      target.set(part, count);
      count += part.length;
      if (part.length === chunk.length) this.chunks.shift();
      else this.chunks[0] = chunk.subarray(part.length);
    }
    if (this.behind && this.chunks.length === 0) {
      this.behind = false;
      this.peer.ready?.();
    }
    return count;
  }

  write(bytes: Uint8Array): number {
    if (this.full) return 0;
    this.full = !this.peer.send(bytes.slice());
    return bytes.length;
  }

  readable(): boolean {
    return this.chunks.length > 0;
  }

  wantsReset(): boolean {
    return false;
  }

  reset(): void {
    this.chunks.length = 0;
  }

  signal(): void {}

  fail(): void {
    this.close();
  }

  close(): void {
    this.chunks.length = 0;
    this.peer.close();
  }
}
