import { EFAULT } from '../../../spec/xen/errno.ts';
import { xen_sysctl_cputopo, xen_sysctl_cputopoinfo } from '../../../spec/xen/sysctl.ts';
import { PCPUS } from '../../topology.ts';
import { fail, ok } from '../call.ts';
import { sysctlOperation } from './operation.ts';

/**
 * Core, socket and node of each pCPU; a null list asks how many there are.
 * @xen sysctl 16 cputopoinfo #Y
 * Fails: EFAULT.
 */
export const cpuTopoInfo = sysctlOperation(xen_sysctl_cputopoinfo, ({ memory }, arg) => {
  if (arg.cputopo === 0n) return ok({ num_cpus: PCPUS });
  const count = Math.min(arg.num_cpus, PCPUS);
  const bytes = new Uint8Array(xen_sysctl_cputopo.size * count);
  for (let i = 0; i < count; i++) xen_sysctl_cputopo.write(new DataView(bytes.buffer), i * xen_sysctl_cputopo.size, { core: i, socket: 0, node: 0 });
  return memory.write(arg.cputopo, bytes) ? ok({ num_cpus: count }) : fail(EFAULT);
});
