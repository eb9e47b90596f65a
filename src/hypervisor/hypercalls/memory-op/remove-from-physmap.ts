import { ENOENT } from '../../../spec/xen/errno.ts';
import { xen_remove_from_physmap } from '../../../spec/xen/memory.ts';
import { emptyGfn } from '../../memory/physmap.ts';
import { fail, ok, subOperation } from '../call.ts';
import { actFor } from '../target.ts';

/**
 * XENMEM_remove_from_physmap: take a page out. RAM is freed (Xen keeps it, out of reach, with the domain).
 * @xen memory_op 15 remove_from_physmap #Y
 * Fails: ESRCH, EPERM the domain; ENOENT nothing at the gfn, or a grant mapping.
 */
export const removeFromPhysmap = subOperation(xen_remove_from_physmap, (call, arg) => {
  const of = actFor(call, arg.domid);
  if (typeof of === 'number') return fail(of);
  return emptyGfn(call.hv, of, arg.gpfn) ? ok() : fail(ENOENT);
});
