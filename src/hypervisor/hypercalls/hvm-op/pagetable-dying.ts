import { EINVAL, EOPNOTSUPP, ESRCH } from '../../../spec/xen/errno.ts';
import { xen_hvm_pagetable_dying } from '../../../spec/xen/hvm/hvm-op.ts';
import { fail, subOperation } from '../call.ts';

/**
 * HVMOP_pagetable_dying: a hint for shadow paging. Domains here have hardware-assisted paging, where Xen refuses it.
 * @xen hvm_op 9 pagetable_dying #Y
 * Fails: EFAULT; ESRCH; EOPNOTSUPP another domain; EINVAL always else.
 */
export const pagetableDying = subOperation(xen_hvm_pagetable_dying, ({ hv, caller }, arg) => {
  const of = hv.resolve(arg.domid, caller);
  if (of === undefined) return fail(ESRCH);
  return fail(of === caller ? EINVAL : EOPNOTSUPP);
});
