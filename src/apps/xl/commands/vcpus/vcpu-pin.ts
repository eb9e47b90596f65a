import { attempt } from '../../attempt.ts';
import { type Command, type CommandContext, parseArguments } from '../../command.ts';
import { cpuRange, cpuText } from '../../cpu-range.ts';
import { findDomain } from '../../find-domain.ts';
import { XlEnd } from '../../xl-host.ts';

/** `-` leaves an affinity as it is; otherwise it may not be empty once the CPUs that there are not are taken out. */
function affinity({ host }: CommandContext, text: string | undefined, nodes: readonly number[], hard: boolean): number[] | null {
  if (text === undefined || text === '-') return null;
  const { cpus, error } = cpuRange(text, nodes);
  if (error !== undefined) {
    host.err(`${error}\n`);
    throw new XlEnd(1);
  }
  if (hard && !cpus.some((cpu) => cpu < nodes.length)) {
    host.err('vcpu hard affinity map is empty\n');
    throw new XlEnd(1);
  }
  return cpus;
}

/** @xl vcpu-pin #P[one pCPU so far, so there is one choice] */
export const vcpuPin: Command = {
  name: 'vcpu-pin',
  usage: '[option] <Domain> <VCPU|all> <Hard affinity|-|all> <Soft affinity|-|all>',
  summary: 'Choose the CPUs that a vCPU may use, and those that it would rather use.',
  dryRun: true,
  options: ['-f, --force             Also undo a pinning that the guest asked for', '--ignore-global-affinity-masks  Accepted: there are no global masks'],
  async run(context, args) {
    const { host, global } = context;
    const { flags, rest } = parseArguments(context, args, 'fi', 3, { force: 'f', 'ignore-global-affinity-masks': 'i' });
    const [given = '', which = '', hardText = '', softText] = rest;
    const daemon = await host.daemon();
    const domid = await findDomain(host, daemon, given);
    const vcpu = /^\d/.test(which) ? Number.parseInt(which, 10) : -1;
    if (vcpu < 0 && which !== 'all') {
      host.err(`Error: Invalid argument ${which} as VCPU.\n`);
      return 1;
    }
    if (vcpu < 0 && flags.has('f')) {
      host.err("Error: --force and 'all' as VCPU not allowed.\n");
      return 1;
    }
    const nodes = (await daemon.call('hostInfo', {})).topology.map(({ node }) => node);
    const hard = affinity(context, hardText, nodes, true);
    const soft = affinity(context, softText, nodes, false);
    if (global.dryRun) {
      host.out(`cpumap: ${hard === null ? '-' : cpuText(hard, nodes.length)}${soft === null ? '' : ` ${cpuText(soft, nodes.length)}`}\n`);
      return 0;
    }
    const vcpus = vcpu >= 0 ? [vcpu] : (await daemon.call('vcpus', {})).filter((each) => each.domid === domid).map((each) => each.vcpu);
    for (const each of vcpus) {
      const done = await attempt(host, () => daemon.call('pinVcpu', { domid, vcpu: each, hard, soft, force: flags.has('f') }));
      if ('value' in done) for (const line of done.value) host.err(`${line}\n`);
      else if (vcpu < 0) host.err('Could not set affinity.\n');
      else {
        host.err(`Could not set affinity for vcpu \`${vcpu}'.\n`);
        return 1;
      }
    }
    return 0;
  },
};
