// What commander says of wrong arguments, as all errors of this program are said: values in double quotes, then where to look.

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
    return new UsageError(`name a command: ${path} ${names.join(' | ')}`);
  }
  return new UsageError(`${inOurWords(code, message)}\n${path} --help shows what there is`);
}

function inOurWords(code: string, message: string): string {
  const text = message.replace(/^error: /, '');
  // The only ones that repeat what was given, which may hold quotes itself.
  if (code === 'commander.unknownOption') return unknownInOurWords('unknown option', text);
  if (code === 'commander.unknownCommand') return unknownInOurWords('unknown command', text);
  return text.replaceAll("'", '"');
}

const suggestionStart = "'\n(Did you mean ";

/** Of `unknown option 'WORD'`, and `(Did you mean one of A, B?)` on a line of its own. */
function unknownInOurWords(what: string, text: string): string {
  const rest = text.slice(`${what} '`.length);
  // The last one: WORD may hold the same text. With a suggestion, the text ends in a parenthesis.
  const at = rest.endsWith("'") ? -1 : rest.lastIndexOf(suggestionStart);
  if (at < 0) return `${what} ${JSON.stringify(rest.slice(0, -1))}`;
  const similar = rest
    .slice(at + suggestionStart.length, -'?)'.length)
    .replace(/^one of /, '')
    .split(', ')
    .map((one) => JSON.stringify(one));
  return `${what} ${JSON.stringify(rest.slice(0, at))}; did you mean ${similar.join(' or ')}?`;
}

/** The command that the arguments name, as deep as they go. */
function commandOf(program: Command, args: readonly string[]): Command {
  let command = program;
  for (const word of args) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) break;
    command = next;
  }
  return command;
}

function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}
