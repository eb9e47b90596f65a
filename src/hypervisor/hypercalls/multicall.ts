import { EFAULT, EINVAL } from '../../spec/xen/errno.ts';
import { __HYPERVISOR_multicall } from '../../spec/xen/xen.ts';
import { type Call, longSize, mustPause, packLongs } from './call.ts';

/** An entry (multicall_entry) is unsigned longs of the caller's only: the number, the result, and six arguments. */
const WORDS = 8;
const RESULT = 1;
const ARGS = 2;

/** How one hypercall is made: the table's own dispatch. */
export type Dispatch = (call: Call, nr: number, args: readonly bigint[]) => number;

/**
 * A list of hypercalls, each with its own result. An entry that stops in the middle gets its arguments rewritten, and
 * the list goes on with it.
 * @xen multicall #Y
 * Fails: EFAULT the list is not readable and writable (entries before that are done). EINVAL as an entry's result: a list in a list.
 */
export function multicall(call: Call, list: bigint, count: number, dispatch: Dispatch): number {
  const long = longSize(call);
  const size = WORDS * long;
  for (let i = 0; i < count; i++) {
    const at = list + BigInt(i * size);
    const bytes = call.memory.read(at, size);
    if (bytes === undefined || !call.memory.writable(at, size)) return -EFAULT;
    const words = long === 4 ? [...new Uint32Array(bytes.buffer)].map(BigInt) : [...new BigUint64Array(bytes.buffer)];
    const op = Number(words[0]);
    const result = op === __HYPERVISOR_multicall ? -EINVAL : dispatch(call, op, words.slice(ARGS));
    const rest = call.restart;
    if (rest === undefined) bytes.set(packLongs(call, [BigInt.asUintN(64, BigInt(result))]), RESULT * long);
    else bytes.set(packLongs(call, rest), ARGS * long);
    if (!call.memory.write(at, bytes)) return -EFAULT;
    if (rest !== undefined || (mustPause(call) && i + 1 < count)) {
      const done = rest === undefined ? i + 1 : i;
      call.restart = [list + BigInt(done * size), BigInt(count - done)];
      return 0;
    }
  }
  return 0;
}
