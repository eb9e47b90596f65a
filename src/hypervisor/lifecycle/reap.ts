import type { Mfn } from '../../base/brand.ts';
import { VIRQ_DOM_EXC } from '../../spec/xen/xen.ts';
import { destroyLapic } from '../arch/x86/lapic.ts';
import { freeBuckets } from '../events/channels.ts';
import { sendGlobalVirq } from '../events/deliver.ts';
import { destroyActive } from '../grants/active.ts';
import { destroyTable } from '../grants/table.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { OWNER_XEN } from '../memory/frame-table.ts';

/** is_dying. */
export const DOMDYING_alive = 0;
export const DOMDYING_dying = 1;
/** Everything was taken from it; its record waits for others to give back the pages that they map. */
export const DOMDYING_dead = 2;

/** Bytes of a domain's E820 map in the heap: 128 entries of 20 bytes. */
export const E820_BYTES = 128 * 20;

/**
 * Give a reference to a page back. When that frees it, its owner has one page less, and a dead owner without pages is
 * forgotten. `owner` saves the search where the caller knows it.
 */
export function putPage(hv: Hypervisor, mfn: Mfn, owner?: Domain): void {
  const id = hv.frames.owner(mfn);
  if (!hv.frames.put(mfn) || id === undefined || id === OWNER_XEN) return;
  const of = owner ?? hv.domain(id);
  if (of === undefined) return;
  of.s.tot_pages -= 1;
  if (of.s.is_dying === DOMDYING_dead) reap(hv, of);
}

/** Free what a dead domain has no use for while it waits: its grant table, by which its pages are given back, and its vCPUs are kept. */
export function freeUnneeded(hv: Hypervisor, d: Domain): void {
  freeBuckets(hv, d);
  d.p2m.freeLeaves();
  if (d.s.e820 !== 0) hv.heap.free(d.s.e820, E820_BYTES);
  d.s.e820 = 0;
  d.s.e820_entries = 0;
}

/** Forget a dead domain that nobody holds a page of; false while somebody does. */
export function reap(hv: Hypervisor, d: Domain): boolean {
  if (d.s.tot_pages !== 0) return false;
  destroyActive(hv, d);
  destroyTable(hv, d);
  freeUnneeded(hv, d); // (the toolstack may have set a memory map meanwhile)
  for (const v of hv.vcpus(d)) destroyLapic(hv, v);
  if (d.s.shared_info !== 0) hv.frames.put(d.s.shared_info as Mfn);
  if (d.s.crash_text !== 0) hv.heap.free(d.s.crash_text, Math.max(1, d.s.crash_text_len));
  hv.forgetDomain(d);
  const dom0 = hv.domain(0);
  if (dom0 !== undefined) sendGlobalVirq(hv, dom0, VIRQ_DOM_EXC);
  return true;
}
