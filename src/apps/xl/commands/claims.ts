import { type Command, parseArguments } from '../command.ts';
import { domainTable } from './list.ts';

/** @xl claims #Y */
export const claims: Command = {
  name: 'claims',
  usage: '',
  summary: 'Show the domains with the memory that is set aside for them and not yet theirs.',
  async run(context, args) {
    const { host } = context;
    parseArguments(context, args, '');
    host.out(domainTable(await (await host.daemon()).call('list', {}), { claims: true }));
    return 0;
  },
};
