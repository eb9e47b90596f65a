import { noteLine } from './console-ring.ts';
import { XEN_EXTRAVERSION, XEN_MAJOR, XEN_MINOR } from './hypercalls/xen-version.ts';
import type { Hypervisor } from './hypervisor.ts';

/** What the log of a new machine begins with, as Xen's does at boot; domain 0 is there already. */
export function logBoot(hv: Hypervisor): void {
  const mib = (frames: number): number => Math.floor(frames / 256);
  const dom0 = hv.domain(0);
  for (const line of [
    `Xen version ${XEN_MAJOR}.${XEN_MINOR}${XEN_EXTRAVERSION} (TypeScript and AssemblyScript)`,
    `System RAM: ${mib(hv.frames.total)}MB (${hv.frames.total * 4}kB)`,
    hv.virtualTime ? 'Platform timer is virtual: a nanosecond for each instruction' : "Platform timer is the host's clock",
    'Dom0 has maximum 1 VCPUs',
    `Dom0 memory: ${mib(dom0?.s.tot_pages ?? 0)}MB; free: ${mib(hv.frames.free)}MB`,
  ])
    noteLine(hv, `(XEN) ${line}`);
}
