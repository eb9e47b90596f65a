import { type Command, parseArguments } from '../command.ts';

/** @xl domname #Y */
export const domname: Command = {
  name: 'domname',
  usage: '<DomainId>',
  summary: 'Print the name of a domain that is known by its id.',
  async run(context, args) {
    const { host } = context;
    const [given = ''] = parseArguments(context, args, '', 1).rest;
    if (!/^\d+$/.test(given)) {
      host.err('Invalid domain id.\n\n');
      return 1;
    }
    const found = (await (await host.daemon()).call('list', {})).find((each) => each.domid === Number(given));
    if (found === undefined || found.name === '') {
      host.err(`Can't get domain name of domain id '${given}', maybe this domain does not exist.\n`);
      return 1;
    }
    host.out(`${found.name}\n`);
    return 0;
  },
};
