import { EFAULT } from '../../../spec/xen/errno.ts';
import { xen_sysctl_meminfo, xen_sysctl_numainfo } from '../../../spec/xen/sysctl.ts';
import { NODES } from '../../topology.ts';
import { fail, ok } from '../call.ts';
import { sysctlOperation } from './operation.ts';

/** Distance of a node from itself. @see ACPI specification, SLIT */
const LOCAL_DISTANCE = 10;

/**
 * Memory of each node and the distances between them; null lists ask how many nodes there are.
 * @xen sysctl 17 numainfo #Y
 * Fails: EFAULT.
 */
export const numaInfo = sysctlOperation(xen_sysctl_numainfo, ({ hv, memory }, arg) => {
  if (arg.meminfo === 0n && arg.distance === 0n) return ok({ num_nodes: NODES });
  const count = Math.min(arg.num_nodes, NODES);
  if (count === 0) return ok({ num_nodes: 0 });
  const info = new Uint8Array(xen_sysctl_meminfo.size);
  xen_sysctl_meminfo.write(new DataView(info.buffer), 0, { memsize: hv.frames.total * 4096, memfree: hv.frames.free * 4096 });
  if (arg.meminfo !== 0n && !memory.write(arg.meminfo, info)) return fail(EFAULT);
  if (arg.distance !== 0n && !memory.write(arg.distance, new Uint8Array(new Uint32Array([LOCAL_DISTANCE]).buffer))) return fail(EFAULT);
  return ok({ num_nodes: count });
});
