import { loadAtomic, storeAtomic } from '../../base/atomic.ts';
import type { GuestChannel } from '../../base/ports/guest-channel.ts';
import { xencons_interface } from '../../spec/xen/io/console.ts';

const { in: inRing, out: outRing, in_cons, in_prod, out_cons, out_prod } = xencons_interface.offsets;
const IN_SIZE = xencons_interface.fields.in.size;
const OUT_SIZE = xencons_interface.fields.out.size;

/** The byte behind the indexes by which guest and backend agree on being connected. Guests of older headers leave it 0. */
const CONNECTION = xencons_interface.size;
/** @see xen/include/public/io/console.h (newer than 4.17), XENCONSOLE_CONNECTED, XENCONSOLE_DISCONNECTED */
const XENCONSOLE_CONNECTED = 0;
const XENCONSOLE_DISCONNECTED = 1;

/**
 * The backend's end of a console page. All indexes are the guest's allegation: a pair is read once, checked, and the copy
 * used. A pair that makes no sense means that there is nothing to read, or no room, until the guest has mended it.
 */
export class ConsoleRing {
  private readonly channel: GuestChannel;

  constructor(channel: GuestChannel) {
    this.channel = channel;
  }

  /** Tell a guest that waits for it that somebody listens; false when it did not wait. */
  connect(): boolean {
    const { view } = this.channel;
    if (view.getUint8(CONNECTION) !== XENCONSOLE_DISCONNECTED) return false;
    view.setUint8(CONNECTION, XENCONSOLE_CONNECTED);
    return true;
  }

  /** What the guest has written, at most one ring full; private memory. */
  takeOutput(): Uint8Array {
    const { bytes, words } = this.channel;
    const from = loadAtomic(words, out_cons);
    const count = (loadAtomic(words, out_prod) - from) >>> 0;
    if (count === 0 || count > OUT_SIZE) return new Uint8Array(0);
    const taken = new Uint8Array(count);
    for (let i = 0; i < count; i++) taken[i] = bytes[outRing + ((from + i) & (OUT_SIZE - 1))] as number;
    storeAtomic(words, out_cons, from + count);
    return taken;
  }

  /** Whether the guest has written something that `takeOutput` would give. */
  get hasOutput(): boolean {
    const count = (loadAtomic(this.channel.words, out_prod) - loadAtomic(this.channel.words, out_cons)) >>> 0;
    return count > 0 && count <= OUT_SIZE;
  }

  /** Give the guest input; how many bytes there was room for. */
  putInput(data: Uint8Array): number {
    const { bytes, words } = this.channel;
    const to = loadAtomic(words, in_prod);
    const unread = (to - loadAtomic(words, in_cons)) >>> 0;
    if (unread > IN_SIZE) return 0;
    const count = Math.min(IN_SIZE - unread, data.length);
    for (let i = 0; i < count; i++) bytes[inRing + ((to + i) & (IN_SIZE - 1))] = data[i] as number;
    if (count > 0) storeAtomic(words, in_prod, to + count);
    return count;
  }
}
