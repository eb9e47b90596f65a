import { formatJson } from '../../../../toolstack/libxl/domain-config.ts';
import { parseDisk } from '../../../../toolstack/xlcfg/disk-spec.ts';
import { type Command, parseArguments } from '../../command.ts';
import { knownDomain } from '../../find-domain.ts';
import { readDevice } from '../../read-device.ts';

/** @xl block-attach #P[the specification is read and checked; there is no block backend to attach a disk to yet] */
export const blockAttach: Command = {
  name: 'block-attach',
  usage: '<Domain> <disk-spec-component(s)>...',
  summary: 'Add a disk to a domain.',
  dryRun: true,
  async run(context, args) {
    const { host, global } = context;
    const [given = '', ...specs] = parseArguments(context, args, '', 2).rest;
    if ((await knownDomain(await host.daemon(), given)) === undefined) {
      host.err(`${given} is an invalid domain identifier\n`);
      return 1;
    }
    const disk = readDevice(host, () => parseDisk(specs, 'command line'));
    if (global.dryRun) {
      host.out(`disk: ${formatJson(disk)}\n\n`);
      return 0;
    }
    host.err('xl: there is no block backend yet: disks cannot be attached\nlibxl_device_disk_add failed.\n');
    return 1;
  },
};
