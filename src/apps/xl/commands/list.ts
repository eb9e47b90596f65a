import { formatJson } from '../../../toolstack/libxl/domain-config.ts';
import type { DomainSummary } from '../../../toolstack/libxl/domain-summary.ts';
import type { DaemonClient } from '../../daemon/connect.ts';
import { type Command, parseArguments } from '../command.ts';
import { listed } from '../find-domain.ts';
import { left, right, shownName, tenths } from '../format.ts';
import type { XlHost } from '../xl-host.ts';

/** SHUTDOWN_crash, the reason shown as state c. */
const CRASH = 3;

const state = ({ running, blocked, paused, shutdown, reason, dying }: DomainSummary): string =>
  [
    [running && !shutdown, 'r'],
    [blocked && !shutdown, 'b'],
    [paused, 'p'],
    [shutdown, 's'],
    [shutdown && reason === CRASH, 'c'],
    [dying, 'd'],
  ]
    .map(([is, letter]) => (is ? letter : '-'))
    .join('');

export interface ListColumns {
  readonly verbose?: boolean;
  readonly context?: boolean;
  readonly cpupool?: boolean;
  readonly numa?: boolean;
  readonly claims?: boolean;
}

/** The table of `xl list`. */
export function domainTable(domains: readonly DomainSummary[], { verbose, context, cpupool, numa, claims }: ListColumns = {}): string {
  const head = [
    'Name                                        ID   Mem VCPUs\tState\tTime(s)',
    verbose ? '   UUID                            Reason-Code\tSecurity Label' : '',
    context && !verbose ? '   Security Label' : '',
    cpupool ? '         Cpupool' : '',
    claims ? '  Claimed' : '',
    numa ? ' NODE Affinity' : '',
  ];
  const rows = domains.map((d) =>
    [
      `${left(shownName(d), 40)} ${right(d.domid, 5)} ${right(Math.floor(d.memoryKib / 1024), 5)} ${right(d.vcpusOnline, 5)}     ${state(d)}  ${right(tenths(d.cpuTime), 8)}`,
      verbose ? ` ${d.uuid} ${right(d.shutdown ? (d.reason ?? 0).toString(16) : '-', 8)}` : '',
      verbose || context ? ` ${right('-', 16)}` : '',
      cpupool ? right('Pool-0', 16) : '',
      claims ? ` ${right(Math.floor(d.outstandingKib / 1024), 5)}` : '',
      numa ? ' all' : '',
    ].join(''),
  );
  return [head.join(''), ...rows].map((line) => `${line}\n`).join('');
}

/** Domain 0 has no stored configuration: what is known of it. */
function domain0Config({ name, memoryKib }: DomainSummary): object {
  return {
    c_info: { type: 'pvh', name },
    b_info: { max_memkb: memoryKib, target_memkb: memoryKib, sched_params: {}, 'type.pvh': {}, arch_arm: {}, arch_x86: {} },
  };
}

async function printConfigs(host: XlHost, daemon: DaemonClient, domains: readonly DomainSummary[]): Promise<void> {
  const all: unknown[] = [];
  for (const each of domains) {
    const { config } = each.domid === 0 ? { config: domain0Config(each) } : await daemon.call('config', { domid: each.domid });
    if (config === null) host.err(`libxl: error: Domain ${each.domid}:Fail to get domain configuration\n`);
    else all.push({ domid: each.domid, config });
  }
  host.out(`${formatJson(all)}\n\n`);
}

/** @xl list #P[no NUMA and no security labels to show; names of one domain only] */
export const list: Command = {
  name: 'list',
  usage: '[options] [Domain]',
  summary: 'Show the domains of this machine, or one of them.',
  options: [
    '-l, --long              Print the whole configuration as JSON',
    '-v, --verbose           Add UUID, reason of a shutdown and security label',
    '-Z, --context           Add the security label',
    '-c, --cpupool           Add the CPU pool',
    '-n, --numa              Add the nodes that memory comes from',
  ],
  async run(context, args) {
    const { flags, rest } = parseArguments(context, args, 'lvZcn', 0, { long: 'l', verbose: 'v', context: 'Z', cpupool: 'c', numa: 'n' });
    const { host } = context;
    const daemon = await host.daemon();
    const domains = await listed(host, daemon, rest[0]);
    if (flags.has('l')) await printConfigs(host, daemon, domains);
    else host.out(domainTable(domains, { verbose: flags.has('v'), context: flags.has('Z'), cpupool: flags.has('c'), numa: flags.has('n') }));
    return 0;
  },
};
