import type { Memories } from '../machine/memories.ts';
import { vcpu_info } from '../spec/xen/xen.ts';
import { AT_ONCE } from './domain.ts';
import { dom0IsDue } from './events/deliver.ts';
import { HEADER, machine_header } from './header.ts';
import type { Domain, Hypervisor } from './hypervisor.ts';
import { turnIsShared } from './mailbox.ts';

/**
 * What domains write to the hypervisor's console (console_io, port 0xE9), on its way to domain 0's programs: a ring of
 * records in the heap, which they empty at the start of a turn. So these bytes and those of the PV console rings come in
 * the order in which the guest made them known: what waits here is older than the events of the turn, and a guest does
 * not get to write while an event of before waits.
 */

/** Bytes of the ring, a power of two, and the most of them that one write takes. */
const SIZE = 65536;
export const GUEST_CONSOLE_CHUNK = 4096;
/** Before each record's bytes: domain id and length, 16 bits each. */
const HEAD = 4;

const { offsets } = machine_header;

/** Does something wait that domains wrote to the hypervisor's console? */
export const guestConsoleWaits = ({ header }: Hypervisor): boolean => header.guest_console_prod !== header.guest_console_cons;

/** Do domain 0's programs have events to look at? */
function eventsWait(hv: Hypervisor): boolean {
  const dom0 = hv.domain(0);
  const v = dom0 === undefined ? undefined : hv.vcpu(dom0, 0);
  return v !== undefined && v.s.info !== 0 && hv.memories.frameBytes[v.s.info + vcpu_info.offsets.evtchn_upcall_pending] !== 0;
}

function put(hv: Hypervisor, at: number, bytes: ArrayLike<number>): void {
  for (let i = 0; i < bytes.length; i++) hv.memories.stateBytes[hv.header.guest_console + ((at + i) & (SIZE - 1))] = bytes[i] as number;
}

/**
 * Take what a domain writes (at most GUEST_CONSOLE_CHUNK bytes). False: not before domain 0's programs had their turn,
 * which they have at once then; the write is to be made again. What domain 0 writes while the ring is full is lost.
 */
export function writeGuestConsole(hv: Hypervisor, from: Domain, bytes: Uint8Array): boolean {
  const { header } = hv;
  if (header.guest_console === 0) header.guest_console = hv.heap.allocate(SIZE);
  if (header.guest_console === 0) return true; // the heap is full: nowhere to keep it
  const room = SIZE - ((header.guest_console_prod - header.guest_console_cons) >>> 0);
  if (from.id === 0) {
    if (room < HEAD + bytes.length) return true;
  } else if (room < HEAD + bytes.length || eventsWait(hv) || turnIsShared(hv.memories)) {
    header.dom0_due = AT_ONCE;
    return false;
  }
  const at = header.guest_console_prod;
  put(hv, at, [from.id & 0xff, from.id >>> 8, bytes.length & 0xff, bytes.length >>> 8]);
  put(hv, at + HEAD, bytes);
  header.guest_console_prod = (at + HEAD + bytes.length) >>> 0;
  dom0IsDue(hv);
  return true;
}

/** Empty the ring. Inside a turn, or when the pCPU thread has ended; by the memories alone. */
export function takeGuestConsole(memories: Memories): { domid: number; bytes: Uint8Array }[] {
  const { stateView: view, stateBytes } = memories;
  const ring = view.getUint32(HEADER + offsets.guest_console, true);
  const end = view.getUint32(HEADER + offsets.guest_console_prod, true);
  const taken: { domid: number; bytes: Uint8Array }[] = [];
  const byte = (at: number): number => stateBytes[ring + (at & (SIZE - 1))] as number;
  for (let at = view.getUint32(HEADER + offsets.guest_console_cons, true); at !== end; ) {
    const domid = byte(at) | (byte(at + 1) << 8);
    const length = byte(at + 2) | (byte(at + 3) << 8);
    const bytes = Uint8Array.from({ length }, (_, i) => byte(at + HEAD + i));
    at = (at + HEAD + length) >>> 0;
    const last = taken.at(-1);
    if (last?.domid === domid) last.bytes = Uint8Array.of(...last.bytes, ...bytes);
    else taken.push({ domid, bytes });
  }
  view.setUint32(HEADER + offsets.guest_console_cons, end, true);
  return taken;
}
