import { type DomainConfig, formatJson, withAbsolutePaths } from '../../../toolstack/libxl/domain-config.ts';
import { attachConsole } from '../attach-console.ts';
import { attempt } from '../attempt.ts';
import { type Command, type CommandContext, helpOf, parseArguments } from '../command.ts';
import { readConfig } from '../read-config.ts';

async function start({ host, global: { verbose } }: CommandContext, config: DomainConfig, flags: ReadonlySet<string>): Promise<number> {
  const daemon = await host.daemon();
  const progress = (report: unknown): void => {
    if (verbose > 0) host.err(`domainbuilder: detail: ${(report as { text: string }).text}\n`);
  };
  const made = await attempt(host, () => daemon.call('create', { config: withAbsolutePaths(config, host.resolve), monitor: !flags.has('e') }, { progress }));
  if ('rc' in made) return 3;
  const { domid } = made.value;
  const unpause = async (): Promise<void> => {
    if (!flags.has('p')) await attempt(host, () => daemon.call('unpause', { domid }));
  };
  const ending = flags.has('F') ? daemon.call('wait', { domid }) : undefined;
  if (flags.has('c')) await attachConsole(host, daemon, domid, { opened: unpause });
  else await unpause();
  if (ending !== undefined) await ending;
  return 0;
}

/** @xl create #P[PVH domains; options without effect yet are warned of by name; no VNC viewer] */
export const create: Command = {
  name: 'create',
  usage: '<ConfigFile> [options] [vars]',
  summary: 'Make a domain as a configuration file says; `name=value` arguments count as lines at its end.',
  dryRun: true,
  options: [
    '-c                      Connect to the console',
    '-d                      Print the configuration as JSON as well',
    '-e                      Do nothing when the domain ends',
    '-F                      Stay until the domain has ended',
    '-f FILE, --defconfig=FILE  The configuration file',
    '-h                      Print this help',
    '-n, --dryrun            Print the configuration as JSON, make no domain',
    '-p                      Leave the domain paused',
    '-q, --quiet             Say less',
  ],
  async run(context, args) {
    const { host, global, command } = context;
    const long = { 'defconfig=': 'f', dryrun: 'n', quiet: 'q', vncviewer: 'V', 'vncviewer-autopass': 'A', 'ignore-global-affinity-masks': 'ignore' };
    const { flags, values, rest } = parseArguments(context, args, 'cdeFf:npqVA', 0, long);
    if (flags.has('V') || flags.has('A')) {
      host.err('xl: there is no VNC yet\n');
      return 1;
    }
    const vars = [...rest];
    const path = vars[0] !== undefined && !vars[0].includes('=') ? vars.shift() : values.get('f');
    if (vars.some((word) => !word.includes('='))) {
      host.out(helpOf(command));
      return 2;
    }
    if (path === undefined) {
      host.err('Config file not specified and none in save file\n');
      return 6;
    }
    const dry = flags.has('n') || global.dryRun;
    // (quiet says nothing about a dry run's file either way: it is printed to stderr)
    const config = await readConfig(host, path, vars, flags.has('q'));
    if (dry) host.out(`${formatJson(config)}\n`);
    else if (flags.has('d')) host.err(`${formatJson(config)}\n`);
    return dry ? 0 : await start(context, config, flags);
  },
};
