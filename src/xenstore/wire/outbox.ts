import { XS_WATCH_EVENT } from '../../spec/xen/io/xs-wire.ts';
import { latin1 } from './latin1.ts';
import { encodeMessage, type Message } from './message.ts';

/** A message on its way out. */
interface Parcel {
  readonly bytes: Uint8Array;
  readonly message: Message;
  /** For events that must not stand here twice. */
  readonly key: string | undefined;
}

/** Answers and events of one connection that its peer has not fetched yet, in their order. */
export class Outbox {
  private parcels: Parcel[] = [];
  /** Bytes of the first parcel that are gone already. */
  private sent = 0;
  private readonly keys = new Set<string>();
  /** Bytes that wait. */
  size = 0;
  /** Answers that wait. */
  replies = 0;

  get empty(): boolean {
    return this.parcels.length === 0;
  }

  /** An answer. */
  reply(message: Message): void {
    this.replies++;
    this.add(message, undefined);
  }

  /** A watch event. One that stands here already is not sent twice, unless it is special (@): those count. */
  event(payload: Uint8Array): void {
    const key = payload[0] === 0x40 ? undefined : latin1(payload);
    if (key !== undefined) {
      if (this.keys.has(key)) return;
      this.keys.add(key);
    }
    this.add({ type: XS_WATCH_EVENT, requestId: 0, transactionId: 0, payload }, key);
  }

  /** The bytes that come next; empty when there are none. */
  head(): Uint8Array {
    return this.parcels[0]?.bytes.subarray(this.sent) ?? new Uint8Array(0);
  }

  /** `count` bytes of `head()` are gone. */
  advance(count: number): void {
    this.sent += count;
    this.size -= count;
    if (this.sent === this.parcels[0]?.bytes.length) {
      this.sent = 0;
      this.forget(this.parcels.shift());
    }
  }

  /** Take the latest message out if it is an answer (for connections without a stream). */
  takeReply(): Message | undefined {
    const index = this.parcels.findLastIndex(({ message }) => message.type !== XS_WATCH_EVENT);
    return index === -1 ? undefined : this.take(index);
  }

  /** Take the oldest event out (for connections without a stream). */
  takeEvent(): Message | undefined {
    const index = this.parcels.findIndex(({ message }) => message.type === XS_WATCH_EVENT);
    return index === -1 ? undefined : this.take(index);
  }

  get hasEvents(): boolean {
    return this.parcels.length > this.replies;
  }

  clear(): void {
    this.parcels = [];
    this.keys.clear();
    this.sent = 0;
    this.size = 0;
    this.replies = 0;
  }

  /** What waits, and how much of the first message is gone. */
  contents(): { readonly sent: number; readonly messages: readonly Message[] } {
    return { sent: this.sent, messages: this.parcels.map(({ message }) => message) };
  }

  /** Put back what `contents()` gave; false when it cannot have come from there. */
  restore(sent: number, messages: readonly Message[]): boolean {
    for (const message of messages) {
      if (message.type === XS_WATCH_EVENT) this.event(message.payload);
      else this.reply(message);
    }
    if (sent > 0 && !(sent < (this.parcels[0]?.bytes.length ?? 0))) return false;
    this.sent = sent;
    this.size -= sent;
    return true;
  }

  private add(message: Message, key: string | undefined): void {
    const bytes = encodeMessage(message);
    this.parcels.push({ bytes, message, key });
    this.size += bytes.length;
  }

  private take(index: number): Message | undefined {
    const [taken] = this.parcels.splice(index, 1);
    if (taken !== undefined) this.size -= taken.bytes.length;
    this.forget(taken);
    return taken?.message;
  }

  private forget(parcel: Parcel | undefined): void {
    if (parcel === undefined) return;
    if (parcel.key !== undefined) this.keys.delete(parcel.key);
    if (parcel.message.type !== XS_WATCH_EVENT) this.replies--;
  }
}
