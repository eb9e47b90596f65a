import { type Command, parseArguments } from '../../command.ts';
import { findDomain } from '../../find-domain.ts';

/** @xl network-detach #P[no network devices yet, so none is known] */
export const networkDetach: Command = {
  name: 'network-detach',
  usage: '<Domain> <DevId|mac>',
  summary: 'Take a network interface from a domain.',
  async run(context, args) {
    const { host } = context;
    const [given = '', device = ''] = parseArguments(context, args, '', 2).rest;
    const domid = await findDomain(host, await host.daemon(), given);
    // (with an address, libxl looks through the interfaces; with a number, it reads that one's node)
    if (!device.includes(':')) {
      const path = `/libxl/${domid}/device/vif/${Number.parseInt(device, 10) || 0}`;
      host.err(`libxl: error: xenstore read failed: \`${path}': No such file or directory\n`);
    }
    host.err(`Unknown device ${device}.\n`);
    return 1;
  },
};
