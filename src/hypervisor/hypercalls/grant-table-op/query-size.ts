import { GNTST_bad_domain, GNTST_okay, GNTST_permission_denied, gnttab_query_size } from '../../../spec/xen/grant-table.ts';
import { ok, subOperation } from '../call.ts';

/**
 * GNTTABOP_query_size: frames the table has, and may have.
 * @xen grant_table_op 6 query_size #Y
 * Fails, in the status: bad_domain; permission_denied another domain's, by a caller that is not privileged.
 */
export const querySize = subOperation(
  gnttab_query_size,
  ({ hv, caller }, arg) => {
    const of = hv.resolve(arg.dom, caller);
    if (of === undefined) return ok({ status: GNTST_bad_domain });
    if (of !== caller && !hv.isPrivileged(caller)) return ok({ status: GNTST_permission_denied });
    return ok({ nr_frames: of.s.grants.nr_frames, max_nr_frames: of.s.grants.max_frames, status: GNTST_okay });
  },
  'writes',
);
