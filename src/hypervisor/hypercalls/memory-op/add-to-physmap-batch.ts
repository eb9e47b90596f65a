import { EDOM, EFAULT, EILSEQ, EINVAL, EOPNOTSUPP } from '../../../spec/xen/errno.ts';
import { XENMAPSPACE_dev_mmio, XENMAPSPACE_gmfn_range, XENMEM_add_to_physmap_batch, xen_add_to_physmap_batch } from '../../../spec/xen/memory.ts';
import { mustPause } from '../call.ts';
import { actFor } from '../target.ts';
import { addPage } from './add-page.ts';
import { goOn, type MemoryOperation } from './operation.ts';

/**
 * XENMEM_add_to_physmap_batch: show many pages, each with its own error; also pages of other domains.
 * @xen memory_op 23 add_to_physmap_batch #Y
 * Fails: EDOM, EILSEQ more done than there are; EFAULT; EOPNOTSUPP a range, or device memory with reserved bits;
 * ESRCH, EPERM the domain; EINVAL the gfn of all ones. Each page: as add_to_physmap; foreign ones ESRCH, EPERM, EINVAL.
 */
export const addToPhysmapBatch: MemoryOperation = (call, argument, done) => {
  const { memory } = call;
  if (done > 0xffff) return -EDOM;
  const bytes = memory.read(argument, xen_add_to_physmap_batch.size);
  if (bytes === undefined) return -EFAULT;
  const arg = xen_add_to_physmap_batch.read(new DataView(bytes.buffer), 0);
  if (arg.space === XENMAPSPACE_gmfn_range) return -EOPNOTSUPP;
  const of = actFor(call, arg.domid);
  if (typeof of === 'number') return -of;
  if (arg.size < done || (arg.size === done && done !== 0)) return -EILSEQ;
  if (arg.space === XENMAPSPACE_dev_mmio && arg.u.res0 !== 0) return -EOPNOTSUPP;
  for (let i = done; i < arg.size; i++) {
    const idx = memory.read(arg.idxs + BigInt(i * 8), 8);
    const gpfn = memory.read(arg.gpfns + BigInt(i * 8), 8);
    if (idx === undefined || gpfn === undefined || !memory.writable(arg.errs + BigInt(i * 4), 4)) return -EFAULT;
    const gfn = new DataView(gpfn.buffer).getBigUint64(0, true);
    if (gfn === 0xffffffffffffffffn) return -EINVAL;
    const errno = addPage(call, of, arg.space, Number(new DataView(idx.buffer).getBigUint64(0, true)), Number(gfn), arg.u.foreign_domid);
    const answer = new Uint8Array(new Int32Array([-errno]).buffer);
    if (!memory.write(arg.errs + BigInt(i * 4), answer)) return -EFAULT;
    if (mustPause(call) && i + 1 < arg.size) return goOn(call, XENMEM_add_to_physmap_batch, i + 1, argument);
  }
  return 0;
};
