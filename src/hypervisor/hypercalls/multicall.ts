import { EFAULT, EINVAL } from '../../spec/xen/errno.ts';
import { __HYPERVISOR_multicall, multicall_entry } from '../../spec/xen/xen.ts';
import type { Call } from './call.ts';

/** Most entries taken in one go. */
const ENTRIES_MAX = 0x10000;

/** How one hypercall is made: the table's own dispatch. */
export type Dispatch = (call: Call, nr: number, args: readonly bigint[]) => number;

/**
 * A list of hypercalls, each with its own result.
 * @xen multicall #Y
 * Fails: EINVAL too many; EFAULT the list is not readable and writable (entries before that are done).
 */
export function multicall(call: Call, list: bigint, count: number, dispatch: Dispatch): number {
  if (count > ENTRIES_MAX) return -EINVAL;
  for (let i = 0; i < count; i++) {
    const at = list + BigInt(i * multicall_entry.size);
    const bytes = call.memory.read(at, multicall_entry.size);
    if (bytes === undefined || !call.memory.writable(at, multicall_entry.size)) return -EFAULT;
    const view = new DataView(bytes.buffer);
    const { op, args } = multicall_entry.read(view, 0);
    const result = op === __HYPERVISOR_multicall ? -EINVAL : dispatch(call, op, args);
    multicall_entry.write(view, 0, { result: BigInt.asUintN(64, BigInt(result)) });
    if (!call.memory.write(at, bytes)) return -EFAULT;
  }
  return 0;
}
