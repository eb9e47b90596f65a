import { attempt } from '../attempt.ts';
import { type Command, parseArguments } from '../command.ts';
import { findDomain } from '../find-domain.ts';

/** @xl rename #Y */
export const rename: Command = {
  name: 'rename',
  usage: '<Domain> <NewDomainName>',
  summary: 'Give a domain another name.',
  async run(context, args) {
    const { host } = context;
    const [given = '', name = ''] = parseArguments(context, args, '', 2).rest;
    const daemon = await host.daemon();
    const domid = await findDomain(host, daemon, given);
    if ('value' in (await attempt(host, () => daemon.call('rename', { domid, name })))) return 0;
    host.err(`Can't rename domain '${given}'.\n`);
    return 1;
  },
};
