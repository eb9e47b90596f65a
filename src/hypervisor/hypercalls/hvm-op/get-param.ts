import { EINVAL, EPERM, ESRCH } from '../../../spec/xen/errno.ts';
import { xen_hvm_param } from '../../../spec/xen/hvm/hvm-op.ts';
import { HVM_NR_PARAMS } from '../../../spec/xen/hvm/params.ts';
import { DOMF_hvm } from '../../domain.ts';
import { fail, ok, subOperation } from '../call.ts';
import { actFor } from '../target.ts';
import { DEPRECATED, GUEST_READABLE, hvmParam } from './params.ts';

/**
 * HVMOP_get_param.
 * @xen hvm_op 1 get_param #Y
 * Fails: EFAULT; EINVAL index beyond the table; ESRCH; EINVAL domain not HVM; EPERM another domain's, by a caller that is
 * not privileged; EINVAL deprecated; EPERM not the domain's own to read.
 */
export const getParam = subOperation(
  xen_hvm_param,
  (call, arg) => {
    const { hv, caller } = call;
    if (arg.index >= HVM_NR_PARAMS) return fail(EINVAL);
    const of = hv.resolve(arg.domid, caller);
    if (of === undefined) return fail(ESRCH);
    if ((of.s.flags & DOMF_hvm) === 0) return fail(EINVAL);
    if (typeof actFor(call, arg.domid) === 'number') return fail(EPERM);
    if (DEPRECATED.has(arg.index)) return fail(EINVAL);
    if (of === caller && !GUEST_READABLE.has(arg.index)) return fail(EPERM);
    return ok({ value: hvmParam(hv, of, arg.index) });
  },
  'writes',
);
