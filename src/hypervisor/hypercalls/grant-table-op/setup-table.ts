import { GNTST_bad_domain, GNTST_general_error, GNTST_permission_denied, gnttab_setup_table } from '../../../spec/xen/grant-table.ts';
import { framesAt, growTable } from '../../grants/table.ts';
import { ok, packLongs, subOperation } from '../call.ts';
import { gfnsOf, writeList } from './frame-list.ts';

/**
 * GNTTABOP_setup_table: make the table so many frames long and list where they are.
 * @xen grant_table_op 2 setup_table #Y
 * Fails, in the status: bad_domain; permission_denied another domain's, by a caller that is not privileged;
 * general_error beyond the limit, or memory used up; bad_virt_addr the list cannot be written.
 */
export const setupTable = subOperation(
  gnttab_setup_table,
  (call, arg) => {
    const { hv, caller } = call;
    const of = hv.resolve(arg.dom, caller);
    if (of === undefined) return ok({ status: GNTST_bad_domain });
    if (of !== caller && !hv.isPrivileged(caller)) return ok({ status: GNTST_permission_denied });
    if (arg.nr_frames > of.s.grants.max_frames || of.s.is_dying !== 0 || !growTable(hv, of, arg.nr_frames)) return ok({ status: GNTST_general_error });
    const mfns = Array.from({ length: arg.nr_frames }, (_, i) => hv.memories.stateView.getUint32(framesAt(of, i), true));
    return ok({ status: writeList(call, arg.frame_list, packLongs(call, gfnsOf(hv, mfns))) });
  },
  'writes',
);
