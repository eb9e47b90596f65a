import type { Mfn } from '../../base/brand.ts';
import { forgetDebugger } from '../debug/stop.ts';
import { closeSome } from '../events/close.ts';
import { leaveFifo } from '../events/fifo-set-up.ts';
import { releaseMappings } from '../grants/map.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { giveUpClaim } from '../memory/claims.ts';
import { INVALID_M2P } from '../memory/frame-table.ts';
import { p2m_map_foreign, p2m_ram_rw } from '../memory/p2m.ts';
import { DOMDYING_alive, DOMDYING_dead, DOMDYING_dying, freeUnneeded, putPage, reap } from './reap.ts';

/**
 * Take everything from a domain: up to `most` event channels, mappings and pages in one call. False when work is left (call again, so
 * that other work gets in between); true when its record is gone, or waits as a zombie for others to give back what they map of it.
 */
export function relinquish(hv: Hypervisor, d: Domain, most: number): boolean {
  if (d.s.is_dying === DOMDYING_dead) return true;
  if (d.s.is_dying === DOMDYING_alive) {
    d.s.is_dying = DOMDYING_dying;
    d.s.pause_count += 1;
    d.s.relinquish_gfn = 0;
    d.s.relinquish_handle = 0;
    d.s.next_evtchn = 0;
    giveUpClaim(hv, d);
    forgetDebugger(hv, d);
    for (const v of hv.vcpus(d)) {
      const page = Math.floor(v.s.info / 4096);
      v.s.info = 0;
      v.s.runstate_area = 0n;
      v.s.time_area = 0n;
      if (page !== 0 && page !== d.s.shared_info) putPage(hv, page as Mfn, d);
    }
  }
  if (d.s.active_evtchns !== 0 && !closeSome(hv, d, most)) return false;
  leaveFifo(hv, d);
  if (!releaseMappings(hv, d, most)) return false;
  let left = most;
  for (const { gfn, mfn, type } of d.p2m.entries(d.s.relinquish_gfn)) {
    if (left-- === 0) {
      d.s.relinquish_gfn = gfn;
      hv.cpu.flushTlb();
      return false;
    }
    d.p2m.clear(gfn);
    if (type === p2m_ram_rw) {
      hv.frames.setGfn(mfn, INVALID_M2P);
      hv.cpu.frameWritten(mfn);
      putPage(hv, mfn, d);
    } else if (type === p2m_map_foreign) putPage(hv, mfn);
  }
  hv.cpu.flushTlb();
  d.s.is_dying = DOMDYING_dead;
  freeUnneeded(hv, d);
  reap(hv, d);
  return true;
}
