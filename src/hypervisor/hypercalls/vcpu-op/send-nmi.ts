import { EINVAL } from '../../../spec/xen/errno.ts';
import { VCPUF_nmi_pending } from '../../domain.ts';
import { wake } from '../../events/deliver.ts';
import type { VcpuOperation } from './operation.ts';

/**
 * VCPUOP_send_nmi.
 * @xen vcpu_op 11 send_nmi #Y
 * Fails: EINVAL the argument is not null.
 */
export const sendNmi: VcpuOperation = (target) => (_call, argument) => {
  if (argument !== 0n) return -EINVAL;
  target.s.flags |= VCPUF_nmi_pending;
  wake(target);
  return 0;
};
