import type { VcpuSummary } from '../../daemon/api.ts';
import { type Command, parseArguments } from '../command.ts';
import { findDomain } from '../find-domain.ts';
import { left, right, tenths } from '../format.ts';

function row(name: string, { domid, vcpu, online, running, blocked, cpuTime, cpu }: VcpuSummary): string {
  const state = online ? `${running ? 'r' : '-'}${blocked ? 'b' : '-'}-` : '--p';
  return `${left(name, 32)} ${right(domid, 5)} ${right(vcpu, 5)}${right(online ? cpu : '-', 5)}   ${state} ${right(tenths(cpuTime), 9)}  all / all\n`;
}

/** @xl vcpu-list #P[affinity is always all: there is one pCPU] */
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
    host.out('Name                                ID  VCPU   CPU State   Time(s) Affinity (Hard / Soft)\n');
    const print = (of: readonly VcpuSummary[]): void => host.out(of.map((each) => row(names.get(each.domid) ?? '', each)).join(''));
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
