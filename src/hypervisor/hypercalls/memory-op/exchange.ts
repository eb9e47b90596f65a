import { EINVAL, EPERM } from '../../../spec/xen/errno.ts';
import { xen_memory_exchange } from '../../../spec/xen/memory.ts';
import { fail, ok, subOperation } from '../call.ts';
import { actFor } from '../target.ts';
import { EXTENT_ORDER_MAX } from './reservation.ts';

/** Pages of so many extents of an order; beyond a number's exactness it is as good as another. */
const pages = ({ nr_extents, extent_order }: { nr_extents: number; extent_order: number }): number => nr_extents * 2 ** extent_order;

/**
 * XENMEM_exchange: give extents for others of another size. Xen takes no pages from translated domains.
 * @xen memory_op 11 exchange #N[only PV domains can]
 * Fails: EFAULT; EPERM an order too large; EINVAL more done than there are, two domains, or two sizes; ESRCH, EPERM the
 * domain; EINVAL always else, unless nothing is left to do.
 */
export const exchange = subOperation(
  xen_memory_exchange,
  (call, arg) => {
    if (Math.max(arg.in.extent_order, arg.out.extent_order) > EXTENT_ORDER_MAX) return fail(EPERM);
    if (arg.nr_exchanged > arg.in.nr_extents || arg.in.domid !== arg.out.domid || pages(arg.in) !== pages(arg.out)) return fail(EINVAL);
    if (arg.nr_exchanged === arg.in.nr_extents) return ok();
    const of = actFor(call, arg.in.domid);
    return fail(typeof of === 'number' ? of : EINVAL);
  },
  'writes',
);
