import type { Mfn } from '../../base/brand.ts';
import { P2M_MFN_MASK, P2M_VALID, P2M_WRITABLE } from '../../machine/layout.ts';
import { EINVAL, ENOMEM, ENXIO } from '../../spec/xen/errno.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { putPage } from '../lifecycle/reap.ts';
import { INVALID_M2P } from './frame-table.ts';
import { GFN_LIMIT, P2M_TYPE_SHIFT, p2m_grant_map_ro, p2m_grant_map_rw, p2m_map_foreign, p2m_ram_rw, p2m_shared, p2mType } from './p2m.ts';

/** What a domain's guest-physical addresses show, changed page by page. */

const isGrant = (type: number): boolean => type === p2m_grant_map_rw || type === p2m_grant_map_ro;

/** May something else be put at the gfn? Grant mappings only go by unmapping: 0, or an errno. */
function replaceable(of: Domain, gfn: number): number {
  if (!(gfn < GFN_LIMIT)) return EINVAL;
  const entry = of.p2m.lookup(gfn);
  if (entry !== undefined && isGrant(entry.type)) return ENXIO;
  return of.p2m.reserve(gfn) ? 0 : ENOMEM;
}

/** Empty a gfn: RAM of the domain is freed, foreign pages are given back, Xen's own are hidden. False when nothing stood there, or a grant mapping. */
export function emptyGfn(hv: Hypervisor, of: Domain, gfn: number): boolean {
  const entry = of.p2m.lookup(gfn);
  if (entry === undefined || isGrant(entry.type)) return false;
  hv.setEntry(of, gfn, undefined);
  if (entry.type === p2m_ram_rw) {
    hv.frames.setGfn(entry.mfn, INVALID_M2P);
    hv.cpu.frameWritten(entry.mfn);
    putPage(hv, entry.mfn, of);
  } else if (entry.type === p2m_map_foreign) {
    // Domain 0's programs write into it like any memory; what was translated from it may be stale by now.
    if (hv.frames.hasCode(entry.mfn)) hv.cpu.frameWritten(entry.mfn);
    putPage(hv, entry.mfn);
  } else hv.frames.setGfn(entry.mfn, INVALID_M2P);
  return true;
}

/** Show a page of another domain, or of Xen's about it, at a gfn. Takes a reference. 0 or an errno. */
export function placeForeign(hv: Hypervisor, of: Domain, gfn: number, mfn: Mfn, writable: boolean): number {
  // plain numbers, and no objects: a domain's builder does this for each page of its images
  const before = of.p2m.entry(gfn);
  if ((before & P2M_VALID) !== 0 && isGrant(p2mType(before))) return ENXIO;
  if (!of.p2m.reserve(gfn)) return gfn < GFN_LIMIT ? ENOMEM : EINVAL;
  hv.frames.get(mfn); // before the gfn is emptied: it may show the same page
  if ((before & P2M_VALID) !== 0) emptyGfn(hv, of, gfn);
  hv.setEntry(of, gfn, mfn, p2m_map_foreign, writable);
  return 0;
}

/**
 * Show what stands at `count` gfns of `from` from `idx` on at as many gfns from `gfn` on, while nothing is special about a page: it is RAM, and at its
 * gfn there is nothing, or a foreign page that others hold too and that has no code. How many it did; what the next one needs is for `placeForeign`.
 */
export function placeForeignRun(hv: Hypervisor, of: Domain, gfn: number, from: Domain, idx: number, count: number): number {
  const words = hv.memories.stateWords;
  const KIND = ~(P2M_MFN_MASK | P2M_WRITABLE);
  const ram = P2M_VALID | (p2m_ram_rw << P2M_TYPE_SHIFT);
  const foreign = P2M_VALID | (p2m_map_foreign << P2M_TYPE_SHIFT);
  const source = from.p2m.entryIndex(idx);
  if (source === 0 || ((words[source] as number) & KIND) !== ram || !of.p2m.reserve(gfn)) return 0;
  const target = of.p2m.entryIndex(gfn);
  const most = Math.min(count, 1024 - (idx & 1023), 1024 - (gfn & 1023));
  // one loop over words: a domain's builder comes here for each page of its images, before the host has had time to make good code of it
  let done = 0;
  for (; done < most; done++) {
    const entry = words[source + done] as number;
    if ((entry & KIND) !== ram) break;
    const holders = hv.frames.countIndex(entry & P2M_MFN_MASK);
    if ((words[holders] as number) <= 0) break; // more than a signed number says
    const before = words[target + done] as number;
    if (before !== 0) {
      const mfn = before & P2M_MFN_MASK;
      const at = hv.frames.countIndex(mfn);
      if ((before & KIND) !== foreign || (words[at] as number) < 2 || hv.frames.hasCode(mfn)) break;
      words[at] = (words[at] as number) - 1;
    }
    words[holders] = (words[holders] as number) + 1;
    words[target + done] = foreign | (entry & (P2M_MFN_MASK | P2M_WRITABLE));
  }
  if (done > 0) of.p2m.noteMaximum(gfn + done - 1);
  hv.cpu.flushTlb();
  return done;
}

/** Show a page of Xen's that the domain has (shared info, grant table) at a gfn; it leaves its old place. 0 or an errno. */
export function placeShared(hv: Hypervisor, of: Domain, gfn: number, mfn: Mfn): number {
  const errno = replaceable(of, gfn);
  if (errno !== 0) return errno;
  const before = hv.frames.gfn(mfn);
  if (before !== INVALID_M2P && of.p2m.lookup(before)?.mfn === mfn) hv.setEntry(of, before, undefined);
  emptyGfn(hv, of, gfn);
  hv.setEntry(of, gfn, mfn, p2m_shared, true);
  hv.frames.setGfn(mfn, gfn);
  return 0;
}

/** Move a page of the domain's RAM. 0 or an errno. */
export function movePage(hv: Hypervisor, of: Domain, from: number, gfn: number): number {
  const entry = of.p2m.lookup(from);
  if (entry === undefined || entry.type !== p2m_ram_rw) return EINVAL;
  const errno = replaceable(of, gfn);
  if (errno !== 0 || from === gfn) return errno;
  emptyGfn(hv, of, gfn);
  hv.setEntry(of, from, undefined);
  hv.setEntry(of, gfn, entry.mfn, p2m_ram_rw, true);
  hv.frames.setGfn(entry.mfn, gfn);
  return 0;
}
