import { XlEnd, type XlHost } from './xl-host.ts';

/** Global options of `xl`, before the command's name. */
export interface GlobalOptions {
  /** Print what would be done instead of doing it (-N). */
  readonly dryRun: boolean;
  readonly verbose: number;
}

/** What a command runs with. */
export interface CommandContext {
  readonly host: XlHost;
  readonly global: GlobalOptions;
  readonly command: Command;
}

/** One command of `xl`: a file of commands/ each. */
export interface Command {
  readonly name: string;
  /** What follows the name in the usage line. */
  readonly usage: string;
  /** A sentence, in our words. */
  readonly summary: string;
  /** Lines of the help text about options. */
  readonly options?: readonly string[];
  /** It understands the global -N. */
  readonly dryRun?: true;
  /** Does it; the exit status. */
  run(context: CommandContext, args: readonly string[]): Promise<number> | number;
}

/** The help text of a command. */
export function helpOf(command: Command): string {
  const head = `Usage: xl [-vtTf${command.dryRun === true ? 'N' : ''}] ${command.name} ${command.usage}\n\n${command.summary}\n\n`;
  return command.options === undefined ? head : `${head}Options:\n\n${command.options.join('\n')}\n`;
}

/** Options found on a command line, and what is left. */
export interface Parsed {
  /** Options without a value that were given. */
  readonly flags: ReadonlySet<string>;
  /** Values of the options that have one; the last counts. */
  readonly values: ReadonlyMap<string, string>;
  readonly rest: readonly string[];
}

/**
 * Options as getopt_long reads them, anywhere among the arguments. `short`: letters, those with a value followed by ':'.
 * `long`: long names and the letter (or name) they stand for, those with a value ending in '='. Fewer than `least`
 * arguments left, or an option there is not, end the program as xl does.
 */
export function parseArguments(
  { host, command }: CommandContext,
  args: readonly string[],
  short: string,
  least = 0,
  long: Readonly<Record<string, string>> = {},
): Parsed {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const rest: string[] = [];
  const refuse = (option: string): never => {
    host.err(`option \`${option}' not supported.\n`);
    throw new XlEnd(2);
  };
  const queue = [...args];
  const valueFor = (given: string | undefined, option: string): string => given ?? queue.shift() ?? refuse(option);
  while (queue.length > 0) {
    const arg = queue.shift() as string;
    if (arg === '--') {
      rest.push(...queue);
      break;
    }
    if (arg === '--help') return help(host, command);
    if (arg.startsWith('--')) {
      const [name = '', value] = arg.slice(2).split(/=(.*)/s);
      if (long[`${name}=`] !== undefined) values.set(long[`${name}=`] as string, valueFor(value, name));
      else if (long[name] !== undefined && value === undefined) flags.add(long[name] as string);
      else refuse(name);
      continue;
    }
    if (arg === '-' || !arg.startsWith('-')) {
      rest.push(arg);
      continue;
    }
    for (let i = 1; i < arg.length; i++) {
      const letter = arg[i] as string;
      if (letter === 'h' && !short.includes('h')) return help(host, command);
      const at = letter === ':' ? -1 : short.indexOf(letter);
      if (at < 0) refuse(letter);
      if (short[at + 1] !== ':') flags.add(letter);
      else {
        values.set(letter, valueFor(i + 1 < arg.length ? arg.slice(i + 1) : undefined, letter));
        break;
      }
    }
  }
  if (rest.length < least) {
    host.out(helpOf(command));
    host.err(`'xl ${command.name}' requires at least ${least} argument${least === 1 ? '' : 's'}.\n\n`);
    throw new XlEnd(2);
  }
  return { flags, values, rest };
}

function help(host: XlHost, command: Command): never {
  host.out(helpOf(command));
  throw new XlEnd(0);
}
