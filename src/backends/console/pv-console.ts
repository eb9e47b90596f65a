import type { GuestChannel } from '../../base/ports/guest-channel.ts';
import { xencons_interface } from '../../spec/xen/io/console.ts';

const { offsets } = xencons_interface;
const OUT_SIZE = 2048;
const IN_SIZE = 1024;
/** Most bytes of operator input kept for a guest that does not read. */
const QUEUE_MAX = 1 << 16;

/** The PV console's backend: xenconsoled's job for one guest. @see xen/include/public/io/console.h */
export class PvConsole {
  private readonly channel: GuestChannel;
  private readonly sink: (bytes: Uint8Array) => void;
  private queue: number[] = [];

  constructor(channel: GuestChannel, sink: (bytes: Uint8Array) => void) {
    this.channel = channel;
    this.sink = sink;
  }

  /** The guest wrote, or read what was there for it. True: call again. */
  onEvent(): boolean {
    const { words, bytes } = this.channel;
    const cons = Atomics.load(words, offsets.out_cons / 4);
    const prod = Atomics.load(words, offsets.out_prod / 4);
    const count = (prod - cons) >>> 0;
    let progress = this.feed();
    if (count > 0 && count <= OUT_SIZE) {
      const out = new Uint8Array(count);
      for (let i = 0; i < count; i++) out[i] = bytes[offsets.out + ((cons + i) & (OUT_SIZE - 1))] as number;
      Atomics.store(words, offsets.out_cons / 4, prod);
      this.sink(out);
      progress = true;
    } else if (count > OUT_SIZE) Atomics.store(words, offsets.out_cons / 4, prod);
    if (progress) this.channel.notify();
    return false;
  }

  /** Bytes typed by the operator; what does not fit waits. */
  input(typed: Uint8Array): void {
    for (const byte of typed) if (this.queue.length < QUEUE_MAX) this.queue.push(byte);
    if (this.feed()) this.channel.notify();
  }

  /** Operator input that the guest has not taken yet. */
  freeze(): Uint8Array {
    return Uint8Array.from(this.queue);
  }

  thaw(bytes: Uint8Array): void {
    this.queue = [...bytes];
  }

  private feed(): boolean {
    if (this.queue.length === 0) return false;
    const { words, bytes } = this.channel;
    const cons = Atomics.load(words, offsets.in_cons / 4);
    const prod = Atomics.load(words, offsets.in_prod / 4);
    const used = (prod - cons) >>> 0;
    const room = used > IN_SIZE ? 0 : IN_SIZE - used;
    const now = this.queue.splice(0, room);
    for (const [i, byte] of now.entries()) bytes[offsets.in + ((prod + i) & (IN_SIZE - 1))] = byte;
    Atomics.store(words, offsets.in_prod / 4, prod + now.length);
    return now.length > 0;
  }
}
