import { EDOM, EFAULT, EILSEQ, EINVAL, EOPNOTSUPP } from '../../../spec/xen/errno.ts';
import {
  XENMAPSPACE_dev_mmio,
  XENMAPSPACE_gmfn_foreign,
  XENMAPSPACE_gmfn_range,
  XENMEM_add_to_physmap_batch,
  xen_add_to_physmap_batch,
} from '../../../spec/xen/memory.ts';
import { placeForeignRun } from '../../memory/physmap.ts';
import { type Call, ELEMENTS_AT_ONCE, elementsLeft, mustPause, readLongs, readStruct, weigh } from '../call.ts';
import { actFor } from '../target.ts';
import { addPage, foreignDomain, showForeign } from './add-page.ts';
import { goOn, type MemoryOperation } from './operation.ts';

/** The gfn that is none (as a number, which the largest gfns round to). */
const ALL_ONES = 2 ** 64;

/** Parts of the two lists, of the same length. */
interface Lists {
  readonly idxs: Float64Array;
  readonly gpfns: Float64Array;
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
  const foreign = arg.space === XENMAPSPACE_gmfn_foreign && of.s.is_dying === 0 ? foreignDomain(call, of, arg.u.foreign_domid) : undefined;
  // one that is dying may be gone after any page
  const from = typeof foreign === 'object' && foreign.s.is_dying === 0 ? foreign : undefined;
  for (let i = done; i < arg.size; ) {
    const lists = (i === done ? readAhead(call, arg, done) : undefined) ?? readAt(call, arg, i, 1);
    if (lists === undefined) return -EFAULT;
    const { idxs, gpfns } = lists;
    const errors = new Int32Array(gpfns.length);
    let handled = 0;
    let pause = false;
    while (handled < errors.length && !pause) {
      if (from !== undefined) {
        const run = placeForeignRun(call.hv, of, gpfns[handled] as number, from, idxs[handled] as number, runLength(lists, handled, elementsLeft(call)));
        // the last one counts as all others do
        if (run > 1) weigh(call, run - 1);
        handled += run;
        if (run > 0) {
          pause = mustPause(call) && i + handled < arg.size;
          continue;
        }
      }
      const gfn = gpfns[handled] as number;
      if (gfn >= ALL_ONES) break;
      const idx = idxs[handled] as number;
      errors[handled++] = -(from === undefined ? addPage(call, of, arg.space, idx, gfn, arg.u.foreign_domid) : showForeign(call, of, gfn, from, idx));
      pause = mustPause(call) && i + handled < arg.size;
    }
    if (!memory.write(arg.errs + BigInt(i * 4), new Uint8Array(errors.buffer, 0, handled * 4))) return -EFAULT;
    i += handled;
    if (pause) return goOn(call, XENMEM_add_to_physmap_batch, i, argument);
    if (handled < errors.length) return -EINVAL;
  }
  return 0;
};

/** How many elements from `at` on, at most `most`, name pages that follow one another in both lists. */
function runLength({ idxs, gpfns }: Lists, at: number, most: number): number {
  const end = Math.min(gpfns.length, at + most);
  const apart = (idxs[at] as number) - (gpfns[at] as number);
  let last = at + 1;
  while (last < end && gpfns[last] === (gpfns[last - 1] as number) + 1 && (idxs[last] as number) - (gpfns[last] as number) === apart) last++;
  return last - at;
}

/** Elements `i` .. `i + count - 1` of both lists, undefined when one is not readable, or its error could not be written. */
function readAt(call: Call, arg: { idxs: bigint; gpfns: bigint; errs: bigint }, i: number, count: number): Lists | undefined {
  if (!call.memory.writable(arg.errs + BigInt(i * 4), count * 4)) return undefined;
  const idxs = readLongs(call, arg.idxs, i, count);
  const gpfns = readLongs(call, arg.gpfns, i, count);
  return idxs === undefined || gpfns === undefined ? undefined : { idxs, gpfns };
}

/** What is left of the lists, read at once; nothing where a page of them is missing, or where errors cannot be written. */
function readAhead(call: Call, arg: { idxs: bigint; gpfns: bigint; errs: bigint; size: number }, done: number): Lists | undefined {
  return readAt(call, arg, done, Math.min(arg.size - done, ELEMENTS_AT_ONCE));
}
