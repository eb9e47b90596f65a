import { attachConsole } from '../attach-console.ts';
import { attempt } from '../attempt.ts';
import { type Command, parseArguments } from '../command.ts';
import { findDomain } from '../find-domain.ts';

/** @xl console #P[the first PV console only] */
export const consoleCommand: Command = {
  name: 'console',
  usage: '[options] <Domain>',
  summary: "Connect to a domain's console. Ctrl-] leaves.",
  options: [
    '-t <type>               Kind of console: pv',
    '-n <number>             Number of the console: 0',
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
    if (type !== 'pv' || Number(values.get('n') ?? 0) !== 0) {
      host.err('xenconsole: Could not read tty from store: No such file or directory\n');
      return 2;
    }
    return 'value' in (await attempt(host, () => attachConsole(host, daemon, domid))) ? 0 : 1;
  },
};
