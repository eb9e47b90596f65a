import type { Domain, Hypervisor } from '../hypervisor.ts';
import { putPage } from '../lifecycle/reap.ts';
import { useClaim } from './claims.ts';
import { INVALID_M2P } from './frame-table.ts';
import { GFN_LIMIT, p2m_ram_rw } from './p2m.ts';

/** Fill 2^order gfns with fresh zeroed pages; false when one is taken, the domain is dying, its limit or the machine's memory is reached. Undone wholly on failure. */
export function populate(hv: Hypervisor, of: Domain, gfn: number, order: number): boolean {
  const count = 2 ** order;
  if (of.s.is_dying !== 0 || !(gfn + count <= GFN_LIMIT) || of.s.tot_pages + count > of.s.max_pages) return false;
  if (hv.frames.unclaimed + of.s.outstanding_pages < count) return false;
  const { frames } = hv;
  const { p2m, id } = of;
  const claimed = of.s.outstanding_pages;
  if (!p2m.isEmpty(gfn, count) || !p2m.reserveRun(gfn, count)) return false;
  const run = frames.allocateRun(id, gfn, count);
  if (run !== undefined) p2m.setRun(gfn, run, count);
  for (let i = 0; run === undefined && i < count; i++) {
    const mfn = frames.allocate(id, claimed);
    if (mfn === undefined || !p2m.set(gfn + i, mfn, p2m_ram_rw, true)) {
      if (mfn !== undefined) frames.put(mfn);
      of.s.tot_pages += i; // `free` counts them back
      for (let back = 0; back < i; back++) free(hv, of, gfn + back);
      return false;
    }
    frames.setGfn(mfn, gfn + i);
  }
  of.s.tot_pages += count;
  useClaim(hv, of, count);
  // Nothing was there before, so no soft TLB can hold it: entries that are absent are not cached.
  return true;
}

function free(hv: Hypervisor, of: Domain, gfn: number): void {
  const entry = of.p2m.lookup(gfn);
  if (entry === undefined) return;
  of.p2m.clear(gfn);
  hv.frames.setGfn(entry.mfn, INVALID_M2P);
  hv.cpu.frameWritten(entry.mfn);
  putPage(hv, entry.mfn, of);
}

/** Take 2^order RAM pages out of a domain; false when one is no RAM of its own. */
export function decreaseReservation(hv: Hypervisor, of: Domain, gfn: number, order: number): boolean {
  const count = 2 ** order;
  for (let i = 0; i < count; i++) {
    const entry = of.p2m.lookup(gfn + i);
    if (entry === undefined || entry.type !== p2m_ram_rw) return false;
  }
  for (let i = 0; i < count; i++) free(hv, of, gfn + i);
  hv.cpu.flushTlb();
  return true;
}
