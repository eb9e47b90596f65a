import { vcpu_register_time_memory_area } from '../../../spec/xen/vcpu.ts';
import { updateTime } from '../../time/pvclock.ts';
import { ok, subOperation } from '../call.ts';
import type { VcpuOperation } from './operation.ts';

/**
 * VCPUOP_register_vcpu_time_memory_area: a second copy of the time info at a guest virtual address, for user space. One
 * that cannot be written stays as it is, without an error, as in Xen; 0 ends it.
 * @xen vcpu_op 13 register_vcpu_time_memory_area #Y
 * Fails: EFAULT.
 */
export const registerTimeArea: VcpuOperation = (target) =>
  subOperation(vcpu_register_time_memory_area, ({ hv, compat }, arg) => {
    target.s.time_area = compat === true ? arg.addr.h : arg.addr.v;
    updateTime(hv, target);
    return ok();
  });
