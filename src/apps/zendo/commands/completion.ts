import type { Command } from 'commander';
import { completionScript } from '../../completion/completion-script.ts';
import type { ArgumentWords, CommandWords, OptionWords, Shell } from '../../completion/program-words.ts';

/** What the first argument of a command can be. */
function argument(command: Command): ArgumentWords {
  const [first] = command.registeredArguments;
  if (first === undefined) return command.name() === 'help' ? 'commands' : 'nothing';
  return first.argChoices ?? (first.name() === 'file' ? 'files' : 'nothing');
}

const words = (command: Command): CommandWords => ({
  name: command.name(),
  summary: command.description(),
  options: command.options
    .filter((option) => !option.hidden)
    .map(
      (option): OptionWords => ({
        ...(option.short === undefined ? {} : { short: option.short.slice(1) }),
        ...(option.long === undefined ? {} : { long: option.long.slice(2) }),
        takesValue: option.required || option.optional,
        summary: option.description,
      }),
    ),
  argument: argument(command),
});

/** The script that completes command lines of `program` in a shell. */
export const completion = (program: Command, shell: Shell): string =>
  completionScript(shell, { name: program.name(), domainNames: 'xl completion domains', commands: program.commands.map(words) });
