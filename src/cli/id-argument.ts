// Ids say what they are of. One that is of something else is refused before the request, with the command that takes it.

import type { Command } from 'commander';
import { UsageError } from './usage-error.ts';

const kinds = {
  ses: { noun: 'session', command: 'sessions show' },
  run: { noun: 'run', command: 'runs show' },
  prm: { noun: 'permission', command: 'permissions list' },
  msg: { noun: 'message', command: undefined },
  evt: { noun: 'event', command: undefined },
  whk: { noun: 'webhook', command: 'webhooks show' },
  dlv: { noun: 'delivery', command: 'deliveries show' },
  key: { noun: 'API key', command: 'keys list' },
} as const;

export type IdKind = keyof typeof kinds;

const made = /^(ses|run|prm|msg|evt|whk|dlv|key)_[0-9A-Z]{26}$/;

/** Adds `<id>`; `[id]` if it may be left out. */
export function withId(command: Command, kind: IdKind, { optional = false } = {}): Command {
  return command.argument(optional ? '[id]' : '<id>', `of a ${kinds[kind].noun}`, idOf('id', kind));
}

/** A parser for an option or an argument. An id that somebody else made may look like anything. */
export function idOf(name: string, kind: IdKind): (text: string) => string {
  return (text) => {
    const prefix = made.exec(text)?.[1] as IdKind | undefined;
    if (text.trim() === '' || text.length > 128)
      throw new UsageError(`${name} is ${JSON.stringify(text)}; it must be the id of a ${kinds[kind].noun}`);
    if (prefix === undefined || prefix === kind) return text;
    const { noun, command } = kinds[prefix];
    const hint =
      command === undefined
        ? ''
        : `; did you mean: codebuddy ${command}${command.endsWith('list') ? '' : ` ${text}`}`;
    throw new UsageError(
      `${name} is ${JSON.stringify(text)}, which is the id of a ${noun}; it must be that of a ${kinds[kind].noun}${hint}`,
    );
  };
}
