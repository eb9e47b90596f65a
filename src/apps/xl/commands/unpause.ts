import { attempt } from '../attempt.ts';
import { type Command, parseArguments } from '../command.ts';
import { findDomain } from '../find-domain.ts';

/** @xl unpause #Y */
export const unpause: Command = {
  name: 'unpause',
  usage: '<Domain>',
  summary: 'Let a paused domain go on.',
  async run(context, args) {
    const { host } = context;
    const [given = ''] = parseArguments(context, args, '', 1).rest;
    const daemon = await host.daemon();
    const domid = await findDomain(host, daemon, given);
    // (xl's status is 0 even when libxl refuses)
    await attempt(host, () => daemon.call('unpause', { domid }));
    return 0;
  },
};
