import { type Command, parseArguments } from '../command.ts';
import { listed } from '../find-domain.ts';
import { left, right, shownName } from '../format.ts';

/** @xl sharing #P[memory cannot be shared between domains yet, so it is always 0] */
export const sharing: Command = {
  name: 'sharing',
  usage: '[Domain]',
  summary: 'Show how much memory domains share with others.',
  async run(context, args) {
    const { host } = context;
    const { rest } = parseArguments(context, args, '');
    const domains = await listed(host, await host.daemon(), rest[0]);
    host.out('Name                                        ID   Mem Shared\n');
    for (const { domid, memoryKib, ...of } of domains)
      host.out(`${left(shownName(of), 40)} ${right(domid, 5)} ${right(Math.floor(memoryKib / 1024), 5)}  ${right(0, 5)}\n`);
    return 0;
  },
};
