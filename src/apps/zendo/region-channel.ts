/**
 * The way between the pCPU thread and a thread that makes regions. Data goes as messages; neither side ever comes to its event loop, where messages
 * would wake it: a word of shared memory says that there is one. So nobody is woken who is at work, and nobody looks for messages that are not there.
 */

/** One end's part: a port, and the words shared by both. */
export interface RegionChannel {
  readonly port: MessagePort;
  /** Messages sent so far, by direction. */
  readonly sent: Int32Array<SharedArrayBuffer>;
}

/** The pCPU thread's messages, and the answers. */
export const JOBS = 0;
export const ANSWERS = 1;
/** The last job. */
export const END = 'end';
type Direction = typeof JOBS | typeof ANSWERS;

/** The host's way to take a message off a port: Node's receiveMessageOnPort. */
type Receive = (port: MessagePort) => { readonly message: unknown } | undefined;

/** A new channel's words. */
export const regionChannelWords = (): Int32Array<SharedArrayBuffer> => new Int32Array(new SharedArrayBuffer(8));

/** Sends `message`, and wakes the other side if it waits. */
export function send({ port, sent }: RegionChannel, direction: Direction, message: unknown): void {
  port.postMessage(message);
  Atomics.add(sent, direction, 1);
  Atomics.notify(sent, direction);
}

/** Takes messages of one direction off a channel. */
export class Receiver {
  private readonly channel: RegionChannel;
  private readonly direction: Direction;
  private readonly receive: Receive;
  private received = 0;

  constructor(channel: RegionChannel, direction: Direction, receive: Receive) {
    this.receive = receive;
    this.channel = channel;
    this.direction = direction;
  }

  /** The next message, undefined if there is none yet. */
  take(): unknown {
    if (Atomics.load(this.channel.sent, this.direction) === this.received) return undefined;
    const message = this.receive(this.channel.port);
    if (message === undefined) return undefined;
    this.received = (this.received + 1) | 0;
    return message.message;
  }

  /** The next message, waited for. */
  wait(): unknown {
    for (;;) {
      const message = this.take();
      if (message !== undefined) return message;
      Atomics.wait(this.channel.sent, this.direction, this.received);
    }
  }
}
