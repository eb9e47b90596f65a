import { EDOM, EFAULT, EILSEQ, EINVAL, ENOSYS, EOVERFLOW } from '../../../spec/xen/errno.ts';
import { XENMAPSPACE_gmfn, XENMAPSPACE_gmfn_foreign, XENMAPSPACE_gmfn_range, XENMEM_add_to_physmap, xen_add_to_physmap } from '../../../spec/xen/memory.ts';
import { DOMID_INVALID } from '../../../spec/xen/xen.ts';
import { mustPause, readStruct } from '../call.ts';
import { actFor } from '../target.ts';
import { addPage } from './add-page.ts';
import { goOn, type MemoryOperation } from './operation.ts';

const ALL_ONES = 2 ** 64;

/**
 * XENMEM_add_to_physmap: show a page of a space at a gfn, or a range of own pages from a gfn on.
 * @xen memory_op 7 add_to_physmap #Y
 * Fails: EDOM more done than can be; EFAULT; ENOSYS foreign pages (add_to_physmap_batch does them); ESRCH, EPERM the
 * domain; EINVAL no such space, page or gfn; EILSEQ, EOVERFLOW a bad range; ENXIO a grant mapping stands there; ENOMEM.
 */
export const addToPhysmap: MemoryOperation = (call, argument, done) => {
  if (done > 0xffff) return -EDOM;
  const arg = readStruct(call, xen_add_to_physmap, argument);
  if (arg === undefined) return -EFAULT;
  if (arg.space === XENMAPSPACE_gmfn_foreign) return -ENOSYS;
  const of = actFor(call, arg.domid);
  if (typeof of === 'number') return -of;
  if (arg.gpfn >= ALL_ONES) return -EINVAL;
  if (arg.space !== XENMAPSPACE_gmfn_range) return -addPage(call, of, arg.space, arg.idx, arg.gpfn, DOMID_INVALID);
  if (arg.size < done) return -EILSEQ;
  if (arg.gpfn + arg.size >= ALL_ONES || arg.idx + arg.size >= ALL_ONES) return -EOVERFLOW;
  for (let i = done; i < arg.size; i++) {
    const errno = addPage(call, of, XENMAPSPACE_gmfn, arg.idx + i, arg.gpfn + i, DOMID_INVALID);
    if (errno !== 0) return -errno;
    if (mustPause(call) && i + 1 < arg.size) return goOn(call, XENMEM_add_to_physmap, i + 1, argument);
  }
  return 0;
};
