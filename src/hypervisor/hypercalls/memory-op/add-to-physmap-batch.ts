import { EDOM, EFAULT, EILSEQ, EINVAL, EOPNOTSUPP } from '../../../spec/xen/errno.ts';
import { XENMAPSPACE_dev_mmio, XENMAPSPACE_gmfn_range, XENMEM_add_to_physmap_batch, xen_add_to_physmap_batch } from '../../../spec/xen/memory.ts';
import type { CallerMemory } from '../../guest-memory.ts';
import { ELEMENTS_AT_ONCE, mustPause } from '../call.ts';
import { actFor } from '../target.ts';
import { addPage } from './add-page.ts';
import { goOn, type MemoryOperation } from './operation.ts';

/** Parts of the two lists; `length` in bytes of each. */
interface Lists {
  readonly idxs: DataView;
  readonly gpfns: DataView;
  readonly length: number;
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
  const bytes = memory.read(argument, xen_add_to_physmap_batch.size);
  if (bytes === undefined) return -EFAULT;
  const arg = xen_add_to_physmap_batch.read(new DataView(bytes.buffer), 0);
  if (arg.space === XENMAPSPACE_gmfn_range) return -EOPNOTSUPP;
  const of = actFor(call, arg.domid);
  if (typeof of === 'number') return -of;
  if (arg.size < done || (arg.size === done && done !== 0)) return -EILSEQ;
  if (arg.space === XENMAPSPACE_dev_mmio && arg.u.res0 !== 0) return -EOPNOTSUPP;
  const ahead = readAhead(memory, arg, done);
  for (let i = done; i < arg.size; i++) {
    const at = (i - done) * 8;
    const lists = at < ahead.length ? ahead : readAt(memory, arg, i, 1);
    if (lists === undefined || (lists !== ahead && !memory.writable(arg.errs + BigInt(i * 4), 4))) return -EFAULT;
    const place = lists === ahead ? at : 0;
    const gfn = lists.gpfns.getBigUint64(place, true);
    if (gfn === 0xffffffffffffffffn) return -EINVAL;
    const errno = addPage(call, of, arg.space, Number(lists.idxs.getBigUint64(place, true)), Number(gfn), arg.u.foreign_domid);
    if (!memory.write(arg.errs + BigInt(i * 4), new Uint8Array(new Int32Array([-errno]).buffer))) return -EFAULT;
    if (mustPause(call) && i + 1 < arg.size) return goOn(call, XENMEM_add_to_physmap_batch, i + 1, argument);
  }
  return 0;
};

/** Elements `i` .. `i + count - 1` of both lists, undefined when one is not readable. */
function readAt(memory: CallerMemory, { idxs, gpfns }: { idxs: bigint; gpfns: bigint }, i: number, count: number): Lists | undefined {
  const idx = memory.read(idxs + BigInt(i * 8), count * 8);
  const gpfn = memory.read(gpfns + BigInt(i * 8), count * 8);
  if (idx === undefined || gpfn === undefined) return undefined;
  return { idxs: new DataView(idx.buffer), gpfns: new DataView(gpfn.buffer), length: count * 8 };
}

/** What is left of the lists, read at once; nothing where a page of them is missing, or where errors cannot be written. */
function readAhead(memory: CallerMemory, arg: { idxs: bigint; gpfns: bigint; errs: bigint; size: number }, done: number): Lists {
  const count = Math.min(arg.size - done, ELEMENTS_AT_ONCE);
  const all = memory.writable(arg.errs + BigInt(done * 4), count * 4) ? readAt(memory, arg, done, count) : undefined;
  return all ?? { idxs: new DataView(new ArrayBuffer(0)), gpfns: new DataView(new ArrayBuffer(0)), length: 0 };
}
