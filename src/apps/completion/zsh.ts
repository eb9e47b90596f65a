import { optionWords, type ProgramWords, quoted } from './program-words.ts';

/** A script for zsh: a file _NAME in a directory of $fpath, or sourced after compinit. */
export function zshCompletion({ name, commands, domainNames }: ProgramWords): string {
  const f = `_${name}`;
  const described = (word: string, summary: string): string => quoted(`${word}:${summary.replaceAll(':', '\\:')}`);
  const cases = commands.map((command) => {
    const options = command.options.flatMap((option) => optionWords(option).map((word) => described(word, option.summary)));
    const argument =
      command.argument === 'files'
        ? '_files'
        : command.argument === 'domains'
          ? `words_=(\${(f)"$(${domainNames} 2>/dev/null)"}); compadd -a words_`
          : command.argument === 'commands'
            ? '_describe -t commands command commands'
            : command.argument === 'nothing'
              ? ':'
              : `compadd ${command.argument.join(' ')}`;
    return `    ${command.name}) options=(${options.join(' ')}); [[ $PREFIX == -* ]] || { ${argument} } ;;`;
  });
  return `#compdef ${name}
# zsh completion for ${name}
${f}() {
  local -a commands options words_
  local command= word
  commands=(
${commands.map((command) => `    ${described(command.name, command.summary)}`).join('\n')}
  )
  for word in \${words[2,CURRENT-1]}; do
    [[ $word == -* ]] || { command=$word; break }
  done
  if [[ -z $command ]]; then
    _describe -t commands command commands
    return
  fi
  case $command in
${cases.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then _describe -o -t options option options; fi
}
if [[ \${funcstack[1]} == ${f} ]]; then ${f} "$@"; else compdef ${f} ${name}; fi
`;
}
