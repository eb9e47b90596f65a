import * as D from '../../../spec/xen/domctl.ts';
import { EINVAL } from '../../../spec/xen/errno.ts';
import type { Domain } from '../../hypervisor.ts';
import { setCap } from '../../scheduler.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/** A cap that is to stay as it is. */
const KEEP_CAP = 0xffff;

/**
 * A domain's share of the pCPUs: its weight, and its cap in percent of a pCPU.
 * @xen domctl 16 scheduler_op #P[credit2]
 * Fails: EINVAL another scheduler than that of the domain's pool, or an operation that it has not; EINVAL a cap beyond
 * the domain's vCPUs (the weight is in force then).
 */
export const schedulerOp: Domctl<(typeof D.xen_domctl_scheduler_op)['fields']> = {
  argument: D.xen_domctl_scheduler_op,
  needsDomain: true,
  run({ hv }, of, arg) {
    const d = of as Domain;
    const { s } = d;
    if (arg.sched_id !== D.XEN_SCHEDULER_CREDIT2) return fail(EINVAL);
    if (arg.cmd === D.XEN_DOMCTL_SCHEDOP_getinfo) return ok({ u: { credit2: { weight: s.sched_weight, cap: s.sched_cap } } });
    if (arg.cmd !== D.XEN_DOMCTL_SCHEDOP_putinfo) return fail(EINVAL);
    const { weight, cap } = arg.u.credit2;
    if (weight !== 0) s.sched_weight = weight;
    if (cap === KEEP_CAP) return ok();
    if (cap > 100 * s.max_vcpus) return fail(EINVAL);
    setCap(hv, d, cap);
    return ok();
  },
};
