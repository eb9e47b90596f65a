import * as D from '../../../spec/xen/domctl.ts';
import { EINVAL } from '../../../spec/xen/errno.ts';
import type { Domain } from '../../hypervisor.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/** A cap that is to stay as it is. */
const KEEP_CAP = 0xffff;

/**
 * A domain's share of the pCPUs: its weight, and its cap in percent of a pCPU.
 * @xen domctl 16 scheduler_op #P[credit2's weight and cap are kept; all domains run in turn so far]
 * Fails: EINVAL another scheduler than that of the domain's pool, or an operation that it has not.
 */
export const schedulerOp: Domctl<(typeof D.xen_domctl_scheduler_op)['fields']> = {
  argument: D.xen_domctl_scheduler_op,
  needsDomain: true,
  run(_call, of, arg) {
    const { s } = of as Domain;
    if (arg.sched_id !== D.XEN_SCHEDULER_CREDIT2) return fail(EINVAL);
    if (arg.cmd === D.XEN_DOMCTL_SCHEDOP_getinfo) return ok({ u: { credit2: { weight: s.sched_weight, cap: s.sched_cap } } });
    if (arg.cmd !== D.XEN_DOMCTL_SCHEDOP_putinfo) return fail(EINVAL);
    const { weight, cap } = arg.u.credit2;
    if (weight !== 0) s.sched_weight = weight;
    if (cap !== KEEP_CAP) s.sched_cap = cap;
    return ok();
  },
};
