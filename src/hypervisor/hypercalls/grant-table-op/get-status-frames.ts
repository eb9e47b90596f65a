import { GNTST_bad_domain, GNTST_general_error, GNTST_permission_denied, gnttab_get_status_frames } from '../../../spec/xen/grant-table.ts';
import { statusFramesAt } from '../../grants/table.ts';
import { ok, subOperation } from '../call.ts';
import { gfnsOf, writeList } from './frame-list.ts';

/**
 * GNTTABOP_get_status_frames: list where the status frames of a version 2 table are.
 * @xen grant_table_op 9 get_status_frames #Y
 * Fails, in the status: bad_domain; permission_denied another domain's, by a caller that is not privileged;
 * general_error there are not so many; bad_virt_addr the list cannot be written.
 */
export const getStatusFrames = subOperation(
  gnttab_get_status_frames,
  (call, arg) => {
    const { hv, caller } = call;
    const of = hv.resolve(arg.dom, caller);
    if (of === undefined) return ok({ status: GNTST_bad_domain });
    if (of !== caller && !hv.isPrivileged(caller)) return ok({ status: GNTST_permission_denied });
    if (arg.nr_frames > of.s.grants.nr_status_frames) return ok({ status: GNTST_general_error });
    const mfns = Array.from({ length: arg.nr_frames }, (_, i) => hv.memories.stateView.getUint32(statusFramesAt(of, i), true));
    return ok({ status: writeList(call, arg.frame_list, new Uint8Array(new BigUint64Array(gfnsOf(hv, mfns)).buffer)) });
  },
  'writes',
);
