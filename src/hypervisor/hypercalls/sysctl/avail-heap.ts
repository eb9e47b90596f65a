import { xen_sysctl_availheap } from '../../../spec/xen/sysctl.ts';
import { NODES } from '../../topology.ts';
import { ok } from '../call.ts';
import { sysctlOperation } from './operation.ts';

/** All frames have addresses of 32 bits; they are given out from the top down, so that is where the free ones are counted. */
const ADDRESS_BITS = 32;

/**
 * Free memory of a node (-1 all) whose addresses have so many bits (0 any).
 * @xen sysctl 9 availheap #P[all memory counts as having addresses of 32 bits]
 */
export const availHeap = sysctlOperation(xen_sysctl_availheap, ({ hv }, arg) => {
  const there = arg.node < NODES && arg.min_bitwidth <= ADDRESS_BITS && (arg.max_bitwidth === 0 || arg.max_bitwidth >= ADDRESS_BITS);
  return ok({ avail_bytes: there ? hv.frames.free * 4096 : 0 });
});
