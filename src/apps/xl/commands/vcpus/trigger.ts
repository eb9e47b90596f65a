import { TRIGGERS, type Trigger } from '../../../../toolstack/libxl/vcpus.ts';
import { attempt } from '../../attempt.ts';
import { type Command, parseArguments } from '../../command.ts';
import { findDomain } from '../../find-domain.ts';

/** @xl trigger #P[nmi; PVH domains have no buttons, Xen neither resets nor INITs] */
export const triggerCommand: Command = {
  name: 'trigger',
  usage: `<Domain> <${TRIGGERS.join('|')}> [<VCPU>]`,
  summary: 'Send a trigger to a vCPU of a domain.',
  async run(context, args) {
    const { host } = context;
    const [given = '', what = '', vcpuText] = parseArguments(context, args, '', 2).rest;
    const daemon = await host.daemon();
    const domid = await findDomain(host, daemon, given);
    if (!TRIGGERS.includes(what as Trigger)) {
      host.err(`Invalid trigger "${what}"\n`);
      return 1;
    }
    const vcpu = Number.parseInt(vcpuText ?? '0', 10);
    if (Number.isNaN(vcpu)) host.err('Invalid vcpuid, using default vcpuid=0.\n\n');
    // (xl's status is 0 even when libxl refuses)
    await attempt(host, () => daemon.call('trigger', { domid, what: what as Trigger, vcpu: Math.max(0, vcpu || 0) }));
    return 0;
  },
};
