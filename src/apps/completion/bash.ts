import { optionWords, type ProgramWords } from './program-words.ts';

/** A script for bash: sourced, or in a file of /usr/share/bash-completion/completions. */
export function bashCompletion({ name, commands, domainNames }: ProgramWords): string {
  const f = `_${name}`;
  const options = commands.map((command) => `      ${command.name}) words='${command.options.flatMap(optionWords).join(' ')}' ;;`);
  const takingFiles = commands.filter(({ argument }) => argument === 'files').map((command) => command.name);
  const takingDomains = commands.filter(({ argument }) => argument === 'domains').map((command) => command.name);
  const takingNames = commands.filter(({ argument }) => argument === 'commands').map((command) => command.name);
  const choices = commands.flatMap((command) =>
    typeof command.argument === 'string' ? [] : [`      ${command.name}) words='${command.argument.join(' ')}' ;;`],
  );
  const when = (names: readonly string[], then: string): string[] => (names.length === 0 ? [] : [`      ${names.join('|')}) ${then} ;;`]);
  return `# bash completion for ${name}
${f}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} command= words= i
  local commands='${commands.map((command) => command.name).join(' ')}'
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ \${COMP_WORDS[i]} == -* ]] || { command=\${COMP_WORDS[i]}; break; }
  done
  COMPREPLY=()
  if [[ -z $command ]]; then
    words=$commands
  elif [[ $cur == -* ]]; then
    case $command in
${options.join('\n')}
    esac
  else
    case $command in
${[...when(takingFiles, 'compopt -o default 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")); return'), ...when(takingDomains, `words=$(${domainNames} 2>/dev/null)`), ...when(takingNames, 'words=$commands'), ...choices].join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F ${f} ${name}
`;
}
