// The completion script for fish.

import type { CommandNode, Completion, OptionNode } from './completion-tree.ts';
import { allCommands, flagsWithValue, typedPaths } from './completion-words.ts';

export function fishScript(program: CommandNode): string {
  const commands = allCommands(program);
  const { name } = program;
  return `# fish completion for ${name}. To install it: ${name} completion --help

# Prints the command on the command line, and the number of its arguments.
function __${name}_place
    set -l words (commandline -opc)
    set -e words[1]
    set -l path ${quoted(name)}
    set -l count 0
    set -l is_value no
    set -l has_options yes
    for word in $words
        if test $is_value = yes
            set is_value no
            continue
        end
        if test $has_options = no
            set count (math $count + 1)
            continue
        end
        if test "$word" = --
            set has_options no
            continue
        end
        switch "$path $word"
${commands.flatMap(commandCases).join('\n')}
            case ${flagsWithValue(commands).map(quoted).join(' ')}
                set is_value yes
            case '* -*'
            case '*'
                set count (math $count + 1)
        end
    end
    echo $path
    echo $count
end

function __${name}_at
    set -l place (__${name}_place)
    test "$place[1]" = "$argv[1]"
end

function __${name}_at_argument
    set -l place (__${name}_place)
    test "$place[1]" = "$argv[1]" -a "$place[2]" = "$argv[2]"
end

complete -c ${name} -f
${commands.flatMap((command) => linesOf(name, command)).join('\n')}
`;
}

/** In single quotes. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

function commandCases(parent: CommandNode): readonly string[] {
  return parent.commands.map(
    (child) => `            case ${typedPaths(parent, child).map(quoted).join(' ')}
                set path ${quoted(child.path)}
                set count 0`,
  );
}

function linesOf(program: string, { path, commands, options, operands }: CommandNode): readonly string[] {
  const at = `complete -c ${program} -n ${quoted(`__${program}_at ${quoted(path)}`)}`;
  const atArgument = (index: number): string =>
    `complete -c ${program} -n ${quoted(`__${program}_at_argument ${quoted(path)} ${index}`)}`;
  return [
    ...commands.flatMap(({ name, aliases, description }) =>
      [name, ...aliases].map((word) => `${atArgument(0)} -a ${word} -d ${quoted(description)}`),
    ),
    ...options.map((option) => `${at} ${optionText(option)}`),
    ...operands.flatMap((value, index) =>
      value.kind === 'any' ? [] : [`${atArgument(index)} ${valueText(value)}`],
    ),
  ];
}

function optionText({ names, description, value, isValueOptional }: OptionNode): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const values = value === undefined || value.kind === 'any' ? [] : [valueText(value)];
  return [...flags, ...requirement(value, isValueOptional), ...values, '-d', quoted(description)].join(' ');
}

/** `-r`: a value follows. `-x`: a value follows that is not a file. */
function requirement(value: Completion | undefined, isValueOptional: boolean): readonly string[] {
  if (value === undefined || isValueOptional) return [];
  return [value.kind === 'file' ? '-r' : '-x'];
}

function valueText(value: Completion): string {
  if (value.kind === 'words') {
    // fish would treat * as a wildcard.
    const words = value.words.map((word) => word.replaceAll('*', '\\*'));
    return `-a ${quoted(words.join(' '))}`;
  }
  return value.kind === 'file' ? '-F' : `-a '(__fish_complete_directories)'`;
}
