import type { VcpuSummary } from '../../../../toolstack/libxl/vcpus.ts';
import { type Command, parseArguments } from '../../command.ts';
import { cpuText } from '../../cpu-range.ts';
import { findDomain } from '../../find-domain.ts';
import { left, right, shownName, tenths } from '../../format.ts';

function row(name: string, cpus: number, { domid, vcpu, online, running, blocked, cpuTime, cpu, hard, soft }: VcpuSummary): string {
  const state = online ? `${running ? 'r' : '-'}${blocked ? 'b' : '-'}-` : '--p';
  return `${left(name, 32)} ${right(domid, 5)} ${right(vcpu, 5)}${right(online ? cpu : '-', 5)}   ${state} ${right(tenths(cpuTime), 9)}  ${cpuText(hard, cpus)} / ${cpuText(soft, cpus)}\n`;
}

/** @xl vcpu-list #P[one vCPU a domain and one pCPU so far] */
export const vcpuList: Command = {
  name: 'vcpu-list',
  usage: '[Domain, ...]',
  summary: 'Show the vCPUs of all domains, or of those that are named.',
  async run(context, args) {
    const { host } = context;
    const { rest } = parseArguments(context, args, '');
    const daemon = await host.daemon();
    const vcpus = await daemon.call('vcpus', {});
    const names = new Map((await daemon.call('list', {})).map(({ domid, name }) => [domid, name]));
    const { nr_cpus } = (await daemon.call('hostInfo', {})).physinfo;
    host.out('Name                                ID  VCPU   CPU State   Time(s) Affinity (Hard / Soft)\n');
    const print = (of: readonly VcpuSummary[]): void =>
      host.out(of.map((each) => row(shownName({ name: names.get(each.domid) ?? '' }), nr_cpus, each)).join(''));
    if (rest.length === 0) print(vcpus);
    for (const given of rest) {
      const domid = await findDomain(host, daemon, given);
      if (!names.has(domid)) {
        host.err(`libxl: error: Domain ${domid}:Getting domain info: No such process\n`);
        return 1;
      }
      print(vcpus.filter((each) => each.domid === domid));
    }
    return 0;
  },
};
