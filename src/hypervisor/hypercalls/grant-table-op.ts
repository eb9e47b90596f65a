import { EINVAL, ENOSYS } from '../../spec/xen/errno.ts';
import * as nr from '../../spec/xen/grant-table.ts';
import { __HYPERVISOR_grant_table_op } from '../../spec/xen/xen.ts';
import { DOMF_hvm } from '../domain.ts';
import type { Call, SubOperation } from './call.ts';
import { copy } from './grant-table-op/copy.ts';
import { type ListOperation, runList } from './grant-table-op/elements.ts';
import { getStatusFrames } from './grant-table-op/get-status-frames.ts';
import { getVersion } from './grant-table-op/get-version.ts';
import { mapGrantRef } from './grant-table-op/map-grant-ref.ts';
import { querySize } from './grant-table-op/query-size.ts';
import { setVersion } from './grant-table-op/set-version.ts';
import { setupTable } from './grant-table-op/setup-table.ts';
import { swapGrantRef } from './grant-table-op/swap-grant-ref.ts';
import { transfer } from './grant-table-op/transfer.ts';
import { unmapAndReplace } from './grant-table-op/unmap-and-replace.ts';
import { unmapGrantRef } from './grant-table-op/unmap-grant-ref.ts';
import { permitted } from './rights.ts';

/** Operations on a list of elements, each with its own status. */
export const GRANT_LISTS: ReadonlyMap<number, ListOperation> = new Map([
  [nr.GNTTABOP_map_grant_ref, mapGrantRef],
  [nr.GNTTABOP_unmap_grant_ref, unmapGrantRef],
  [nr.GNTTABOP_transfer, transfer],
  [nr.GNTTABOP_copy, copy],
  [nr.GNTTABOP_unmap_and_replace, unmapAndReplace],
  [nr.GNTTABOP_swap_grant_ref, swapGrantRef],
]);

/** Operations on one struct. `one`: the count must be 1 (the others ignore it). */
export const GRANT_SINGLES: ReadonlyMap<number, { readonly one: boolean; readonly run: SubOperation }> = new Map([
  [nr.GNTTABOP_setup_table, { one: true, run: setupTable }],
  [nr.GNTTABOP_query_size, { one: true, run: querySize }],
  [nr.GNTTABOP_get_status_frames, { one: true, run: getStatusFrames }],
  [nr.GNTTABOP_set_version, { one: false, run: setVersion }],
  [nr.GNTTABOP_get_version, { one: false, run: getVersion }],
]);

/** What Xen lets an HVM or PVH domain do. */
const HVM_MAY = new Set([
  nr.GNTTABOP_query_size,
  nr.GNTTABOP_setup_table,
  nr.GNTTABOP_set_version,
  nr.GNTTABOP_get_version,
  nr.GNTTABOP_copy,
  nr.GNTTABOP_map_grant_ref,
  nr.GNTTABOP_unmap_grant_ref,
  nr.GNTTABOP_swap_grant_ref,
]);

/** Bits of the command that number the operation; only cache_flush uses the others. */
const CMD_MASK = 0xfff;

/**
 * grant_table_op(cmd, list, count).
 * @xen grant_table_op 3 dump_table #N[nor does Xen]
 * @xen grant_table_op 12 cache_flush #N[Arm's]
 * Fails: ENOSYS unknown, or not for HVM and PVH domains; EINVAL a negative count, or one other than 1 where a single
 * struct is meant, or bits beside the operation's number; EFAULT an element cannot be read and written.
 */
export function grantTableOp(call: Call, cmd: number, argument: bigint, count: number): number {
  if ((call.caller.s.flags & DOMF_hvm) !== 0 && !HVM_MAY.has(cmd)) return -ENOSYS;
  if (count > 0x7fffffff || (cmd & ~CMD_MASK) !== 0) return -EINVAL;
  const list = permitted(call, __HYPERVISOR_grant_table_op, cmd, GRANT_LISTS);
  if (list !== undefined) return runList(call, cmd, list, argument, count);
  const single = permitted(call, __HYPERVISOR_grant_table_op, cmd, GRANT_SINGLES);
  if (single === undefined) return -ENOSYS;
  return single.one && count !== 1 ? -EINVAL : single.run(call, argument);
}
