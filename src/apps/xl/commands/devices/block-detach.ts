import { vdevNumber } from '../../../../toolstack/libxl/vdev.ts';
import { type Command, parseArguments } from '../../command.ts';
import { findDomain } from '../../find-domain.ts';

/** @xl block-detach #P[no disks yet, so none is connected] */
export const blockDetach: Command = {
  name: 'block-detach',
  usage: '[option] <Domain> <DevId>',
  summary: 'Take a disk from a domain.',
  options: ['-f, --force             Do not wait for the guest to let go of it'],
  async run(context, args) {
    const { host } = context;
    const [given = '', device = ''] = parseArguments(context, args, 'f', 2, { force: 'f' }).rest;
    const domid = await findDomain(host, await host.daemon(), given);
    const number = vdevNumber(device);
    if (number !== undefined) host.err(`libxl: error: disk /libxl/${domid}/device/vbd/${number} does not exist (no backend path\n`);
    host.err(`Error: Device ${device} not connected.\n`);
    return 1;
  },
};
