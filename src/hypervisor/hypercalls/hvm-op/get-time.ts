import { EFAULT } from '../../../spec/xen/errno.ts';
import { xen_hvm_get_time } from '../../../spec/xen/hvm/hvm-op.ts';
import type { SubOperation } from '../call.ts';

/**
 * HVMOP_get_time: system time in nanoseconds.
 * @xen hvm_op 10 get_time #Y
 * Fails: EFAULT.
 */
export const getTime: SubOperation = ({ hv, memory }, argument) => {
  const bytes = new Uint8Array(xen_hvm_get_time.size);
  xen_hvm_get_time.write(new DataView(bytes.buffer), 0, { now: hv.now() });
  return memory.write(argument, bytes) ? 0 : -EFAULT;
};
