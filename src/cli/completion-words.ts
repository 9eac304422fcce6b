// Parts that the writers of completion scripts share.

import type { CommandNode } from './completion-tree.ts';

/** A command and all below it. */
export function allCommands(command: CommandNode): readonly CommandNode[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** The path of a command by each way to type its last word: by its name and its aliases. */
export function typedPaths(parent: CommandNode, { name, aliases }: CommandNode): readonly string[] {
  return [name, ...aliases].map((word) => `${parent.path} ${word}`);
}

/** The flags that take the next word, each after the path of its command. The value of the others follows a =. */
export function flagsWithValue(commands: readonly CommandNode[]): readonly string[] {
  return commands.flatMap(({ path, options }) =>
    options
      .filter(({ value, isValueOptional }) => value !== undefined && !isValueOptional)
      .flatMap(({ names }) => names.map((name) => `${path} ${name}`)),
  );
}
