import { attempt } from '../attempt.ts';
import { type Command, parseArguments } from '../command.ts';
import { findDomain } from '../find-domain.ts';

/** @xl pause #Y */
export const pause: Command = {
  name: 'pause',
  usage: '<Domain>',
  summary: 'Stop a domain where it is, until it is unpaused.',
  async run(context, args) {
    const { host } = context;
    const [given = ''] = parseArguments(context, args, '', 1).rest;
    const daemon = await host.daemon();
    const domid = await findDomain(host, daemon, given);
    // (xl's status is 0 even when libxl refuses)
    await attempt(host, () => daemon.call('pause', { domid }));
    return 0;
  },
};
