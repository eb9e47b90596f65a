import { loadAtomic, storeAtomic } from '../../base/atomic.ts';
import type { GuestChannel } from '../../base/ports/guest-channel.ts';
import { XENSTORE_RING_SIZE, xenstore_domain_interface } from '../../spec/xen/io/xs-wire.ts';
import { encodeMessage, type Message, MessageReader } from './message.ts';

/** A shared page with nobody behind it: whoever holds it plays the guest. */
export class PlayedPage implements GuestChannel {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly words: Int32Array;
  /** Events sent to the guest. */
  notified = 0;
  closed = false;

  constructor(page = new SharedArrayBuffer(4096)) {
    this.bytes = new Uint8Array(page);
    this.view = new DataView(page);
    this.words = new Int32Array(page);
  }

  notify(): void {
    this.notified++;
  }

  close(): void {
    this.closed = true;
  }
}

const { req, rsp, req_cons, req_prod, rsp_cons, rsp_prod } = xenstore_domain_interface.offsets;
const MASK = XENSTORE_RING_SIZE - 1;

/** A guest's end of the xenstore ring, as its kernel would use it. For tests, and for guests that are not machines. */
export class RingPlayer {
  readonly page: PlayedPage;
  private readonly reader = new MessageReader();
  private nextRequest = 1;

  constructor(page = new PlayedPage()) {
    this.page = page;
  }

  /** Put as many bytes into the request ring as there is room for; how many that were. */
  put(bytes: Uint8Array): number {
    const { words } = this.page;
    const to = loadAtomic(words, req_prod);
    const count = Math.min(bytes.length, XENSTORE_RING_SIZE - ((to - loadAtomic(words, req_cons)) >>> 0));
    for (let i = 0; i < count; i++) this.page.bytes[req + ((to + i) & MASK)] = bytes[i] as number;
    storeAtomic(words, req_prod, to + count);
    return count;
  }

  /** Put a whole request; `event` is called whenever the ring has something new, and must have the store take it. */
  send(type: number, payload: Uint8Array, event: () => void, transactionId = 0): number {
    const requestId = this.nextRequest++;
    let rest = encodeMessage({ type, requestId, transactionId, payload });
    while (rest.length > 0) {
      rest = rest.subarray(this.put(rest));
      event();
    }
    return requestId;
  }

  /** Take whole messages out of the answer ring, telling the store by `event` while there is room to be made. */
  take(event: () => void): Message[] {
    const { words } = this.page;
    const messages: Message[] = [];
    for (;;) {
      const from = loadAtomic(words, rsp_cons);
      const available = (loadAtomic(words, rsp_prod) - from) >>> 0;
      if (available === 0) return messages;
      for (let i = 0; i < available; i++) {
        this.reader.room()[0] = this.page.bytes[rsp + ((from + i) & MASK)] as number;
        const message = this.reader.advance(1);
        if (message === 'too long') throw new Error('the store sent a message that is too long');
        if (message !== undefined) messages.push(message);
      }
      storeAtomic(words, rsp_cons, from + available);
      event();
    }
  }
}
