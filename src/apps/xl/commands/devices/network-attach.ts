import { formatJson } from '../../../../toolstack/libxl/domain-config.ts';
import { addToNic, type NicConfig, nicConfigOf } from '../../../../toolstack/xlcfg/nic-spec.ts';
import { type Command, parseArguments } from '../../command.ts';
import { findDomain } from '../../find-domain.ts';
import { readDevice } from '../../read-device.ts';

/** @xl network-attach #P[the arguments are read and checked; there is no network backend to attach an interface to yet] */
export const networkAttach: Command = {
  name: 'network-attach',
  usage:
    '<Domain> [type=<type>] [mac=<mac>] [bridge=<bridge>] [ip=<ip>] [script=<script>] [backend=<BackDomain>] [vifname=<name>] [rate=<rate>] [model=<model>]',
  summary: 'Add a network interface to a domain.',
  dryRun: true,
  async run(context, args) {
    const { host, global } = context;
    const [given = '', ...tokens] = parseArguments(context, args, '', 1).rest;
    await findDomain(host, await host.daemon(), given);
    const nic: NicConfig = {};
    for (const token of tokens) readDevice(host, () => addToNic(nic, token));
    if (global.dryRun) {
      host.out(`vif: ${formatJson(nicConfigOf(nic))}\n\n`);
      return 0;
    }
    host.err('xl: there is no network backend yet: interfaces cannot be attached\nlibxl_device_nic_add failed.\n');
    return 1;
  },
};
