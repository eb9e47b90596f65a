import { EINVAL } from '../../../spec/xen/errno.ts';
import type { SubOperation } from '../call.ts';

/**
 * HVMOP_flush_tlbs: forget what the TLBs of the caller's vCPUs hold.
 * @xen hvm_op 5 flush_tlbs #Y
 * Fails: EINVAL the argument is not null.
 */
export const flushTlbs: SubOperation = ({ hv }, argument) => {
  if (argument !== 0n) return -EINVAL;
  hv.cpu.flushTlb();
  return 0;
};
