// The words that can be completed: the tree of commands as plain data, with their options and known values.

import type { Command, Option } from 'commander';
import { Flag } from './flag.ts';

export type Completion =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'file' | 'folder' | 'any' };

export interface OptionNode {
  /** With their dashes, the short one first. */
  readonly names: readonly string[];
  readonly description: string;
  /** Undefined if the option takes no value. */
  readonly value: Completion | undefined;
  readonly isValueOptional: boolean;
  readonly isRepeatable: boolean;
}

export interface CommandNode {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly description: string;
  /** The words that run the command: `codebuddy runs list`. */
  readonly path: string;
  readonly options: readonly OptionNode[];
  readonly commands: readonly CommandNode[];
  /** The values of the arguments, in their order. */
  readonly operands: readonly Completion[];
}

export function completionTree(command: Command, parentPath = ''): CommandNode {
  const path = parentPath === '' ? command.name() : `${parentPath} ${command.name()}`;
  const help = command.createHelp();
  // With the command `help` and the option `--help`.
  const children = help.visibleCommands(command);
  const commands = children.map((child) => completionTree(child, path));
  return {
    name: command.name(),
    aliases: command.aliases(),
    description: firstSentence(command.description()),
    path,
    options: help.visibleOptions(command).map(optionNode),
    commands: commands.map((child) => (child.name === 'help' ? withNamesOf(child, commands) : child)),
    operands: command.registeredArguments.map((argument) =>
      completionOf(argument.name(), wordsOf(argument.parseArg)),
    ),
  };
}

/** Shells show a description on one line. */
function firstSentence(text: string): string {
  const [first = ''] = text.split(/(?<=\.) /);
  return first;
}

/** `codebuddy help` takes the name of another command. */
function withNamesOf(help: CommandNode, commands: readonly CommandNode[]): CommandNode {
  const words = commands.map(({ name }) => name).filter((name) => name !== 'help');
  return { ...help, operands: [{ kind: 'words', words }] };
}

function optionNode(option: Option): OptionNode {
  const takesValue = option.required || option.optional;
  const placeholder = /[<[]([^<>[\]]*)[>\]]/.exec(option.flags)?.[1] ?? '';
  return {
    names: [option.short, option.long].filter((name) => name != null),
    description: option.description,
    value: takesValue ? completionOf(placeholder, option instanceof Flag ? option.words : []) : undefined,
    isValueOptional: option.optional,
    isRepeatable: option instanceof Flag && option.isRepeatable,
  };
}

/** `placeholder`: the name of the value in the help, such as `file`. */
function completionOf(placeholder: string, words: readonly string[]): Completion {
  if (words.length > 0) return { kind: 'words', words };
  if (/^(file|path)\b/.test(placeholder)) return { kind: 'file' };
  return { kind: placeholder === 'folder' ? 'folder' : 'any' };
}

/** The words of a parser; empty for other functions. */
function wordsOf(parse: unknown): readonly string[] {
  if (typeof parse !== 'function' || !('words' in parse) || !Array.isArray(parse.words)) return [];
  return parse.words.filter((word) => typeof word === 'string');
}
