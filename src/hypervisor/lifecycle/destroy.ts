import { destroyLapic } from '../arch/x86/lapic.ts';
import { freeBuckets } from '../events/channels.ts';
import { closeAll } from '../events/close.ts';
import { leaveFifo } from '../events/fifo-set-up.ts';
import { destroyTable } from '../grants/table.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { p2m_grant_map_ro, p2m_grant_map_rw, p2m_map_foreign, p2m_ram_rw } from '../memory/p2m.ts';

/** Pages given back in one call: long destructions are restarted, so that other work gets in between. */
const PAGES_AT_ONCE = 16384;
/** is_dying. */
export const DOMDYING_alive = 0;
export const DOMDYING_dying = 1;
export const DOMDYING_dead = 2;

/**
 * Take everything from a domain. False when work is left (call again); true when its record is gone, or waits as a
 * zombie for others to give back what they map of it.
 */
export function relinquish(hv: Hypervisor, d: Domain): boolean {
  if (d.s.is_dying === DOMDYING_alive) {
    d.s.is_dying = DOMDYING_dying;
    d.s.pause_count += 1;
    d.s.relinquish_gfn = 0;
    for (const v of hv.vcpus(d)) {
      if (v.s.info !== 0 && Math.floor(v.s.info / 4096) !== d.s.shared_info) hv.frames.put(Math.floor(v.s.info / 4096) as never);
      v.s.info = 0;
    }
    leaveFifo(hv, d);
    closeAll(hv, d);
    freeBuckets(hv, d);
  }
  let left = PAGES_AT_ONCE;
  for (const { gfn, mfn, type } of d.p2m.entries(d.s.relinquish_gfn)) {
    if (left-- === 0) {
      d.s.relinquish_gfn = gfn;
      hv.cpu.flushTlb();
      return false;
    }
    d.p2m.clear(gfn);
    if (type === p2m_ram_rw) {
      d.s.tot_pages -= 1;
      hv.cpu.frameWritten(mfn);
      hv.frames.put(mfn);
    } else if (type === p2m_map_foreign || type === p2m_grant_map_rw || type === p2m_grant_map_ro) hv.frames.put(mfn);
  }
  hv.cpu.flushTlb();
  destroyTable(hv, d);
  if (d.s.shared_info !== 0) hv.frames.put(d.s.shared_info as never);
  d.s.shared_info = 0;
  for (const v of hv.vcpus(d)) destroyLapic(hv, v);
  if (d.s.e820 !== 0) hv.heap.free(d.s.e820, 128 * 20);
  if (d.s.crash_text !== 0) hv.heap.free(d.s.crash_text, Math.max(1, d.s.crash_text_len));
  d.s.is_dying = DOMDYING_dead;
  hv.forgetDomain(d);
  return true;
}
