// What the writers of completion scripts share.

import type { CommandNode } from './completion-tree.ts';

/** A command and all below it. */
export function allCommands(command: CommandNode): readonly CommandNode[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** In single quotes, for bash and zsh. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The path of a command by each way to type its last word: by its name and its aliases. */
export function typedPaths(parent: CommandNode, { name, aliases }: CommandNode): readonly string[] {
  return [name, ...aliases].map((word) => `${parent.path} ${word}`);
}
