import { attachConsole } from '../attach-console.ts';
import { attempt } from '../attempt.ts';
import { type Command, parseArguments } from '../command.ts';
import { findDomain } from '../find-domain.ts';

/** @xl console #P[PV consoles: the first one, and those of channels] */
export const consoleCommand: Command = {
  name: 'console',
  usage: '[options] <Domain>',
  summary: "Connect to a domain's console. Ctrl-] leaves.",
  options: [
    '-t <type>               Kind of console: pv',
    '-n <number>             Number of the console (0): channels have those from 1',
    '-e                      Accepted; escape sequences mean nothing here',
  ],
  async run(context, args) {
    const { host } = context;
    const { values, rest } = parseArguments(context, args, 't:n:e', 1);
    const type = values.get('t') ?? 'pv';
    if (!['pv', 'serial', 'vuart'].includes(type)) {
      host.err('console type supported are: pv, serial, vuart\n');
      return 2;
    }
    const daemon = await host.daemon();
    const domid = await findDomain(host, daemon, rest[0] as string);
    const number = Number.parseInt(values.get('n') ?? '0', 10) || 0;
    if (type !== 'pv' || number < 0 || number > 255) {
      host.err('xenconsole: Could not read tty from store: No such file or directory\n');
      return 2;
    }
    if ('value' in (await attempt(host, () => attachConsole(host, daemon, domid, { number })))) return 0;
    return number === 0 ? 1 : 2;
  },
};
