import { EDOM, EFAULT, EILSEQ, EINVAL, EOPNOTSUPP } from '../../../spec/xen/errno.ts';
import { XENMAPSPACE_dev_mmio, XENMAPSPACE_gmfn_range, XENMEM_add_to_physmap_batch, xen_add_to_physmap_batch } from '../../../spec/xen/memory.ts';
import { type Call, ELEMENTS_AT_ONCE, mustPause, readLongs, readStruct } from '../call.ts';
import { actFor } from '../target.ts';
import { addPage } from './add-page.ts';
import { goOn, type MemoryOperation } from './operation.ts';

/** The gfn that is none (as a number, which the largest gfns round to). */
const ALL_ONES = 2 ** 64;

/** Parts of the two lists. */
interface Lists {
  readonly idxs: BigUint64Array | Uint32Array;
  readonly gpfns: BigUint64Array | Uint32Array;
}

/**
 * XENMEM_add_to_physmap_batch: show many pages, each with its own error; also pages of other domains.
 * @xen memory_op 23 add_to_physmap_batch #Y
 * Fails: EDOM, EILSEQ more done than there are; EFAULT; EOPNOTSUPP a range, or device memory with reserved bits;
 * ESRCH, EPERM the domain; EINVAL the gfn of all ones. Each page: as add_to_physmap; foreign ones ESRCH, EPERM, EINVAL.
 */
export const addToPhysmapBatch: MemoryOperation = (call, argument, done) => {
  const { memory } = call;
  if (done > 0xffff) return -EDOM;
  const arg = readStruct(call, xen_add_to_physmap_batch, argument);
  if (arg === undefined) return -EFAULT;
  if (arg.space === XENMAPSPACE_gmfn_range) return -EOPNOTSUPP;
  const of = actFor(call, arg.domid);
  if (typeof of === 'number') return -of;
  if (arg.size < done || (arg.size === done && done !== 0)) return -EILSEQ;
  if (arg.space === XENMAPSPACE_dev_mmio && arg.u.res0 !== 0) return -EOPNOTSUPP;
  const ahead = readAhead(call, arg, done);
  for (let i = done; i < arg.size; i++) {
    const lists = i - done < (ahead?.gpfns.length ?? 0) ? ahead : readAt(call, arg, i, 1);
    if (lists === undefined || (lists !== ahead && !memory.writable(arg.errs + BigInt(i * 4), 4))) return -EFAULT;
    const place = lists === ahead ? i - done : 0;
    const gfn = Number(lists.gpfns[place]);
    if (gfn >= ALL_ONES) return -EINVAL;
    const errno = addPage(call, of, arg.space, Number(lists.idxs[place]), gfn, arg.u.foreign_domid);
    if (!memory.write(arg.errs + BigInt(i * 4), new Uint8Array(new Int32Array([-errno]).buffer))) return -EFAULT;
    if (mustPause(call) && i + 1 < arg.size) return goOn(call, XENMEM_add_to_physmap_batch, i + 1, argument);
  }
  return 0;
};

/** Elements `i` .. `i + count - 1` of both lists, undefined when one is not readable. */
function readAt(call: Call, arg: { idxs: bigint; gpfns: bigint }, i: number, count: number): Lists | undefined {
  const idxs = readLongs(call, arg.idxs, i, count);
  const gpfns = readLongs(call, arg.gpfns, i, count);
  return idxs === undefined || gpfns === undefined ? undefined : { idxs, gpfns };
}

/** What is left of the lists, read at once; nothing where a page of them is missing, or where errors cannot be written. */
function readAhead(call: Call, arg: { idxs: bigint; gpfns: bigint; errs: bigint; size: number }, done: number): Lists | undefined {
  const count = Math.min(arg.size - done, ELEMENTS_AT_ONCE);
  return call.memory.writable(arg.errs + BigInt(done * 4), count * 4) ? readAt(call, arg, done, count) : undefined;
}
