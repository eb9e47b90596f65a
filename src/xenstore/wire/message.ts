import { XENSTORE_PAYLOAD_MAX, xsd_sockmsg } from '../../spec/xen/io/xs-wire.ts';

/** A request or an answer. */
export interface Message {
  /** XS_*. */
  readonly type: number;
  readonly requestId: number;
  readonly transactionId: number;
  /** At most 4096 bytes. */
  readonly payload: Uint8Array;
}

/** A message as bytes. */
export function encodeMessage(message: Message): Uint8Array {
  const bytes = new Uint8Array(xsd_sockmsg.size + message.payload.length);
  xsd_sockmsg.write(new DataView(bytes.buffer), 0, {
    type: message.type,
    req_id: message.requestId,
    tx_id: message.transactionId,
    len: message.payload.length,
  });
  bytes.set(message.payload, xsd_sockmsg.size);
  return bytes;
}

/** Puts messages together from a byte stream that arrives in pieces of any size. */
export class MessageReader {
  private readonly buffer = new Uint8Array(xsd_sockmsg.size + XENSTORE_PAYLOAD_MAX);
  private readonly view = new DataView(this.buffer.buffer);
  private used = 0;

  /** Where the next bytes of this message go: as many as are missing of the header, then of the payload. Never empty. */
  room(): Uint8Array {
    return this.buffer.subarray(this.used, this.needed());
  }

  /**
   * `count` bytes were put into `room()`. The message, when it is complete; 'too long' when its header says more than
   * a payload may have: then nothing more can be read from this stream.
   */
  advance(count: number): Message | 'too long' | undefined {
    this.used += count;
    if (this.used < xsd_sockmsg.size) return undefined;
    const header = xsd_sockmsg.read(this.view, 0);
    if (header.len > XENSTORE_PAYLOAD_MAX) return 'too long';
    const end = xsd_sockmsg.size + header.len;
    if (this.used < end) return undefined;
    const message = {
      type: header.type,
      requestId: header.req_id,
      transactionId: header.tx_id,
      payload: this.buffer.slice(xsd_sockmsg.size, end),
    };
    this.used = 0;
    return message;
  }

  /** Forget a message that is only half there. */
  reset(): void {
    this.used = 0;
  }

  /** The bytes of the message so far. */
  partial(): Uint8Array {
    return this.buffer.slice(0, this.used);
  }

  /** Continue from `partial()`'s bytes; false when no reader can have stopped there. */
  restore(bytes: Uint8Array): boolean {
    if (bytes.length >= this.buffer.length) return false;
    this.buffer.set(bytes);
    this.used = bytes.length;
    if (this.used < xsd_sockmsg.size) return true;
    const { len } = xsd_sockmsg.read(this.view, 0);
    return len <= XENSTORE_PAYLOAD_MAX && this.used < xsd_sockmsg.size + len;
  }

  private needed(): number {
    return this.used < xsd_sockmsg.size ? xsd_sockmsg.size : xsd_sockmsg.size + xsd_sockmsg.read(this.view, 0).len;
  }
}
