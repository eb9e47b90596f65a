import type { GuestChannel } from '../../base/ports/guest-channel.ts';
import { StateReader } from '../../xenstore/state/state-reader.ts';
import { StateWriter } from '../../xenstore/state/state-writer.ts';
import { ConsoleRing } from './console-ring.ts';

/** Where a guest's console output goes. False: taken, but no more before `drained()`; the guest then waits. */
export type ConsoleSink = (bytes: Uint8Array) => boolean;

/** Bytes of input kept for a guest that does not read. Stops: a paste into a hung guest filling the host's memory. */
export const INPUT_QUEUE_MAX = 65536;

const STATE_NAME = 'zendo console';
const STATE_VERSION = 1;

/** xenconsoled for one domain: carries bytes between its console page and whoever looks at it. */
export class ConsoleBackend {
  private readonly channel: GuestChannel;
  private readonly ring: ConsoleRing;
  private readonly sink: ConsoleSink;
  /** Input for which the ring had no room. */
  private queue: Uint8Array = new Uint8Array(0);
  private full = false;

  constructor(channel: GuestChannel, sink: ConsoleSink) {
    this.channel = channel;
    this.ring = new ConsoleRing(channel);
    this.sink = sink;
    if (this.ring.connect()) channel.notify();
  }

  /** A backend as `freeze` left it, on the same page. Throws OperatorError when the bytes are not a backend's. */
  static thaw(bytes: Uint8Array, channel: GuestChannel, sink: ConsoleSink): ConsoleBackend {
    const reader = new StateReader(bytes, 'a console');
    if (reader.text() !== STATE_NAME) reader.damaged('it is not the state of a console');
    if (reader.uint() !== STATE_VERSION) reader.damaged('it has another version');
    const queue = reader.bytes();
    if (queue.length > INPUT_QUEUE_MAX) reader.damaged('there is too much input');
    reader.finish();
    const backend = new ConsoleBackend(channel, sink);
    backend.queue = queue;
    return backend;
  }

  /** What is not on the guest's page: input that waits. */
  freeze(): Uint8Array {
    const writer = new StateWriter();
    writer.text(STATE_NAME);
    writer.uint(STATE_VERSION);
    writer.bytes(this.queue);
    return writer.finish();
  }

  /**
   * The guest's event channel fired: pass on one ring full of output at most, and input that waits.
   * True when the guest has written more meanwhile: call it again soon, after others had their turn.
   */
  onEvent(): boolean {
    let moved = this.ring.connect();
    if (!this.full) {
      const output = this.ring.takeOutput();
      if (output.length > 0) {
        moved = true;
        this.full = !this.sink(output);
      }
    }
    if (this.passInput()) moved = true;
    if (moved) this.channel.notify();
    return !this.full && this.ring.hasOutput;
  }

  /** The sink takes bytes again. True as `onEvent`. */
  drained(): boolean {
    this.full = false;
    return this.onEvent();
  }

  /** Input for the guest; how many bytes were taken, the rest is the caller's to offer again. */
  input(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, INPUT_QUEUE_MAX - this.queue.length);
    const queue = new Uint8Array(this.queue.length + taken.length);
    queue.set(this.queue);
    queue.set(taken, this.queue.length);
    this.queue = queue;
    if (this.passInput()) this.channel.notify();
    return taken.length;
  }

  /** Bytes of input that the guest has had no room for. */
  get waiting(): number {
    return this.queue.length;
  }

  close(): void {
    this.channel.close();
  }

  private passInput(): boolean {
    if (this.queue.length === 0) return false;
    const count = this.ring.putInput(this.queue);
    this.queue = this.queue.slice(count);
    return count > 0;
  }
}
