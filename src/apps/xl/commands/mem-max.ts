import { attempt } from '../attempt.ts';
import { type Command, parseArguments } from '../command.ts';
import { findDomain } from '../find-domain.ts';
import { parseSize } from '../format.ts';

/** @xl mem-max #Y */
export const memMax: Command = {
  name: 'mem-max',
  usage: "<Domain> <MemMB['b'[bytes]|'k'[KB]|'m'[MB]|'g'[GB]|'t'[TB]]>",
  summary: 'Set the most memory that a domain may have.',
  async run(context, args) {
    const { host } = context;
    const [given = '', size = ''] = parseArguments(context, args, '', 2).rest;
    const daemon = await host.daemon();
    const domid = await findDomain(host, daemon, given);
    const kib = parseSize(size);
    if (kib === undefined) {
      host.err(`invalid memory size: ${size}\n`);
      return 1;
    }
    if ('value' in (await attempt(host, () => daemon.call('memoryMax', { domid, kib })))) return 0;
    host.err(`cannot set domid ${domid} static max memory to : ${size}\n`);
    return 1;
  },
};
