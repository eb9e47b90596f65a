import type { ArgumentWords, CommandWords, OptionWords, ProgramWords } from '../completion/program-words.ts';
import { SHELLS } from '../completion/program-words.ts';
import type { Command } from './command.ts';

/** An option from its line of the help text: `-f FILE, --defconfig=FILE  The configuration file`. */
function option(line: string): OptionWords {
  const [, words = '', summary = ''] = /^(.*?)(?:\s{2,}|$)(.*)$/.exec(line) ?? [];
  const short = /(?:^|\s)-(\w)/.exec(words)?.[1];
  const long = /--([\w-]+)/.exec(words)?.[1];
  return { ...(short === undefined ? {} : { short }), ...(long === undefined ? {} : { long }), takesValue: / [A-Z<]|=/.test(words), summary };
}

/** What its usage line says of the arguments. */
function argument({ usage }: Command): ArgumentWords {
  if (/^\S*<(ConfigFile|filename|policy file)/.test(usage)) return 'files';
  return /Domain/.test(usage) ? 'domains' : 'nothing';
}

/** xl's words, from the table of its commands. */
export const xlWords = (commands: readonly Command[]): ProgramWords => ({
  name: 'xl',
  domainNames: 'xl completion domains',
  commands: [
    ...commands.map(
      (command): CommandWords => ({
        name: command.name,
        summary: command.summary,
        options: (command.options ?? []).map(option),
        argument: command.name === 'completion' ? SHELLS : argument(command),
      }),
    ),
    { name: 'help', summary: 'Say what there is, or more about a command.', options: [], argument: 'commands' },
  ],
});
