import { GNTST_bad_gntref, GNTST_eagain, GNTST_general_error, GNTST_okay, gnttab_swap_grant_ref } from '../../../spec/xen/grant-table.ts';
import { activeEntry, pinned } from '../../grants/active.ts';
import { entryAt, grantEntries, statusAt } from '../../grants/table.ts';
import type { Domain, Hypervisor } from '../../hypervisor.ts';
import { listOperation } from './elements.ts';

/** Exchange `size` bytes at two offsets of `frames`. */
function exchange(bytes: Uint8Array, a: number, b: number, size: number): void {
  const kept = bytes.slice(a, a + size);
  bytes.copyWithin(a, b, b + size);
  bytes.set(kept, b);
}

function busy(hv: Hypervisor, of: Domain, ref: number): number {
  const act = activeEntry(hv, of, ref);
  return act === undefined ? GNTST_general_error : pinned(act) ? GNTST_eagain : GNTST_okay;
}

/**
 * GNTTABOP_swap_grant_ref: exchange two entries of the caller's table.
 * @xen grant_table_op 11 swap_grant_ref #Y
 * Fails: bad_gntref beyond the table; eagain one of them is in use.
 */
export const swapGrantRef = listOperation(gnttab_swap_grant_ref, ['status'], ({ hv, caller }, { ref_a, ref_b }) => {
  const entries = grantEntries(caller);
  if (ref_a >= entries || ref_b >= entries) return { status: GNTST_bad_gntref };
  if (ref_a === ref_b) return { status: GNTST_okay };
  const status = busy(hv, caller, ref_a) || busy(hv, caller, ref_b);
  if (status !== GNTST_okay) return { status };
  const bytes = hv.memories.frameBytes;
  const version2 = caller.s.grants.version === 2;
  exchange(bytes, entryAt(hv, caller, ref_a), entryAt(hv, caller, ref_b), version2 ? 16 : 8);
  if (version2) exchange(bytes, statusAt(hv, caller, ref_a), statusAt(hv, caller, ref_b), 2);
  return { status };
});
