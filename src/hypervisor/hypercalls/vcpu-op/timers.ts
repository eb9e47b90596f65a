import { EINVAL, ETIME } from '../../../spec/xen/errno.ts';
import { VCPU_SSHOTTMR_future, vcpu_set_periodic_timer, vcpu_set_singleshot_timer } from '../../../spec/xen/vcpu.ts';
import { NEVER } from '../../domain.ts';
import { fail, ok, subOperation } from '../call.ts';
import type { VcpuOperation } from './operation.ts';

/** Shortest period, as in Xen: 1 ms. */
const PERIOD_MIN_NS = 1_000_000n;
/** Longest: a quarter of what Xen's signed times can say. */
const PERIOD_MAX_NS = (1n << 62n) - 1n;
/** Xen's times are signed: the upper half has passed. */
const SIGN = 1n << 63n;

/**
 * VCPUOP_set_periodic_timer: VIRQ_TIMER every period_ns.
 * @xen vcpu_op 6 set_periodic_timer #Y
 * Fails: EFAULT; EINVAL below one millisecond or too long.
 */
export const setPeriodicTimer: VcpuOperation = (target) =>
  subOperation(vcpu_set_periodic_timer, ({ hv }, arg) => {
    if (arg.period_ns < PERIOD_MIN_NS || arg.period_ns > PERIOD_MAX_NS) return fail(EINVAL);
    target.s.periodic_period = arg.period_ns;
    target.s.periodic_deadline = hv.now() + arg.period_ns;
    return ok();
  });

/** VCPUOP_stop_periodic_timer. @xen vcpu_op 7 stop_periodic_timer #Y */
export const stopPeriodicTimer: VcpuOperation = (target) => () => {
  target.s.periodic_deadline = NEVER;
  return 0;
};

/**
 * VCPUOP_set_singleshot_timer: VIRQ_TIMER once, at an absolute system time in ns; at once when that has passed.
 * @xen vcpu_op 8 set_singleshot_timer #Y
 * Fails: EINVAL for another vCPU; EFAULT; ETIME passed, and the caller asked for that error.
 */
export const setSingleshotTimer: VcpuOperation = (target) => (call, argument) => (target === call.vcpu ? setOwnTimer(call, argument) : -EINVAL);

const setOwnTimer = subOperation(vcpu_set_singleshot_timer, ({ hv, vcpu }, arg) => {
  if ((arg.flags & VCPU_SSHOTTMR_future) !== 0 && arg.timeout_abs_ns < hv.now()) return fail(ETIME);
  vcpu.s.singleshot_deadline = arg.timeout_abs_ns >= SIGN ? 0n : arg.timeout_abs_ns;
  return ok();
});

/**
 * VCPUOP_stop_singleshot_timer.
 * @xen vcpu_op 9 stop_singleshot_timer #Y
 * Fails: EINVAL for another vCPU.
 */
export const stopSingleshotTimer: VcpuOperation =
  (target) =>
  ({ vcpu }) => {
    if (target !== vcpu) return -EINVAL;
    target.s.singleshot_deadline = NEVER;
    return 0;
  };
