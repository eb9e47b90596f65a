import { type Command, parseArguments } from '../../command.ts';
import { knownDomain } from '../../find-domain.ts';

/** @xl block-list #P[no disks yet: the table is empty] */
export const blockList: Command = {
  name: 'block-list',
  usage: '<Domain(s)>',
  summary: 'Show the disks of domains.',
  async run(context, args) {
    const { host } = context;
    const { rest } = parseArguments(context, args, '', 1);
    const daemon = await host.daemon();
    host.out('Vdev  BE  handle state evt-ch ring-ref BE-path                       \n');
    for (const given of rest) if ((await knownDomain(daemon, given)) === undefined) host.err(`${given} is an invalid domain identifier\n`);
    return 0;
  },
};
