import { attempt } from '../../attempt.ts';
import { type Command, parseArguments } from '../../command.ts';
import { findDomain } from '../../find-domain.ts';

/** @xl vcpu-set #P[domains have one vCPU so far] */
export const vcpuSet: Command = {
  name: 'vcpu-set',
  usage: '[option] <Domain> <vCPUs>',
  summary: 'Ask the guest of a domain to use so many vCPUs.',
  options: ['-i, --ignore-host       Allow more than the machine has CPUs'],
  async run(context, args) {
    const { host } = context;
    const { flags, rest } = parseArguments(context, args, 'i', 2, { 'ignore-host': 'i' });
    const [given = '', text = ''] = rest;
    const daemon = await host.daemon();
    const domid = await findDomain(host, daemon, given);
    const count = Number.parseInt(text, 10);
    if (!(count >= 0 && count < 2 ** 31)) {
      host.err('Error: Invalid argument.\n');
      return 1;
    }
    if (!flags.has('i')) {
      const { nr_cpus } = (await daemon.call('hostInfo', {})).physinfo;
      const domain = (await daemon.call('list', {})).find((each) => each.domid === domid);
      if (domain === undefined) return 1;
      if (count > domain.vcpusOnline && count > nr_cpus) {
        host.err(`You are overcommmitting! You have ${nr_cpus} physical CPUs and want ${count} vCPUs! Aborting, use --ignore-host to continue\n`);
        return 1;
      }
    }
    const done = await attempt(host, () => daemon.call('vcpusOnline', { domid, count }));
    if ('value' in done) return 0;
    host.err(`libxl_set_vcpuonline failed domid=${domid} max_vcpus=${count}, rc: ${done.rc}\n`);
    return 1;
  },
};
