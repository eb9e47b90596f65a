import { XEN_SCHEDULER_CREDIT2 } from '../../../spec/xen/domctl.ts';
import { EBUSY, EFAULT, EINVAL, ENODEV, ENOENT, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from '../../../spec/xen/errno.ts';
import * as S from '../../../spec/xen/sysctl.ts';
import { DOMID_FIRST_RESERVED } from '../../../spec/xen/xen.ts';
import { PCPUS } from '../../topology.ts';
import { writeBitmap } from '../bitmap.ts';
import { fail, ok } from '../call.ts';
import { sysctlOperation } from './operation.ts';

/** The pool there is: it has every pCPU and every domain, and can lose neither. */
const POOL0 = 0;
const ALL = (1n << BigInt(PCPUS)) - 1n;

/**
 * CPU pools.
 * @xen sysctl 18 cpupool_op #P[pool 0 is the only one: CREATE fails with EOPNOTSUPP]
 * Fails: ENOENT no such pool (INFO: and none after it); EFAULT the map.
 * DESTROY: EBUSY the pool has pCPUs and domains. ADDCPU: EINVAL no such pCPU; ENODEV it is in a pool.
 * RMCPU: EINVAL no such pCPU, or pCPU 0, which stays in pool 0; EBUSY domains would have none left.
 * MOVEDOMAIN: ESRCH no such domain; EPERM the caller itself. ENOSYS unknown.
 */
export const cpupoolOp = sysctlOperation(S.xen_sysctl_cpupool_op, ({ hv, caller, memory }, arg) => {
  const known = arg.cpupool_id === POOL0;
  switch (arg.op) {
    case S.XEN_SYSCTL_CPUPOOL_OP_CREATE:
      return fail(EOPNOTSUPP);
    case S.XEN_SYSCTL_CPUPOOL_OP_DESTROY:
      return fail(known ? EBUSY : ENOENT);
    case S.XEN_SYSCTL_CPUPOOL_OP_INFO:
      if (!known) return fail(ENOENT);
      if (!writeBitmap(memory, arg.cpumap, PCPUS, ALL)) return fail(EFAULT);
      return ok({ cpupool_id: POOL0, sched_id: XEN_SCHEDULER_CREDIT2, n_dom: hv.domains().length });
    case S.XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
      return writeBitmap(memory, arg.cpumap, PCPUS, 0n) ? ok() : fail(EFAULT);
    case S.XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
      if (!known) return fail(ENOENT);
      return fail(arg.cpu !== S.XEN_SYSCTL_CPUPOOL_PAR_ANY && arg.cpu >= PCPUS ? EINVAL : ENODEV);
    case S.XEN_SYSCTL_CPUPOOL_OP_RMCPU: {
      if (!known) return fail(ENOENT);
      const cpu = arg.cpu === S.XEN_SYSCTL_CPUPOOL_PAR_ANY ? PCPUS - 1 : arg.cpu;
      return fail(cpu >= PCPUS || cpu === 0 ? EINVAL : EBUSY);
    }
    case S.XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN: {
      const of = arg.domid >= DOMID_FIRST_RESERVED ? undefined : hv.domain(arg.domid);
      if (of === undefined) return fail(ESRCH);
      if (of === caller) return fail(EPERM);
      return known ? ok() : fail(ENOENT);
    }
    default:
      return fail(ENOSYS);
  }
});
