import { EFAULT } from '../../../spec/xen/errno.ts';
import { vcpu_register_runstate_memory_area, vcpu_runstate_info } from '../../../spec/xen/vcpu.ts';
import { runstateInfo, writeRunstateArea } from '../../time/runstate.ts';
import { layout, ok, subOperation } from '../call.ts';
import type { VcpuOperation } from './operation.ts';

/**
 * VCPUOP_get_runstate_info.
 * @xen vcpu_op 4 get_runstate_info #Y
 * Fails: EFAULT.
 */
export const getRunstateInfo: VcpuOperation = (target) => (call, argument) => {
  const shape = layout(call, vcpu_runstate_info);
  const bytes = new Uint8Array(shape.size);
  shape.write(new DataView(bytes.buffer), 0, runstateInfo(call.hv, target));
  return call.memory.write(argument, bytes) ? 0 : -EFAULT;
};

/**
 * VCPUOP_register_runstate_memory_area: keep a copy of the runstate at a guest virtual address. One that cannot be
 * written stays as it is, without an error, as in Xen; 0 ends it.
 * @xen vcpu_op 5 register_runstate_memory_area #Y
 * Fails: EFAULT.
 */
export const registerRunstateArea: VcpuOperation = (target) =>
  subOperation(vcpu_register_runstate_memory_area, ({ compat }, arg) => {
    target.s.runstate_area = compat === true ? arg.addr.h : arg.addr.v;
    writeRunstateArea(target);
    return ok();
  });
