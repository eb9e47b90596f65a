import { EINVAL } from '../../../spec/xen/errno.ts';
import { SHUTDOWN_poweroff } from '../../../spec/xen/sched.ts';
import { VCPUF_down, VCPUF_initialised } from '../../domain.ts';
import { shutDown } from '../../lifecycle/shutdown.ts';
import type { VcpuOperation } from './operation.ts';

/**
 * VCPUOP_up.
 * @xen vcpu_op 1 up #Y
 * Fails: EINVAL not initialised.
 */
export const up: VcpuOperation = (target) => () => {
  if ((target.s.flags & VCPUF_initialised) === 0) return -EINVAL;
  target.s.flags &= ~VCPUF_down;
  return 0;
};

/**
 * VCPUOP_down: with its last vCPU the domain powers off.
 * @xen vcpu_op 2 down #Y
 */
export const down: VcpuOperation =
  (target) =>
  ({ hv, caller }) => {
    for (const other of hv.vcpus(caller)) {
      if (other === target || (other.s.flags & VCPUF_down) !== 0) continue;
      target.s.flags |= VCPUF_down;
      return 0;
    }
    shutDown(hv, caller, SHUTDOWN_poweroff);
    return 0;
  };

/** VCPUOP_is_up. @xen vcpu_op 3 is_up #Y */
export const isUp: VcpuOperation = (target) => () => ((target.s.flags & VCPUF_down) === 0 ? 1 : 0);
