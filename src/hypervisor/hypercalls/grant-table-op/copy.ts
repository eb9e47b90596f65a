import type { Snapshot } from '../../../base/struct.ts';
import {
  GNTCOPY_dest_gref,
  GNTCOPY_source_gref,
  GNTST_bad_copy_arg,
  GNTST_bad_domain,
  GNTST_general_error,
  GNTST_okay,
  GNTST_permission_denied,
  gnttab_copy,
} from '../../../spec/xen/grant-table.ts';
import { DOMID_SELF } from '../../../spec/xen/xen.ts';
import { type Claimed, type CopyClaim, claimGrant, claimOwn } from '../../grants/copy-claim.ts';
import type { Domain, Hypervisor } from '../../hypervisor.ts';
import { weigh } from '../call.ts';
import { listOperation } from './elements.ts';

type Copy = Snapshot<(typeof gnttab_copy)['fields']>;
type End = Copy['source'];

/** Domain of one end, or a status. Only the caller's own pages may be named by frame. */
function domainOf(hv: Hypervisor, caller: Domain, end: End, isGrant: boolean): Domain | number {
  if (end.domid !== DOMID_SELF && !isGrant) return GNTST_permission_denied;
  return hv.resolve(end.domid, caller) ?? GNTST_bad_domain;
}

const claimEnd = (hv: Hypervisor, caller: Domain, of: Domain, end: End, isGrant: boolean, readonly: boolean): Claimed =>
  isGrant ? claimGrant(hv, of, end.u.ref, caller.id, readonly) : claimOwn(hv, of, end.u.gmfn);

const within = (claim: CopyClaim, offset: number, length: number): boolean => offset >= claim.start && offset + length <= claim.start + claim.length;

/** So many bytes copied count as one element more. */
const BYTES_OF_AN_ELEMENT = 1024;

function copyOne(hv: Hypervisor, caller: Domain, arg: Copy): number {
  const fromGrant = (arg.flags & GNTCOPY_source_gref) !== 0;
  const toGrant = (arg.flags & GNTCOPY_dest_gref) !== 0;
  const from = domainOf(hv, caller, arg.source, fromGrant);
  if (typeof from === 'number') return from;
  const to = domainOf(hv, caller, arg.dest, toGrant);
  if (typeof to === 'number') return to;
  const source = claimEnd(hv, caller, from, arg.source, fromGrant, true);
  if ('status' in source) return source.status;
  const dest = claimEnd(hv, caller, to, arg.dest, toGrant, false);
  if ('status' in dest) {
    source.release();
    return dest.status;
  }
  let status: number = GNTST_okay;
  if (arg.source.offset + arg.len > 4096 || arg.dest.offset + arg.len > 4096) status = GNTST_bad_copy_arg;
  else if (!within(source, arg.source.offset, arg.len) || !within(dest, arg.dest.offset, arg.len)) status = GNTST_general_error;
  else {
    const at = source.mfn * 4096 + arg.source.offset;
    hv.memories.frameBytes.copyWithin(dest.mfn * 4096 + arg.dest.offset, at, at + arg.len);
    if (hv.frames.hasCode(dest.mfn)) hv.cpu.frameWritten(dest.mfn);
  }
  dest.release();
  source.release();
  return status;
}

/**
 * GNTTABOP_copy: copy parts of pages, each end a grant reference or a page of the caller's own.
 * @xen grant_table_op 5 copy #Y
 * Fails, per element: permission_denied another domain's page by frame; bad_domain; what claiming the source, then the
 * destination fails with (claimGrant); bad_copy_arg beyond a page; general_error beyond the part that was granted.
 */
export const copy = listOperation(gnttab_copy, ['status'], (call, arg) => {
  weigh(call, Math.floor(arg.len / BYTES_OF_AN_ELEMENT));
  return { status: copyOne(call.hv, call.caller, arg) };
});
