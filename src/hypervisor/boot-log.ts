import { type CpuModel, cpuid } from '../spec/x86/cpu-models.ts';
import { noteLine } from './console-ring.ts';
import { BUILD_ID, COMPILE, XEN_EXTRAVERSION, XEN_MAJOR, XEN_MINOR } from './hypercalls/xen-version.ts';
import type { Hypervisor } from './hypervisor.ts';
import { TSC_KHZ } from './time/pvclock.ts';
import { PCPUS } from './topology.ts';

const mib = (frames: number): number => Math.floor(frames / 256);
const address = (frame: number, less = 0): string => (BigInt(frame) * 4096n - BigInt(less)).toString(16).padStart(16, '0');
const hex = (value: number): string => `0x${value.toString(16)}`;

/** The line about the processor. `raw`: EAX of CPUID leaf 1. */
function processor(model: CpuModel): string {
  const raw = cpuid(model, 1, 0, { apicId: 0, vcpus: 1, apicEnabled: true, osxsave: false, ospke: false, xcr0: 1 }).eax >>> 0;
  const { vendor, family, model: number, stepping } = model;
  const name = vendor === 'AuthenticAMD' ? 'AMD' : 'Intel';
  return `CPU Vendor: ${name}, Family ${family} (${hex(family)}), Model ${number} (${hex(number)}), Stepping ${stepping} (raw ${raw.toString(16).padStart(8, '0')})`;
}

/** What the log of a new machine begins with: the lines of Xen's boot that are true here, in its order. Domain 0 is there already. */
export function logBoot(hv: Hypervisor, model: CpuModel): void {
  const { frame_first: first, frame_last: last } = hv.header;
  const dom0 = hv.domain(0);
  for (const line of [
    `Xen version ${XEN_MAJOR}.${XEN_MINOR}${XEN_EXTRAVERSION} (${COMPILE.by}@${COMPILE.domain}) (${COMPILE.compiler}) debug=n`,
    `build-id: ${BUILD_ID.toHex()}`,
    'Bootloader: zendo',
    'Command line: ',
    processor(model),
    'Xen-e820 RAM map:',
    ` [${address(first)}, ${address(last, 1)}] (usable)`,
    `System RAM: ${mib(hv.frames.total)}MB (${hv.frames.total * 4}kB)`,
    'No NUMA configuration found',
    `Faking a node at ${address(first)}-${address(last)}`,
    'Domain heap initialised',
    `SMP: Allowing ${PCPUS} CPUs (0 hotplug CPUs)`,
    'Using scheduler: SMP Credit Scheduler rev2 (credit2)',
    hv.virtualTime ? 'Platform timer is virtual: a nanosecond for each instruction' : "Platform timer is the host's clock",
    `Detected ${(TSC_KHZ / 1000).toFixed(3)} MHz processor.`,
    'HVM: Hardware Assisted Paging (HAP) detected',
    'HVM: HAP page sizes: 4kB',
    `Brought up ${PCPUS} CPUs`,
    'Dom0 has maximum 1 VCPUs',
    `Dom0 memory: ${mib(dom0?.s.tot_pages ?? 0)}MB; free: ${mib(hv.frames.free)}MB`,
  ])
    noteLine(hv, `(XEN) ${line}`);
}
