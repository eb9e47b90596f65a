import { type CpuModel, cpuid } from '../../../spec/x86/cpu-models.ts';
import {
  XEN_SYSCTL_PHYSCAP_gnttab_v1,
  XEN_SYSCTL_PHYSCAP_gnttab_v2,
  XEN_SYSCTL_PHYSCAP_hap,
  XEN_SYSCTL_PHYSCAP_hvm,
  xen_sysctl_physinfo,
} from '../../../spec/xen/sysctl.ts';
import { TSC_KHZ } from '../../time/pvclock.ts';
import { NODES, PCPUS } from '../../topology.ts';
import { ok } from '../call.ts';
import { sysctlOperation } from './operation.ts';

/** Most memory nodes that Xen is built for, less one. */
const MAX_NODE_ID = 63;

/** CPUID words in Xen's order: 1.edx 1.ecx e1.edx e1.ecx Da1.eax 7.ebx 7.ecx e7.edx, of the processor that guests see. */
function capabilities(model: CpuModel): number[] {
  const leaf = (number: number, subleaf = 0) =>
    cpuid(model, number, subleaf, { apicId: 0, vcpus: 1, apicEnabled: true, osxsave: false, ospke: false, xcr0: 1 });
  const basic = leaf(1);
  const extended = leaf(0x80000001);
  return [basic.edx, basic.ecx, extended.edx, extended.ecx, leaf(0xd, 1).eax, leaf(7).ebx, leaf(7).ecx, leaf(0x80000007).edx];
}

/**
 * What the machine is made of.
 * @xen sysctl 3 physinfo #Y
 */
export const physinfo = sysctlOperation(xen_sysctl_physinfo, ({ hv }) =>
  ok({
    threads_per_core: 1,
    cores_per_socket: PCPUS,
    nr_cpus: PCPUS,
    max_cpu_id: PCPUS - 1,
    nr_nodes: NODES,
    max_node_id: MAX_NODE_ID,
    cpu_khz: TSC_KHZ,
    capabilities: XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap | XEN_SYSCTL_PHYSCAP_gnttab_v1 | XEN_SYSCTL_PHYSCAP_gnttab_v2,
    arch_capabilities: 0,
    pad: 0,
    total_pages: hv.frames.total,
    free_pages: hv.frames.free,
    scrub_pages: 0,
    outstanding_pages: hv.header.outstanding_claims,
    max_mfn: hv.header.frame_last - 1,
    hw_cap: capabilities(hv.model),
  }),
);
