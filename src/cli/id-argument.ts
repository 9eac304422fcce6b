// Ids start with their kind. The id of another kind is rejected before the request, with the command that takes it.

import type { Command } from 'commander';
import { UsageError } from './usage-error.ts';

const kinds = {
  ses: { noun: 'a session', command: 'sessions show' },
  run: { noun: 'a run', command: 'runs show' },
  prm: { noun: 'a permission', command: 'permissions list' },
  qst: { noun: 'a question', command: 'inbox list' },
  tcl: { noun: 'a tool call', command: 'inbox list' },
  msg: { noun: 'a message', command: undefined },
  evt: { noun: 'an event', command: undefined },
  whk: { noun: 'a webhook', command: 'webhooks show' },
  trg: { noun: 'a trigger', command: 'triggers show' },
  dlv: { noun: 'a delivery', command: 'deliveries show' },
  key: { noun: 'an API key', command: 'keys list' },
} as const;

export type IdKind = keyof typeof kinds;

const generatedId = /^(ses|run|prm|qst|tcl|msg|evt|whk|trg|dlv|key)_[0-9A-Z]{26}$/;

/** Adds the argument `<id>`, or `[id]` if it is optional. */
export function withId(command: Command, kind: IdKind, { optional = false } = {}): Command {
  return command.argument(optional ? '[id]' : '<id>', `id of ${kinds[kind].noun}`, idOf('<id>', kind));
}

/** Parses an id. One that this server did not generate may have any form. */
export function idOf(name: string, kind: IdKind): (text: string) => string {
  return (text) => {
    const wanted = `${name} must be the id of ${kinds[kind].noun}`;
    const prefix = generatedId.exec(text)?.[1] as IdKind | undefined;
    if (text.trim() === '' || text.length > 128)
      throw new UsageError(`${wanted}, not ${JSON.stringify(text)}.`);
    if (prefix === undefined || prefix === kind) return text;
    const { noun, command } = kinds[prefix];
    const argument = command?.endsWith('list') ? '' : ` ${text}`;
    const hint = command === undefined ? '.' : `; did you mean: codebuddy ${command}${argument}`;
    throw new UsageError(`${wanted}, but ${JSON.stringify(text)} is the id of ${noun}${hint}`);
  };
}
