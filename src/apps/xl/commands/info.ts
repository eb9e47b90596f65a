import {
  XEN_SYSCTL_PHYSCAP_gnttab_v1,
  XEN_SYSCTL_PHYSCAP_gnttab_v2,
  XEN_SYSCTL_PHYSCAP_hap,
  XEN_SYSCTL_PHYSCAP_hvm,
  XEN_SYSCTL_PHYSCAP_pv,
  XEN_SYSCTL_PHYSCAP_shadow,
} from '../../../spec/xen/sysctl.ts';
import { SCHEDULERS } from '../../../toolstack/libxl/schedulers.ts';
import type { HostInfo } from '../../daemon/host-report.ts';
import { type Command, parseArguments } from '../command.ts';
import { left, right } from '../format.ts';
import type { XlHost } from '../xl-host.ts';

const CAPABILITIES: readonly (readonly [number, string])[] = [
  [XEN_SYSCTL_PHYSCAP_pv, 'pv'],
  [XEN_SYSCTL_PHYSCAP_hvm, 'hvm'],
  [XEN_SYSCTL_PHYSCAP_hap, 'hap'],
  [XEN_SYSCTL_PHYSCAP_shadow, 'shadow'],
  [XEN_SYSCTL_PHYSCAP_gnttab_v1, 'gnttab-v1'],
  [XEN_SYSCTL_PHYSCAP_gnttab_v2, 'gnttab-v2'],
];
const PAGES_PER_MIB = 256;

type Line = readonly [name: string, value: string | number];

function physical({ physinfo: p }: HostInfo): Line[] {
  return [
    ['nr_cpus', p.nr_cpus],
    ['max_cpu_id', p.max_cpu_id],
    ['nr_nodes', p.nr_nodes],
    ['cores_per_socket', p.cores_per_socket],
    ['threads_per_core', p.threads_per_core],
    ['cpu_mhz', `${Math.floor(p.cpu_khz / 1000)}.${String(p.cpu_khz % 1000).padStart(3, '0')}`],
    ['hw_caps', p.hw_cap.map((word) => word.toString(16).padStart(8, '0')).join(':')],
    [
      'virt_caps',
      CAPABILITIES.filter(([bit]) => (p.capabilities & bit) !== 0)
        .map(([, name]) => name)
        .join(' '),
    ],
    ['total_memory', Math.floor(p.total_pages / PAGES_PER_MIB)],
    ['free_memory', Math.floor((p.free_pages - p.outstanding_pages) / PAGES_PER_MIB)],
    ['sharing_freed_memory', 0],
    ['sharing_used_memory', 0],
    ['outstanding_claims', Math.floor(p.outstanding_pages / PAGES_PER_MIB)],
    ['free_cpus', 0],
  ];
}

function version({ version: v, scheduler }: HostInfo): Line[] {
  return [
    ['xen_major', v.major],
    ['xen_minor', v.minor],
    ['xen_extra', v.extra],
    ['xen_version', `${v.major}.${v.minor}${v.extra}`],
    ['xen_caps', v.capabilities],
    ['xen_scheduler', SCHEDULERS.get(scheduler) ?? 'unknown'],
    ['xen_pagesize', v.pagesize],
    ['platform_params', `virt_start=${v.virtStart}`],
    ['xen_changeset', v.changeset],
    ['xen_commandline', v.commandline],
    ['cc_compiler', v.compile.compiler],
    ['cc_compile_by', v.compile.compile_by],
    ['cc_compile_domain', v.compile.compile_domain],
    ['cc_compile_date', v.compile.compile_date],
    ['build_id', v.buildId],
    ['xend_config_format', 4],
  ];
}

function topology({ topology: cpus, nodes }: HostInfo): string {
  const MIB = 1 << 20;
  return [
    'cpu_topology           :',
    'cpu:    core    socket     node',
    ...cpus.map((cpu, i) => `${right(i, 3)}:    ${right(cpu.core, 4)}     ${right(cpu.socket, 4)}     ${right(cpu.node, 4)}`),
    'device topology        :',
    'device           node',
    'No device topology data available',
    'numa_info              :',
    'node:    memsize    memfree    distances',
    ...nodes.map(
      (node, i) =>
        `${right(i, 4)}:    ${right(Math.floor(node.memsize / MIB), 6)}     ${right(Math.floor(node.memfree / MIB), 6)}      ${node.distances.join(',')}`,
    ),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

const host0 = ({ system }: XlHost): Line[] => [
  ['host', system.host],
  ['release', system.release],
  ['version', system.version],
  ['machine', system.machine],
];

const print = (lines: readonly Line[]): string => lines.map(([name, value]) => `${left(name, 23)}: ${value}\n`).join('');

/** @xl info #P[the default CPU model's features; one pCPU] */
export const info: Command = {
  name: 'info',
  usage: '[options] [field]',
  summary: 'Show what the machine is made of and which Xen it says it is.',
  options: ['-n, --numa              Add processors, nodes and their distances'],
  async run(context, args) {
    const { host } = context;
    const { flags, rest } = parseArguments(context, args, 'n', 0, { numa: 'n' });
    const report = await (await host.daemon()).call('hostInfo', {});
    if (rest[0] !== undefined) {
      const found = [...host0(host), ...physical(report), ...version(report)].find(([name]) => name === rest[0]);
      if (found !== undefined) host.out(`${found[1]}\n`);
      return 0;
    }
    host.out(print([...host0(host), ...physical(report)]) + (flags.has('n') ? topology(report) : '') + print(version(report)));
    return 0;
  },
};
