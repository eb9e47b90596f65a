import { attempt } from '../attempt.ts';
import { type Command, parseArguments } from '../command.ts';
import { findDomain } from '../find-domain.ts';

/** @xl destroy #Y */
export const destroy: Command = {
  name: 'destroy',
  usage: '[options] <Domain>',
  summary: 'End a domain at once, without asking it.',
  options: ['-f                      Allow the domain to be Domain-0 (which is refused all the same)'],
  async run(context, args) {
    const { host } = context;
    const { flags, rest } = parseArguments(context, args, 'f', 1);
    const daemon = await host.daemon();
    const domid = await findDomain(host, daemon, rest[0] as string);
    if (domid === 0 && !flags.has('f')) {
      host.err('Not destroying domain 0; use -f to force.\nThis can only be done when using a disaggregated hardware domain and toolstack.\n\n');
      return 1;
    }
    const done = await attempt(host, () => daemon.call('destroy', { domid }));
    if ('value' in done) return 0;
    host.err(`destroy failed (rc=${done.rc})\n`);
    return 1;
  },
};
