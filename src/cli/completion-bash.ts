// The completion script for bash. It works in bash 3.2 (macOS) and without the package bash-completion.

import { shellQuote } from '../base/shell-quote.ts';
import type { CommandNode, Completion } from './completion-tree.ts';
import { allCommands, flagsWithValue, typedPaths } from './completion-words.ts';

export function bashScript(program: CommandNode): string {
  const commands = allCommands(program);
  const { name } = program;
  return `# bash completion for ${name}. To install it: ${name} completion --help

_${name}() {
  local word path=${shellQuote(name)} flag= operands=0 only_operands= kind=none words= i
  local current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  # The command, the flag that waits for its value, and the arguments so far. bash splits --flag=value at the =.
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $flag ]]; then
      [[ $word == = ]] || flag=
      continue
    fi
    if [[ -n $only_operands ]]; then
      operands=$((operands + 1))
      continue
    fi
    case $word in
      --) only_operands=1; continue ;;
      =) i=$((i + 1)); continue ;;
    esac
    case "$path $word" in
${commands.flatMap(commandCases).join('\n')}
      ${flagsWithValue(commands).map(shellQuote).join(' | \\\n      ')}) flag=$word ;;
      *' '-*) ;;
      *) operands=$((operands + 1)) ;;
    esac
  done
  [[ $current == = && -n $flag ]] && current=

  if [[ -n $flag ]]; then
    case "$path $flag" in
${commands.flatMap(valueCases).join('\n')}
    esac
  elif [[ $current == -* && -z $only_operands ]]; then
    case $path in
${commands.map(optionCase).join('\n')}
    esac
  else
    case "$path $operands" in
${commands.flatMap(operandCases).join('\n')}
    esac
  fi

  case $kind in
    words)
      while IFS= read -r word; do
        # A shell would expand the * of an event type.
        COMPREPLY+=("\${word//\\*/\\\\*}")
      done < <(compgen -W "$words" -- "\${current//\\\\/}")
      ;;
    file)
      compopt -o filenames 2>/dev/null
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
      ;;
    folder)
      compopt -o filenames 2>/dev/null
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -d -- "$current")
      ;;
  esac
}

complete -F _${name} ${name}
`;
}

function commandCases(parent: CommandNode): readonly string[] {
  return parent.commands.map((child) => {
    const typed = typedPaths(parent, child).map(shellQuote).join(' | ');
    return `      ${typed}) path=${shellQuote(child.path)}; operands=0 ;;`;
  });
}

function valueCases({ path, options }: CommandNode): readonly string[] {
  return options.flatMap(({ names, value }) =>
    value === undefined || value.kind === 'any'
      ? []
      : [`      ${names.map((name) => shellQuote(`${path} ${name}`)).join(' | ')}) ${setting(value)} ;;`],
  );
}

function optionCase({ path, options }: CommandNode): string {
  const words = options.flatMap(({ names }) => names);
  return `      ${shellQuote(path)}) ${setting({ kind: 'words', words })} ;;`;
}

function operandCases({ path, commands, operands }: CommandNode): readonly string[] {
  const words = commands.flatMap(({ name, aliases }) => [name, ...aliases]);
  const all: readonly Completion[] = words.length > 0 ? [{ kind: 'words', words }] : operands;
  return all.flatMap((value, index) =>
    value.kind === 'any' ? [] : [`      ${shellQuote(`${path} ${index}`)}) ${setting(value)} ;;`],
  );
}

function setting(value: Completion): string {
  return value.kind === 'words'
    ? `kind=words words=${shellQuote(value.words.join(' '))}`
    : `kind=${value.kind}`;
}
