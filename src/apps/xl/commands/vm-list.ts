import { type Command, parseArguments } from '../command.ts';
import { left } from '../format.ts';

/** @xl vm-list #Y */
export const vmList: Command = {
  name: 'vm-list',
  usage: '',
  summary: 'Show the UUIDs of the domains.',
  async run(context, args) {
    const { host } = context;
    parseArguments(context, args, '');
    const domains = await (await host.daemon()).call('list', {});
    host.out('UUID                                  ID    name\n');
    for (const { uuid, domid, name } of domains) host.out(`${uuid}  ${domid}    ${left(name, 30)}\n`);
    return 0;
  },
};
