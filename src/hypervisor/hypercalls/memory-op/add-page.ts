import type { Mfn } from '../../../base/brand.ts';
import { EINVAL, EPERM, ESRCH } from '../../../spec/xen/errno.ts';
import {
  XENMAPIDX_grant_table_status,
  XENMAPSPACE_gmfn,
  XENMAPSPACE_gmfn_foreign,
  XENMAPSPACE_grant_table,
  XENMAPSPACE_shared_info,
} from '../../../spec/xen/memory.ts';
import { grantTableFrame } from '../../grants/table.ts';
import type { Domain } from '../../hypervisor.ts';
import { p2m_ram_rw, p2m_shared } from '../../memory/p2m.ts';
import { movePage, placeForeign, placeShared } from '../../memory/physmap.ts';
import type { Call } from '../call.ts';

/** A page of another domain: ESRCH no such domain (or the caller's own id); EPERM not privileged; EINVAL no page of its own there. */
function addForeign({ hv, caller }: Call, of: Domain, domid: number, idx: number, gpfn: number): number {
  const from = domid === caller.id ? undefined : hv.resolve(domid, caller);
  if (from === undefined) return ESRCH;
  if (from === of) return EINVAL;
  if (!hv.isPrivileged(caller)) return EPERM;
  const entry = from.p2m.lookup(idx);
  if (entry === undefined || (entry.type !== p2m_ram_rw && entry.type !== p2m_shared)) return EINVAL;
  return placeForeign(hv, of, gpfn, entry.mfn, entry.writable);
}

/** Put page `idx` of a space at a gfn: 0 or an errno (EINVAL: no such space or page). */
export function addPage(call: Call, of: Domain, space: number, idx: number, gpfn: number, foreign: number): number {
  const { hv } = call;
  if (of.s.is_dying !== 0) return EINVAL;
  switch (space) {
    case XENMAPSPACE_shared_info:
      return idx !== 0 || of.s.shared_info === 0 ? EINVAL : placeShared(hv, of, gpfn, of.s.shared_info as Mfn);
    case XENMAPSPACE_grant_table: {
      const status = idx >= XENMAPIDX_grant_table_status;
      const mfn = grantTableFrame(hv, of, status ? idx - XENMAPIDX_grant_table_status : idx, status);
      return mfn === 0 ? EINVAL : placeShared(hv, of, gpfn, mfn as Mfn);
    }
    case XENMAPSPACE_gmfn:
      return movePage(hv, of, idx, gpfn);
    case XENMAPSPACE_gmfn_foreign:
      return addForeign(call, of, foreign, idx, gpfn);
    default:
      return EINVAL;
  }
}
