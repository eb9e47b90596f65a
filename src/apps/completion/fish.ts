import { type ProgramWords, quoted } from './program-words.ts';

/** A script for fish: a file NAME.fish in ~/.config/fish/completions, or sourced. */
export function fishCompletion({ name, commands, domainNames }: ProgramWords): string {
  const lines = [`# fish completion for ${name}`, `complete -c ${name} -f`];
  for (const { name: command, summary, options, argument } of commands) {
    lines.push(`complete -c ${name} -n __fish_use_subcommand -a ${command} -d ${quoted(summary)}`);
    const within = `complete -c ${name} -n '__fish_seen_subcommand_from ${command}'`;
    for (const { short, long, takesValue, summary: what } of options) {
      const words = [...(short === undefined ? [] : [`-s ${short}`]), ...(long === undefined ? [] : [`-l ${long}`]), ...(takesValue ? ['-r'] : [])];
      lines.push(`${within} ${words.join(' ')} -d ${quoted(what)}`);
    }
    if (argument === 'files') lines.push(`${within} -F`);
    else if (argument === 'domains') lines.push(`${within} -a '(${domainNames} 2>/dev/null)'`);
    else if (argument === 'commands') lines.push(`${within} -a '${commands.map((each) => each.name).join(' ')}'`);
    else if (argument !== 'nothing') lines.push(`${within} -a '${argument.join(' ')}'`);
  }
  return `${lines.join('\n')}\n`;
}
