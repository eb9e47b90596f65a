import { cpuTopology, numaNodes, physinfo, schedulerId, versionInfo } from '../../toolstack/xc/host-info.ts';
import type { Xc } from '../../toolstack/xc/xc.ts';

/** What `xl info` is made of. Inside a turn. */
export function hostReport(xc: Xc) {
  return { physinfo: physinfo(xc), version: versionInfo(xc), scheduler: schedulerId(xc), topology: cpuTopology(xc), nodes: numaNodes(xc) };
}

export type HostInfo = ReturnType<typeof hostReport>;
