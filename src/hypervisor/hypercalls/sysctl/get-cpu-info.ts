import { EFAULT } from '../../../spec/xen/errno.ts';
import { xen_sysctl_cpuinfo, xen_sysctl_getcpuinfo } from '../../../spec/xen/sysctl.ts';
import { RUNSTATE_running } from '../../../spec/xen/vcpu.ts';
import type { Hypervisor } from '../../hypervisor.ts';
import { runstateInfo } from '../../time/runstate.ts';
import { PCPUS } from '../../topology.ts';
import { fail, ok } from '../call.ts';
import { sysctlOperation } from './operation.ts';

/** Nanoseconds that no vCPU ran. */
function idleTime(hv: Hypervisor): bigint {
  let idle = hv.now();
  for (const d of hv.domains()) {
    if (hv.isPrivileged(d)) continue; // domain 0's programs run beside the pCPU
    for (const v of hv.vcpus(d)) idle -= runstateInfo(hv, v).time[RUNSTATE_running] ?? 0n;
  }
  return idle > 0n ? idle : 0n;
}

/**
 * How long each pCPU was idle.
 * @xen sysctl 8 getcpuinfo #P[time of domains that are gone counts as idle]
 * Fails: EFAULT.
 */
export const getCpuInfo = sysctlOperation(xen_sysctl_getcpuinfo, ({ hv, memory }, arg) => {
  const count = Math.min(arg.max_cpus, PCPUS);
  const bytes = new Uint8Array(xen_sysctl_cpuinfo.size * count);
  for (let i = 0; i < count; i++) xen_sysctl_cpuinfo.write(new DataView(bytes.buffer), i * xen_sysctl_cpuinfo.size, { idletime: idleTime(hv) });
  return memory.write(arg.info, bytes) ? ok({ nr_cpus: count }) : fail(EFAULT);
});
