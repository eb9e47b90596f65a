import { XEN_VCPUAFFINITY_HARD, XEN_VCPUAFFINITY_SOFT, xen_domctl_nodeaffinity, xen_domctl_vcpuaffinity } from '../../../spec/xen/domctl.ts';
import { EFAULT, EINVAL, ESRCH } from '../../../spec/xen/errno.ts';
import type { Domain, Hypervisor, Vcpu } from '../../hypervisor.ts';
import { NODES, PCPUS } from '../../topology.ts';
import { readBitmap, writeBitmap } from '../bitmap.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/** pCPUs that are there. */
const ONLINE = (1n << BigInt(PCPUS)) - 1n;
/** Memory nodes that are there. */
const ALL_NODES = (1n << BigInt(NODES)) - 1n;

/** The vCPU, or EINVAL beyond the domain's number, ESRCH not there. */
function named(hv: Hypervisor, of: Domain | undefined, id: number): Vcpu | number {
  const d = of as Domain;
  return id >= d.s.max_vcpus ? EINVAL : (hv.vcpu(d, id) ?? ESRCH);
}

/**
 * Which pCPUs a vCPU may run on (hard) and would rather run on (soft). What comes back is what will be in force: the
 * pCPUs of the map that are there, for the soft one those that the hard one allows.
 * @xen domctl 9 setvcpuaffinity #P[one pCPU: a soft affinity changes nothing]
 * Fails: EINVAL, ESRCH the vCPU; EFAULT a map; EINVAL no pCPU that is there.
 */
export const setVcpuAffinity: Domctl<(typeof xen_domctl_vcpuaffinity)['fields']> = {
  argument: xen_domctl_vcpuaffinity,
  needsDomain: true,
  run({ hv, memory }, of, arg) {
    const v = named(hv, of, arg.vcpu);
    if (typeof v === 'number') return fail(v);
    const hard = (arg.flags & XEN_VCPUAFFINITY_HARD) === 0 ? v.s.affinity_hard : readBitmap(memory, arg.cpumap_hard, PCPUS);
    const soft = (arg.flags & XEN_VCPUAFFINITY_SOFT) === 0 ? v.s.affinity_soft : readBitmap(memory, arg.cpumap_soft, PCPUS);
    if (hard === undefined || soft === undefined) return fail(EFAULT);
    if ((hard & ONLINE) === 0n) return fail(EINVAL);
    if ((arg.flags & XEN_VCPUAFFINITY_HARD) !== 0 && !writeBitmap(memory, arg.cpumap_hard, PCPUS, hard & ONLINE)) return fail(EFAULT);
    if ((arg.flags & XEN_VCPUAFFINITY_SOFT) !== 0 && !writeBitmap(memory, arg.cpumap_soft, PCPUS, soft & hard & ONLINE)) return fail(EFAULT);
    v.s.affinity_hard = hard;
    v.s.affinity_soft = soft;
    return ok();
  },
};

/**
 * The affinities as they were set.
 * @xen domctl 25 getvcpuaffinity #Y
 * Fails: EINVAL, ESRCH the vCPU; EFAULT a map.
 */
export const getVcpuAffinity: Domctl<(typeof xen_domctl_vcpuaffinity)['fields']> = {
  argument: xen_domctl_vcpuaffinity,
  needsDomain: true,
  run({ hv, memory }, of, arg) {
    const v = named(hv, of, arg.vcpu);
    if (typeof v === 'number') return fail(v);
    if ((arg.flags & XEN_VCPUAFFINITY_HARD) !== 0 && !writeBitmap(memory, arg.cpumap_hard, PCPUS, v.s.affinity_hard)) return fail(EFAULT);
    if ((arg.flags & XEN_VCPUAFFINITY_SOFT) !== 0 && !writeBitmap(memory, arg.cpumap_soft, PCPUS, v.s.affinity_soft)) return fail(EFAULT);
    return ok();
  },
};

/**
 * Which nodes a domain's memory comes from.
 * @xen domctl 68 setnodeaffinity #P[one node]
 * Fails: EFAULT; EINVAL no node that is there.
 */
export const setNodeAffinity: Domctl<(typeof xen_domctl_nodeaffinity)['fields']> = {
  argument: xen_domctl_nodeaffinity,
  needsDomain: true,
  run({ memory }, _of, arg) {
    const nodes = readBitmap(memory, arg.nodemap, NODES);
    if (nodes === undefined) return fail(EFAULT);
    return (nodes & ALL_NODES) === 0n ? fail(EINVAL) : ok();
  },
};

/** @xen domctl 69 getnodeaffinity #Y */
export const getNodeAffinity: Domctl<(typeof xen_domctl_nodeaffinity)['fields']> = {
  argument: xen_domctl_nodeaffinity,
  needsDomain: true,
  run({ memory }, _of, arg) {
    return writeBitmap(memory, arg.nodemap, NODES, ALL_NODES) ? ok() : fail(EFAULT);
  },
};
