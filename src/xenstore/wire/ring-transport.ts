import { loadAtomic, storeAtomic } from '../../base/atomic.ts';
import type { GuestChannel } from '../../base/ports/guest-channel.ts';
import { XENSTORE_CONNECTED, XENSTORE_ERROR_NONE, XENSTORE_RECONNECT, XENSTORE_RING_SIZE, xenstore_domain_interface } from '../../spec/xen/io/xs-wire.ts';
import { SERVER_FEATURES } from './server-features.ts';
import type { Transport } from './transport.ts';

const { req, rsp, req_cons, req_prod, rsp_cons, rsp_prod, server_features, connection, error } = xenstore_domain_interface.offsets;
const MASK = XENSTORE_RING_SIZE - 1;

/**
 * The two byte rings on a guest's xenstore page. All four indexes are the guest's allegation, our own ones too, since it may
 * write them (firmware does, when it hands an empty ring to the kernel): each call reads a pair once, checks it and uses the copy.
 * @see xen/docs/misc/xenstore-ring.txt
 */
export class RingTransport implements Transport {
  private readonly channel: GuestChannel;
  private moved = false;

  constructor(channel: GuestChannel) {
    this.channel = channel;
  }

  read(target: Uint8Array): number {
    const { bytes, words } = this.channel;
    const from = loadAtomic(words, req_cons);
    const available = (loadAtomic(words, req_prod) - from) >>> 0;
    if (available > XENSTORE_RING_SIZE) return -1;
    const count = Math.min(available, target.length);
    for (let i = 0; i < count; i++) target[i] = bytes[req + ((from + i) & MASK)] as number;
    if (count > 0) {
      storeAtomic(words, req_cons, from + count);
      this.moved = true;
    }
    return count;
  }

  write(data: Uint8Array): number {
    const { bytes, words } = this.channel;
    const to = loadAtomic(words, rsp_prod);
    const unread = (to - loadAtomic(words, rsp_cons)) >>> 0;
    if (unread > XENSTORE_RING_SIZE) return -1;
    const count = Math.min(XENSTORE_RING_SIZE - unread, data.length);
    for (let i = 0; i < count; i++) bytes[rsp + ((to + i) & MASK)] = data[i] as number;
    if (count > 0) {
      storeAtomic(words, rsp_prod, to + count);
      this.moved = true;
    }
    return count;
  }

  readable(): boolean {
    return loadAtomic(this.channel.words, req_cons) !== loadAtomic(this.channel.words, req_prod);
  }

  wantsReset(): boolean {
    return loadAtomic(this.channel.words, connection) === XENSTORE_RECONNECT;
  }

  reset(): void {
    const { words } = this.channel;
    for (const index of [req_cons, req_prod, rsp_cons, rsp_prod]) storeAtomic(words, index, 0);
    storeAtomic(words, error, XENSTORE_ERROR_NONE);
    storeAtomic(words, server_features, SERVER_FEATURES);
    if (this.wantsReset()) {
      storeAtomic(words, connection, XENSTORE_CONNECTED);
      this.moved = true;
    }
  }

  signal(): void {
    if (!this.moved) return;
    this.moved = false;
    this.channel.notify();
  }

  fail(reason: number): void {
    storeAtomic(this.channel.words, error, reason);
    this.moved = true;
  }

  close(): void {
    this.channel.close();
  }
}
