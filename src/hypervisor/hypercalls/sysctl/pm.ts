import { EINVAL, ENODEV, ENOSYS } from '../../../spec/xen/errno.ts';
import * as S from '../../../spec/xen/sysctl.ts';
import { PCPUS } from '../../topology.ts';
import { fail, ok } from '../call.ts';
import { sysctlOperation } from './operation.ts';

/**
 * Statistics of a pCPU's frequency and idle states.
 * @xen sysctl 10 get_pmstat #P[pCPUs have one frequency and no idle states that anybody could choose: ENODEV]
 * Fails: EINVAL no such pCPU; ENODEV.
 */
export const getPmstat = sysctlOperation(S.xen_sysctl_get_pmstat, (_call, arg) => fail(arg.cpuid >= PCPUS ? EINVAL : ENODEV));

/**
 * Control of frequency and idle states.
 * @xen sysctl 12 pm_op #P[get_max_cstate: no limit; all that sets something: ENODEV]
 * Fails: EINVAL no such pCPU; ENODEV there is nothing to control; ENOSYS unknown.
 */
export const pmOp = sysctlOperation(S.xen_sysctl_pm_op, (_call, arg) => {
  if (arg.cpuid >= PCPUS) return fail(EINVAL);
  if ((arg.cmd & S.PM_PARA_CATEGORY_MASK) === S.CPUFREQ_PARA) return fail(ENODEV);
  switch (arg.cmd) {
    case S.XEN_SYSCTL_pm_op_get_max_cstate:
      return ok({ u: { get_max_cstate: S.XEN_SYSCTL_CX_UNLIMITED } });
    case S.XEN_SYSCTL_pm_op_set_sched_opt_smt:
    case S.XEN_SYSCTL_pm_op_set_max_cstate:
    case S.XEN_SYSCTL_pm_op_enable_turbo:
    case S.XEN_SYSCTL_pm_op_disable_turbo:
      return fail(ENODEV);
    default:
      return fail(ENOSYS);
  }
});
