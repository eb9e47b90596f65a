import type { Fields, Snapshot, Update } from '../../base/struct.ts';
import { EACCES, EFAULT, ENOSYS, EPERM, ERESTART } from '../../spec/xen/errno.ts';
import * as S from '../../spec/xen/sysctl.ts';
import type { Call } from './call.ts';
import { availHeap } from './sysctl/avail-heap.ts';
import { getCpuFeatureset, getCpuLevellingCaps, getCpuPolicy } from './sysctl/cpu-policy.ts';
import { cpuTopoInfo } from './sysctl/cpu-topo-info.ts';
import { cpupoolOp } from './sysctl/cpupool-op.ts';
import { debugKeys } from './sysctl/debug-keys.ts';
import { getCpuInfo } from './sysctl/get-cpu-info.ts';
import { getDomainInfoList } from './sysctl/get-domain-info-list.ts';
import { numaInfo } from './sysctl/numa-info.ts';
import type { Sysctl } from './sysctl/operation.ts';
import { pciTopoInfo } from './sysctl/pci-topo-info.ts';
import { physinfo } from './sysctl/physinfo.ts';
import { getPmstat, pmOp } from './sysctl/pm.ts';
import { readConsole } from './sysctl/read-console.ts';
import { schedId } from './sysctl/sched-id.ts';
import { schedulerOp } from './sysctl/scheduler-op.ts';

/** By number. */
export const SYSCTLS: ReadonlyMap<number, Sysctl<Fields>> = new Map<number, unknown>([
  [S.XEN_SYSCTL_readconsole, readConsole],
  [S.XEN_SYSCTL_physinfo, physinfo],
  [S.XEN_SYSCTL_sched_id, schedId],
  [S.XEN_SYSCTL_getdomaininfolist, getDomainInfoList],
  [S.XEN_SYSCTL_debug_keys, debugKeys],
  [S.XEN_SYSCTL_getcpuinfo, getCpuInfo],
  [S.XEN_SYSCTL_availheap, availHeap],
  [S.XEN_SYSCTL_get_pmstat, getPmstat],
  [S.XEN_SYSCTL_pm_op, pmOp],
  [S.XEN_SYSCTL_cputopoinfo, cpuTopoInfo],
  [S.XEN_SYSCTL_numainfo, numaInfo],
  [S.XEN_SYSCTL_pcitopoinfo, pciTopoInfo],
  [S.XEN_SYSCTL_cpupool_op, cpupoolOp],
  [S.XEN_SYSCTL_scheduler_op, schedulerOp],
  [S.XEN_SYSCTL_get_cpu_levelling_caps, getCpuLevellingCaps],
  [S.XEN_SYSCTL_get_cpu_featureset, getCpuFeatureset],
  [S.XEN_SYSCTL_get_cpu_policy, getCpuPolicy],
]) as ReadonlyMap<number, Sysctl<Fields>>;

/** Offset of the union in the argument. */
const MEMBER = S.xen_sysctl.offsets.u;

/**
 * sysctl(arg): what a toolstack asks of the whole machine; domain 0 only (hypercalls/table.ts refuses others before anything is read).
 * A handler that answers ERESTART has work left: the call is made again, with the fields that it answers.
 * Fails, in this order: EFAULT; EACCES another interface version; EPERM not privileged; ENOSYS unknown.
 */
export function sysctl(call: Call, argument: bigint): number {
  const bytes = call.memory.read(argument, S.xen_sysctl.size);
  if (bytes === undefined) return -EFAULT;
  const view = new DataView(bytes.buffer);
  if (view.getUint32(S.xen_sysctl.offsets.interface_version, true) !== S.XEN_SYSCTL_INTERFACE_VERSION) return -EACCES;
  if (!call.hv.isPrivileged(call.caller)) return -EPERM;
  const operation = SYSCTLS.get(view.getUint32(S.xen_sysctl.offsets.cmd, true));
  if (operation === undefined) return -ENOSYS;
  const { member } = operation;
  if (!call.memory.writable(argument, S.xen_sysctl.size)) return -EFAULT;
  const answer = operation.run(call, member.read(view, MEMBER) as Snapshot<Fields>);
  if ('errno' in answer && answer.errno === ERESTART) call.restart = [argument];
  if (answer.out !== undefined) {
    member.write(view, MEMBER, answer.out as Update<Fields>);
    if (!call.memory.write(argument, bytes)) return -EFAULT;
  }
  if (call.restart !== undefined) return 0;
  return 'errno' in answer ? -answer.errno : (answer.value ?? 0);
}
