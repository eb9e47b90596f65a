import { XEN_SCHEDULER_CREDIT2 } from '../../../spec/xen/domctl.ts';
import { xen_sysctl_sched_id } from '../../../spec/xen/sysctl.ts';
import { ok } from '../call.ts';
import { sysctlOperation } from './operation.ts';

/**
 * Which scheduler runs.
 * @xen sysctl 4 sched_id #Y
 */
export const schedId = sysctlOperation(xen_sysctl_sched_id, () => ok({ sched_id: XEN_SCHEDULER_CREDIT2 }));
