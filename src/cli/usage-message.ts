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
  const unknown =
    /^(unknown (?:option|command)) '([\s\S]*)'(?:\n\(Did you mean (?:one of )?([^)]*)\?\))?$/.exec(text);
  if (unknown !== null && (code === 'commander.unknownOption' || code === 'commander.unknownCommand')) {
    const [, what = '', word = '', similar] = unknown;
    const suggestion =
      similar === undefined
        ? ''
        : `; did you mean ${similar
            .split(', ')
            .map((one) => JSON.stringify(one))
            .join(' or ')}?`;
    return `${what} ${JSON.stringify(word)}${suggestion}`;
  }
  return text.replaceAll("'", '"');
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
