import { type Command, parseArguments } from '../command.ts';

/** @xl domid #Y */
export const domid: Command = {
  name: 'domid',
  usage: '<DomainName>',
  summary: 'Print the id of a domain that is known by its name.',
  async run(context, args) {
    const { host } = context;
    const [name = ''] = parseArguments(context, args, '', 1).rest;
    const found = (await (await host.daemon()).call('list', {})).find((each) => each.name === name);
    if (found === undefined) {
      host.err(`Can't get domid of domain name '${name}', maybe this domain does not exist.\n`);
      return 1;
    }
    host.out(`${found.domid}\n`);
    return 0;
  },
};
