import { EINVAL } from '../../../spec/xen/errno.ts';
import { raiseNmi } from '../../arch/x86/nmi.ts';
import type { VcpuOperation } from './operation.ts';

/**
 * VCPUOP_send_nmi.
 * @xen vcpu_op 11 send_nmi #Y
 * Fails: EINVAL the argument is not null.
 */
export const sendNmi: VcpuOperation = (target) => (_call, argument) => {
  if (argument !== 0n) return -EINVAL;
  raiseNmi(target);
  return 0;
};
