import { EPERM, ESRCH } from '../../../spec/xen/errno.ts';
import { gnttab_get_version } from '../../../spec/xen/grant-table.ts';
import { fail, ok, subOperation } from '../call.ts';

/**
 * GNTTABOP_get_version: the format of a table.
 * @xen grant_table_op 10 get_version #Y
 * Fails: EFAULT; ESRCH no such domain; EPERM another's, by a caller that is not privileged.
 */
export const getVersion = subOperation(
  gnttab_get_version,
  ({ hv, caller }, arg) => {
    const of = hv.resolve(arg.dom, caller);
    if (of === undefined) return fail(ESRCH);
    if (of !== caller && !hv.isPrivileged(caller)) return fail(EPERM);
    return ok({ version: of.s.grants.version });
  },
  'writes',
);
