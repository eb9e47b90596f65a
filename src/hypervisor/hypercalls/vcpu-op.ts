import { EINVAL, ENOENT, ENOSYS } from '../../spec/xen/errno.ts';
import * as nr from '../../spec/xen/vcpu.ts';
import { __HYPERVISOR_vcpu_op } from '../../spec/xen/xen.ts';
import type { Call } from './call.ts';
import { permitted } from './rights.ts';
import { initialise } from './vcpu-op/initialise.ts';
import type { VcpuOperation } from './vcpu-op/operation.ts';
import { registerTimeArea } from './vcpu-op/register-time-area.ts';
import { registerVcpuInfo } from './vcpu-op/register-vcpu-info.ts';
import { getRunstateInfo, registerRunstateArea } from './vcpu-op/runstate.ts';
import { sendNmi } from './vcpu-op/send-nmi.ts';
import { setPeriodicTimer, setSingleshotTimer, stopPeriodicTimer, stopSingleshotTimer } from './vcpu-op/timers.ts';
import { down, isUp, up } from './vcpu-op/up-down.ts';

/** By number. */
export const VCPU_OPERATIONS: ReadonlyMap<number, VcpuOperation> = new Map([
  [nr.VCPUOP_initialise, initialise],
  [nr.VCPUOP_up, up],
  [nr.VCPUOP_down, down],
  [nr.VCPUOP_is_up, isUp],
  [nr.VCPUOP_get_runstate_info, getRunstateInfo],
  [nr.VCPUOP_register_runstate_memory_area, registerRunstateArea],
  [nr.VCPUOP_set_periodic_timer, setPeriodicTimer],
  [nr.VCPUOP_stop_periodic_timer, stopPeriodicTimer],
  [nr.VCPUOP_set_singleshot_timer, setSingleshotTimer],
  [nr.VCPUOP_stop_singleshot_timer, stopSingleshotTimer],
  [nr.VCPUOP_register_vcpu_info, registerVcpuInfo],
  [nr.VCPUOP_send_nmi, sendNmi],
  // Only for a domain 0 whose vCPUs are pinned to pCPUs.
  [nr.VCPUOP_get_physid, () => () => -EINVAL],
  [nr.VCPUOP_register_vcpu_time_memory_area, registerTimeArea],
]);

/**
 * vcpu_op(cmd, vcpuid, arg).
 * @xen vcpu_op 12 get_physid #N[vCPUs are not pinned]
 * Fails: ENOENT no such vCPU; ENOSYS no such command.
 */
export function vcpuOp(call: Call, cmd: number, vcpuId: number, argument: bigint): number {
  const target = call.hv.vcpu(call.caller, vcpuId);
  if (target === undefined) return -ENOENT;
  const operation = permitted(call, __HYPERVISOR_vcpu_op, cmd, VCPU_OPERATIONS);
  return operation === undefined ? -ENOSYS : operation(target)(call, argument);
}
