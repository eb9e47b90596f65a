import { EINVAL, EPERM } from '../../../spec/xen/errno.ts';
import { xen_memory_reservation } from '../../../spec/xen/memory.ts';
import { DOMID_FIRST_RESERVED } from '../../../spec/xen/xen.ts';
import { claimPages as claim } from '../../memory/claims.ts';
import { fail, ok, subOperation } from '../call.ts';

/**
 * XENMEM_claim_pages: promise free pages to a domain before it is populated; 0 takes the promise back.
 * @xen memory_op 24 claim_pages #Y
 * Fails: EFAULT; EINVAL a list, an order or flags; EINVAL no such domain; EPERM not privileged; what claiming fails with.
 */
export const claimPages = subOperation(xen_memory_reservation, ({ hv, caller }, arg) => {
  if (arg.extent_start !== 0n || arg.extent_order !== 0 || arg.mem_flags !== 0) return fail(EINVAL);
  const of = arg.domid >= DOMID_FIRST_RESERVED ? undefined : hv.domain(arg.domid);
  if (of === undefined) return fail(EINVAL);
  if (!hv.isPrivileged(caller)) return fail(EPERM);
  const errno = claim(hv, of, arg.nr_extents);
  return errno === 0 ? ok() : fail(errno);
});
