import { attempt } from '../attempt.ts';
import { type Command, helpOf, parseArguments } from '../command.ts';
import { findDomain } from '../find-domain.ts';

/** @xl sysrq #Y */
export const sysrq: Command = {
  name: 'sysrq',
  usage: '<Domain> <letter>',
  summary: "Send a magic SysRq letter to a guest's kernel.",
  async run(context, args) {
    const { host, command } = context;
    const [given = '', key = ''] = parseArguments(context, args, '', 2).rest;
    const daemon = await host.daemon();
    const domid = await findDomain(host, daemon, given);
    if (key.length !== 1) {
      host.err('Invalid sysrq.\n\n');
      host.out(helpOf(command));
      return 1;
    }
    return 'value' in (await attempt(host, () => daemon.call('sysrq', { domid, key }))) ? 0 : 1;
  },
};
