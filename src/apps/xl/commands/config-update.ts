import { formatJson, withAbsolutePaths } from '../../../toolstack/libxl/domain-config.ts';
import { attempt } from '../attempt.ts';
import { type Command, helpOf, parseArguments } from '../command.ts';
import { findDomain } from '../find-domain.ts';
import { readConfig } from '../read-config.ts';

/** @xl config-update #Y */
export const configUpdate: Command = {
  name: 'config-update',
  usage: '<Domain> <ConfigFile> [options] [vars]',
  summary: 'Give a domain another configuration; it counts from the next time that the domain is started again.',
  dryRun: true,
  options: ['-d                      Print the configuration as JSON as well', '-f FILE, --defconfig=FILE  The configuration file'],
  async run(context, args) {
    const { host, global, command } = context;
    if (args.length === 0) {
      host.err('xl config-update requires a domain argument\n');
      host.out(helpOf(command));
      return 1;
    }
    const { flags, values, rest } = parseArguments(context, args, 'dqf:', 0, { 'defconfig=': 'f' });
    const [given = '', ...words] = rest;
    host.err('WARNING: xl now has better capability to manage domain configuration, avoid using this command when possible\n');
    const daemon = await host.daemon();
    const domid = await findDomain(host, daemon, given);
    const path = words[0] !== undefined && !words[0].includes('=') ? words.shift() : values.get('f');
    if (words.some((word) => !word.includes('='))) {
      host.out(helpOf(command));
      return 2;
    }
    if (path === undefined) {
      host.err('Config file not specified\n');
      return 1;
    }
    const config = await readConfig(host, path, words, true);
    if (flags.has('d') || global.dryRun) host.out(`${formatJson(config)}\n`);
    if (global.dryRun) return 0;
    host.err(`setting dom${domid} configuration\n`);
    if ('value' in (await attempt(host, () => daemon.call('configUpdate', { domid, config: withAbsolutePaths(config, host.resolve) })))) return 0;
    host.err('failed to update configuration\n');
    return 1;
  },
};
