import { EINVAL, EOPNOTSUPP, EPERM, ESRCH } from '../../../spec/xen/errno.ts';
import { XENMEM_RDM_ALL, xen_pod_target, xen_reserved_device_memory_map, xen_vnuma_topology_info } from '../../../spec/xen/memory.ts';
import { DOMF_hvm } from '../../domain.ts';
import { type Call, fail, ok, type SubOperation, subOperation } from '../call.ts';
import { actFor } from '../target.ts';

/** What this machine has none of, answered as Xen answers where there is none. */

function podDomain(call: Call, domid: number) {
  const { hv, caller } = call;
  const of = hv.resolve(domid, caller);
  if (of === undefined) return ESRCH;
  if ((of.s.flags & DOMF_hvm) === 0) return EINVAL;
  return hv.isPrivileged(caller) ? of : EPERM;
}

/**
 * XENMEM_get_pod_target: what a domain has, and how much of it is to be populated on demand.
 * @xen memory_op 17 get_pod_target #P[no domain populates on demand]
 * Fails: EFAULT; ESRCH no such domain; EINVAL not HVM; EPERM not privileged.
 */
export const getPodTarget = subOperation(
  xen_pod_target,
  (call, arg) => {
    const of = podDomain(call, arg.domid);
    return typeof of === 'number' ? fail(of) : ok({ tot_pages: of.s.tot_pages, pod_cache_pages: 0, pod_entries: 0 });
  },
  'writes',
);

/**
 * XENMEM_set_pod_target: how much a domain that populates on demand may have. For others it changes nothing, as in Xen.
 * @xen memory_op 16 set_pod_target #P[no domain populates on demand]
 * Fails: as get_pod_target; EINVAL more than the domain may have.
 */
export const setPodTarget = subOperation(
  xen_pod_target,
  (call, arg) => {
    const of = podDomain(call, arg.domid);
    if (typeof of === 'number') return fail(of);
    if (arg.target_pages > of.s.max_pages) return fail(EINVAL);
    return ok({ tot_pages: of.s.tot_pages, pod_cache_pages: 0, pod_entries: 0 });
  },
  'writes',
);

/** Pages saved by sharing, and pages shared: none are. @xen memory_op 18 get_sharing_freed_pages #Y @xen memory_op 19 get_sharing_shared_pages #Y */
export const sharedPages: SubOperation = () => 0;

/**
 * XENMEM_reserved_device_memory_map: memory that devices keep for themselves: there are no devices.
 * @xen memory_op 27 reserved_device_memory_map #Y
 * Fails: EFAULT; EINVAL unknown flags.
 */
export const reservedDeviceMemoryMap = subOperation(
  xen_reserved_device_memory_map,
  (_call, arg) => ((arg.flags & ~XENMEM_RDM_ALL) !== 0 ? fail(EINVAL) : ok({ nr_entries: 0 })),
  'writes',
);

/**
 * XENMEM_get_vnumainfo: a domain's virtual NUMA nodes: none has them.
 * @xen memory_op 26 get_vnumainfo #P[no domain has virtual NUMA nodes]
 * Fails: EFAULT; ESRCH, EPERM the domain; EOPNOTSUPP it has no virtual NUMA.
 */
export const getVnumaInfo = subOperation(xen_vnuma_topology_info, (call, arg) => {
  const of = actFor(call, arg.domid);
  return fail(typeof of === 'number' ? of : EOPNOTSUPP);
});
