import { XEN_SCHEDULER_CREDIT2 } from '../../../spec/xen/domctl.ts';
import { EINVAL, ESRCH } from '../../../spec/xen/errno.ts';
import * as S from '../../../spec/xen/sysctl.ts';
import { fail, ok } from '../call.ts';
import { sysctlOperation } from './operation.ts';

/**
 * Parameters of a pool's scheduler.
 * @xen sysctl 19 scheduler_op #P[credit2]
 * Fails: EINVAL no such operation; ESRCH no such pool; EINVAL another scheduler than the pool's, or a limit out of range.
 */
export const schedulerOp = sysctlOperation(S.xen_sysctl_scheduler_op, ({ hv }, arg) => {
  if (arg.cmd !== S.XEN_SYSCTL_SCHEDOP_getinfo && arg.cmd !== S.XEN_SYSCTL_SCHEDOP_putinfo) return fail(EINVAL);
  if (arg.cpupool_id !== 0) return fail(ESRCH);
  if (arg.sched_id !== XEN_SCHEDULER_CREDIT2) return fail(EINVAL);
  if (arg.cmd === S.XEN_SYSCTL_SCHEDOP_getinfo) return ok({ u: { sched_credit2: { ratelimit_us: hv.header.sched_ratelimit_us } } });
  const { ratelimit_us } = arg.u.sched_credit2;
  if (ratelimit_us !== 0 && (ratelimit_us > S.XEN_SYSCTL_SCHED_RATELIMIT_MAX || ratelimit_us < S.XEN_SYSCTL_SCHED_RATELIMIT_MIN)) return fail(EINVAL);
  hv.header.sched_ratelimit_us = ratelimit_us;
  return ok();
});
