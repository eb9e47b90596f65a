import { EFAULT, EINVAL } from '../../spec/xen/errno.ts';
import { __HYPERVISOR_multicall, multicall_entry } from '../../spec/xen/xen.ts';
import { type Call, mustPause } from './call.ts';

const { offsets } = multicall_entry;

/** How one hypercall is made: the table's own dispatch. */
export type Dispatch = (call: Call, nr: number, args: readonly bigint[]) => number;

/**
 * A list of hypercalls, each with its own result. An entry that stops in the middle gets its arguments rewritten, and
 * the list goes on with it.
 * @xen multicall #Y
 * Fails: EFAULT the list is not readable and writable (entries before that are done). EINVAL as an entry's result: a list in a list.
 */
export function multicall(call: Call, list: bigint, count: number, dispatch: Dispatch): number {
  for (let i = 0; i < count; i++) {
    const at = list + BigInt(i * multicall_entry.size);
    const bytes = call.memory.read(at, multicall_entry.size);
    if (bytes === undefined || !call.memory.writable(at, multicall_entry.size)) return -EFAULT;
    const view = new DataView(bytes.buffer);
    const op = Number(view.getBigUint64(offsets.op, true));
    const args = Array.from({ length: 6 }, (_, k) => view.getBigUint64(offsets.args + k * 8, true));
    const result = op === __HYPERVISOR_multicall ? -EINVAL : dispatch(call, op, args);
    const rest = call.restart;
    multicall_entry.write(view, 0, rest === undefined ? { result: BigInt.asUintN(64, BigInt(result)) } : { args: rest });
    if (!call.memory.write(at, bytes)) return -EFAULT;
    if (rest !== undefined || (mustPause(call) && i + 1 < count)) {
      const done = rest === undefined ? i + 1 : i;
      call.restart = [list + BigInt(done * multicall_entry.size), BigInt(count - done)];
      return 0;
    }
  }
  return 0;
}
