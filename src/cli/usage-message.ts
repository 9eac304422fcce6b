// Rewrites commander's errors in the style of all other errors: a sentence, values in double quotes, then where to find help.

import type { Command, CommanderError } from 'commander';
import { UsageError } from './usage-error.ts';

export function usageErrorOf(
  { code, message }: CommanderError,
  program: Command,
  args: readonly string[],
): UsageError {
  const command = commandOf(program, args);
  const path = pathOf(command);
  if (code === 'commander.help') {
    const names = command.commands.map((one) => one.name()).filter((name) => name !== 'help');
    return new UsageError(`Missing command. Use: ${path} ${names.join(' | ')}`);
  }
  return new UsageError(`${rewrite(code, message)}\n${helpHint(path)}`);
}

/** `path`: the command as it is typed. */
export function helpHint(path: string): string {
  return `See: ${path} --help`;
}

function rewrite(code: string, message: string): string {
  const text = message.replace(/^error: /, '');
  // Only these repeat what the user typed, which may contain quotes itself.
  if (code === 'commander.unknownOption') return rewriteUnknown('unknown option', text);
  if (code === 'commander.unknownCommand') return rewriteUnknown('unknown command', text);
  return asSentence(text.replaceAll("'", '"'));
}

const suggestionStart = "'\n(Did you mean ";

/** Rewrites `unknown option 'WORD'`, which may be followed by a line `(Did you mean one of A, B?)`. */
function rewriteUnknown(what: string, text: string): string {
  const rest = text.slice(`${what} '`.length);
  // The last one: WORD may contain the same text. With a suggestion, the text ends with a parenthesis.
  const at = rest.endsWith("'") ? -1 : rest.lastIndexOf(suggestionStart);
  if (at < 0) return asSentence(`${what} ${JSON.stringify(rest.slice(0, -1))}`);
  const similar = rest
    .slice(at + suggestionStart.length, -'?)'.length)
    .replace(/^one of /, '')
    .split(', ')
    .map((one) => JSON.stringify(one));
  return asSentence(`${what} ${JSON.stringify(rest.slice(0, at))}; did you mean ${similar.join(' or ')}?`);
}

function asSentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1) + (/[.?]$/.test(text) ? '' : '.');
}

/** The command that the arguments name, as deep as they go. */
function commandOf(program: Command, args: readonly string[]): Command {
  let command = program;
  for (const word of args) {
    const next = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (next === undefined) break;
    command = next;
  }
  return command;
}

function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}
