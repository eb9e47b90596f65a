import type { Mfn } from '../../../base/brand.ts';
import { P2M_MFN_MASK, P2M_VALID, P2M_WRITABLE } from '../../../machine/layout.ts';
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
import { p2m_ram_rw, p2m_shared, p2mType } from '../../memory/p2m.ts';
import { movePage, placeForeign, placeShared } from '../../memory/physmap.ts';
import type { Call } from '../call.ts';

/** The domain whose pages are to be shown: ESRCH no such domain (or the caller's own id); EINVAL it is the one they are shown to; EPERM not privileged. */
export function foreignDomain({ hv, caller }: Call, of: Domain, domid: number): Domain | number {
  const from = domid === caller.id ? undefined : hv.resolve(domid, caller);
  if (from === undefined) return ESRCH;
  if (from === of) return EINVAL;
  return hv.isPrivileged(caller) ? from : EPERM;
}

/** Show what stands at gfn `idx` of `from` at `gpfn`: 0, or an errno (EINVAL: nothing of its own, or no such gpfn). */
export function showForeign({ hv }: Call, of: Domain, gpfn: number, from: Domain, idx: number): number {
  const entry = from.p2m.entry(idx);
  const type = p2mType(entry);
  if ((entry & P2M_VALID) === 0 || (type !== p2m_ram_rw && type !== p2m_shared)) return EINVAL;
  return placeForeign(hv, of, gpfn, (entry & P2M_MFN_MASK) as Mfn, (entry & P2M_WRITABLE) !== 0);
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
    case XENMAPSPACE_gmfn_foreign: {
      const from = foreignDomain(call, of, foreign);
      return typeof from === 'number' ? from : showForeign(call, of, gpfn, from, idx);
    }
    default:
      return EINVAL;
  }
}
