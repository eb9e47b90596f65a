import type { Fields, Kind, Snapshot, Struct, Update } from '../../base/struct.ts';
import { HypercallError } from '../../hypervisor/dom0/kernel.ts';
import { xen_domctl_getdomaininfo } from '../../spec/xen/domctl.ts';
import * as S from '../../spec/xen/sysctl.ts';
import * as V from '../../spec/xen/version.ts';
import { __HYPERVISOR_sysctl, __HYPERVISOR_xen_version } from '../../spec/xen/xen.ts';
import type { DomainInfo, Xc } from './xc.ts';

/** Domains asked for in one hypercall. */
const DOMAINS_AT_ONCE = 256;
/** Bytes of the hypervisor's log asked for in one hypercall. */
const LOG_AT_ONCE = 16384;
const UNION = S.xen_sysctl.offsets.u;

/** One sysctl: its member of the union as it came back. */
function sysctl<F extends Fields>({ kernel }: Xc, what: string, cmd: number, member: Struct<F>, fields: Update<F>): Snapshot<F> {
  return kernel.withMemory(S.xen_sysctl.size, (gpa) => {
    const bytes = new Uint8Array(S.xen_sysctl.size);
    const view = new DataView(bytes.buffer);
    view.setUint32(S.xen_sysctl.offsets.cmd, cmd, true);
    view.setUint32(S.xen_sysctl.offsets.interface_version, S.XEN_SYSCTL_INTERFACE_VERSION, true);
    member.write(view, UNION, fields);
    kernel.copyIn(gpa, bytes);
    const result = kernel.door.hypercall(__HYPERVISOR_sysctl, gpa);
    if (result < 0) throw new HypercallError(what, -result);
    return member.read(new DataView(kernel.copyOut(gpa, bytes.length).buffer), UNION);
  });
}

/** All domains, in order of their ids. */
export function domainList(xc: Xc): DomainInfo[] {
  const { size } = xen_domctl_getdomaininfo;
  const found: DomainInfo[] = [];
  for (let first = 0; ; first = (found.at(-1)?.domain ?? 0) + 1) {
    const count = xc.kernel.withMemory(size * DOMAINS_AT_ONCE, (buffer) => {
      const { num_domains } = sysctl(xc, 'XEN_SYSCTL_getdomaininfolist', S.XEN_SYSCTL_getdomaininfolist, S.xen_sysctl_getdomaininfolist, {
        first_domain: first,
        max_domains: DOMAINS_AT_ONCE,
        buffer,
      });
      const view = new DataView(xc.kernel.copyOut(buffer, size * num_domains).buffer);
      for (let i = 0; i < num_domains; i++) found.push(xen_domctl_getdomaininfo.read(view, i * size));
      return num_domains;
    });
    if (count < DOMAINS_AT_ONCE) return found;
  }
}

/** Processors, memory and capabilities of the machine. */
export const physinfo = (xc: Xc) => sysctl(xc, 'XEN_SYSCTL_physinfo', S.XEN_SYSCTL_physinfo, S.xen_sysctl_physinfo, {});

/** The scheduler, XEN_SCHEDULER_*. */
export const schedulerId = (xc: Xc): number => sysctl(xc, 'XEN_SYSCTL_sched_id', S.XEN_SYSCTL_sched_id, S.xen_sysctl_sched_id, {}).sched_id;

/** Core, socket and node of each pCPU. */
export function cpuTopology(xc: Xc): { core: number; socket: number; node: number }[] {
  const ask = (num_cpus: number, cputopo: number) =>
    sysctl(xc, 'XEN_SYSCTL_cputopoinfo', S.XEN_SYSCTL_cputopoinfo, S.xen_sysctl_cputopoinfo, { num_cpus, cputopo }).num_cpus;
  const most = ask(0, 0);
  const { size } = S.xen_sysctl_cputopo;
  return xc.kernel.withMemory(most * size, (gpa) => {
    const count = ask(most, gpa);
    const view = new DataView(xc.kernel.copyOut(gpa, count * size).buffer);
    return Array.from({ length: count }, (_, i) => S.xen_sysctl_cputopo.read(view, i * size));
  });
}

/** Memory of each node in bytes, and its distances to all nodes. */
export function numaNodes(xc: Xc): { memsize: number; memfree: number; distances: number[] }[] {
  const ask = (num_nodes: number, meminfo: number, distance: number) =>
    sysctl(xc, 'XEN_SYSCTL_numainfo', S.XEN_SYSCTL_numainfo, S.xen_sysctl_numainfo, { num_nodes, meminfo, distance }).num_nodes;
  const most = ask(0, 0, 0);
  const { size } = S.xen_sysctl_meminfo;
  return xc.kernel.withMemory(most * size + most * most * 4, (gpa) => {
    const count = ask(most, gpa, gpa + most * size);
    const view = new DataView(xc.kernel.copyOut(gpa, most * size + most * most * 4).buffer);
    return Array.from({ length: count }, (_, i) => ({
      ...S.xen_sysctl_meminfo.read(view, i * size),
      distances: Array.from({ length: count }, (__, j) => view.getUint32(most * size + (i * count + j) * 4, true)),
    }));
  });
}

/** The hypervisor's log; `clear` empties it. */
export function hypervisorLog(xc: Xc, clear: boolean): Uint8Array {
  return xc.kernel.withMemory(LOG_AT_ONCE, (buffer) => {
    const { count } = sysctl(xc, 'XEN_SYSCTL_readconsole', S.XEN_SYSCTL_readconsole, S.xen_sysctl_readconsole, {
      clear: clear ? 1 : 0,
      incremental: 0,
      buffer,
      count: LOG_AT_ONCE,
    });
    return xc.kernel.copyOut(buffer, count);
  });
}

/** Send the hypervisor debug keys, as if typed at its console. */
export function debugKeys(xc: Xc, keys: string): void {
  const bytes = new TextEncoder().encode(keys);
  xc.kernel.withMemory(bytes.length, (gpa) => {
    xc.kernel.copyIn(gpa, bytes);
    sysctl(xc, 'XEN_SYSCTL_debug_keys', S.XEN_SYSCTL_debug_keys, S.xen_sysctl_debug_keys, { keys: gpa, nr_keys: bytes.length });
  });
}

/** What the hypervisor says about itself (xen_version). */
export function versionInfo(xc: Xc) {
  const { kernel } = xc;
  const ask = <A>(command: number, kind: Kind<A, never, unknown>): A =>
    kernel.withMemory(kind.size, (gpa) => {
      const result = kernel.door.hypercall(__HYPERVISOR_xen_version, command, gpa);
      if (result < 0) throw new HypercallError('xen_version', -result);
      return kind.read(new DataView(kernel.copyOut(gpa, kind.size).buffer), 0);
    });
  const version = kernel.door.hypercall(__HYPERVISOR_xen_version, V.XENVER_version, 0);
  const { virt_start } = ask(V.XENVER_platform_parameters, V.xen_platform_parameters);
  return {
    major: version >>> 16,
    minor: version & 0xffff,
    extra: ask(V.XENVER_extraversion, V.xen_extraversion_t),
    compile: ask(V.XENVER_compile_info, V.xen_compile_info),
    capabilities: ask(V.XENVER_capabilities, V.xen_capabilities_info_t),
    changeset: ask(V.XENVER_changeset, V.xen_changeset_info_t),
    commandline: ask(V.XENVER_commandline, V.xen_commandline_t),
    pagesize: kernel.door.hypercall(__HYPERVISOR_xen_version, V.XENVER_pagesize, 0),
    virtStart: `0x${virt_start.toString(16)}`,
    buildId: kernel.withMemory(256, (gpa) => {
      kernel.copyIn(gpa, new Uint8Array(new Uint32Array([252]).buffer));
      const length = kernel.door.hypercall(__HYPERVISOR_xen_version, V.XENVER_build_id, gpa);
      return length <= 0 ? '' : kernel.copyOut(gpa + 4, length).toHex();
    }),
  };
}
