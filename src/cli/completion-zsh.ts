// The completion script for zsh. Each command is a function that calls `_arguments`.

import { shellQuote } from '../base/shell-quote.ts';
import type { CommandNode, Completion, OptionNode } from './completion-tree.ts';
import { allCommands } from './completion-words.ts';

export function zshScript(program: CommandNode): string {
  const { name } = program;
  const functions = allCommands(program).map((command) =>
    command.commands.length > 0 ? groupFunction(command) : leafFunction(command),
  );
  return `#compdef ${name}
# zsh completion for ${name}. To install it: ${name} completion --help

${functions.join('\n\n')}

# In a folder of $fpath, this file is the body of the function. If it is sourced, it registers the function.
if [[ \${funcstack[1]} == _${name} ]]; then
  ${functionName(program)} "$@"
else
  compdef ${functionName(program)} ${name}
fi
`;
}

/** The function of the program is not `_codebuddy`: zsh gives that name to the file. */
function functionName({ path }: CommandNode): string {
  return `__${path.replaceAll(/[^a-z]/g, '_')}_arguments`;
}

function groupFunction(command: CommandNode): string {
  const described = command.commands.flatMap(({ name, aliases, description }) =>
    [name, ...aliases].map((word) => `    ${shellQuote(`${word}:${description}`)}`),
  );
  const cases = command.commands.map(
    (child) => `        ${[child.name, ...child.aliases].join('|')}) ${functionName(child)} ;;`,
  );
  return `${functionName(command)}() {
  local curcontext=$curcontext context state state_descr line ret=1
  typeset -A opt_args
  local -a commands=(
${described.join('\n')}
  )
  _arguments -C \\
    ${[...argumentSpecs(command.options), "'1: :->command'", "'*:: :->arguments'"].join(' \\\n    ')} && ret=0
  case $state in
    command) _describe -t commands command commands && ret=0 ;;
    arguments)
      case $line[1] in
${cases.join('\n')}
      esac && ret=0
      ;;
  esac
  return ret
}`;
}

function leafFunction(command: CommandNode): string {
  const operands = command.operands.map((value, index) => shellQuote(`${index + 1}: :${action(value)}`));
  const specs = [...argumentSpecs(command.options), ...operands];
  return `${functionName(command)}() {
  _arguments${specs.map((spec) => ` \\\n    ${spec}`).join('')}
}`;
}

/** One for each name of each option. */
function argumentSpecs(options: readonly OptionNode[]): readonly string[] {
  return options.flatMap((option) => option.names.map((name) => shellQuote(specOf(name, option))));
}

function specOf(
  name: string,
  { names, description, value, isValueOptional, isRepeatable }: OptionNode,
): string {
  const excluded = names.length > 1 ? `(${names.join(' ')})` : '';
  const before = isRepeatable ? '*' : excluded;
  // `--flag=`: the value follows as the next word or after a =. `--flag=-`: only after a =.
  const equals = value === undefined || !name.startsWith('--') ? '' : isValueOptional ? '=-' : '=';
  const colon = isValueOptional ? '::' : ':';
  const rest = value === undefined ? '' : `${colon} :${action(value)}`;
  return `${before}${name}${equals}[${description.replace(/[[\]\\]/g, '\\$&')}]${rest}`;
}

function action(value: Completion): string {
  if (value.kind === 'words')
    return `(${value.words.map((word) => word.replace(/[*:\\]/g, '\\$&')).join(' ')})`;
  if (value.kind === 'file') return '_files';
  return value.kind === 'folder' ? '_files -/' : ' ';
}
