import type { ByteStream } from '../../base/ports/local-socket.ts';
import type { ConsoleViewer } from './consoles.ts';

/** Bytes that may wait for a client. Stops: a client that does not read while its guest writes filling the daemon's memory. */
const BACKLOG = 4 << 20;
/** Clients that wait for the one before. Stops: connections without end. */
const QUEUE_MAX = 16;
/** How often it is looked whether a guest takes more, in ms. */
const TYPE_AGAIN_MS = 5;

/** What a channel's socket needs of the daemon. */
export interface ChannelGuest {
  /** Give the guest bytes; how many it took. */
  type(bytes: Uint8Array): Promise<number>;
  after(milliseconds: number, callback: () => void): void;
}

/**
 * A guest's channel at a Unix socket, for one client at a time, as QEMU serves it for a genuine xl. Bytes go through as they are; what the guest writes while
 * nobody is connected is lost. Others wait until the one before them goes. A client that does not read for long is cut off, one that writes more than the
 * guest takes waits.
 */
export class ChannelSocket implements ConsoleViewer {
  readonly connection = this;
  private readonly guest: ChannelGuest;
  private client: ByteStream | undefined;
  /** Those who wait for their turn. */
  private queue: ByteStream[] = [];
  private waiting = 0;

  constructor(guest: ChannelGuest) {
    this.guest = guest;
  }

  /** Somebody connects. */
  accept(stream: ByteStream): void {
    stream.onClose(() => {
      this.queue = this.queue.filter((each) => each !== stream);
      if (this.client !== stream) return;
      this.client = undefined;
      const next = this.queue.shift();
      if (next !== undefined) this.begin(next);
    });
    if (this.client === undefined) this.begin(stream);
    else if (this.queue.length < QUEUE_MAX) {
      stream.pause();
      this.queue.push(stream);
    } else stream.close();
  }

  private begin(stream: ByteStream): void {
    this.client = stream;
    this.waiting = 0;
    stream.onDrain(() => {
      this.waiting = 0;
    });
    stream.onData((bytes) => {
      stream.pause();
      this.type(bytes.slice()).then(
        () => stream.resume(),
        () => stream.close(),
      );
    });
    stream.resume();
  }

  private async type(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += await this.guest.type(bytes.subarray(done));
      if (done < bytes.length) await new Promise<void>((resolve) => this.guest.after(TYPE_AGAIN_MS, resolve));
    }
  }

  show(bytes: Uint8Array): void {
    const { client } = this;
    if (client === undefined || bytes.length === 0) return;
    this.waiting = client.send(bytes) ? 0 : this.waiting + bytes.length;
    if (this.waiting > BACKLOG) client.close();
  }

  end(): void {
    for (const stream of [...this.queue.splice(0), this.client]) stream?.close();
  }

  /** It is there as long as the domain. */
  onGone(): void {}
}
