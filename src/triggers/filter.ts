// Decides whether a call is ignored, and says why in words.

import type { Call } from './call.ts';
import { valueAt } from './template.ts';

/** Why the call is ignored; undefined if it matches. */
export function ignoredBecause({ config: { filter }, facts, payload }: Call): string | undefined {
  const { events, branches, labels, actors, authorAssociations, fields = {} } = filter;
  return (
    oneOf('event', facts.event, events, matchesEvent) ??
    oneOf('branch', facts.branch, branches, matchesPattern) ??
    anyOf('label', facts.labels ?? [], labels) ??
    oneOf('actor', facts.actor, actors, isSameName) ??
    oneOf('author_association', facts.authorAssociation, authorAssociations, isSameName) ??
    fieldReason(payload, fields)
  );
}

type Matches = (value: string, wanted: string) => boolean;

function oneOf(
  what: string,
  value: string | undefined,
  wanted: readonly string[] | undefined,
  matches: Matches,
): string | undefined {
  if (wanted === undefined) return undefined;
  if (value === undefined) return `The call has no ${what}; the filter wants ${wanted.join(', ')}.`;
  if (wanted.some((one) => matches(value, one))) return undefined;
  return `The ${what} is ${value}; the filter wants ${wanted.join(', ')}.`;
}

function anyOf(
  what: string,
  values: readonly string[],
  wanted: readonly string[] | undefined,
): string | undefined {
  if (wanted === undefined || values.some((value) => wanted.some((one) => isSameName(value, one))))
    return undefined;
  const found = values.length === 0 ? `The call has no ${what}` : `The ${what}s are ${values.join(', ')}`;
  return `${found}; the filter wants ${wanted.join(', ')}.`;
}

function fieldReason(
  payload: unknown,
  fields: Readonly<Record<string, readonly string[]>>,
): string | undefined {
  for (const [path, wanted] of Object.entries(fields)) {
    const value = valueAt(payload, path);
    const text = typeof value === 'string' || value === undefined ? value : JSON.stringify(value);
    const reason = oneOf(`field ${path}`, text, wanted, (one, other) => one === other);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** `pull_request` stands for all of its actions, as `pull_request.*` does. */
function matchesEvent(event: string, wanted: string): boolean {
  return event === wanted || event.startsWith(`${wanted}.`) || matchesPattern(event, wanted);
}

/** `*` stands for any characters. */
function matchesPattern(value: string, pattern: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return value === pattern;
  if (!value.startsWith(head)) return false;
  const tail = rest.pop() ?? '';
  let at = head.length;
  for (const part of rest) {
    const found = value.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return value.length - tail.length >= at && value.endsWith(tail);
}

/** Names of accounts and labels are the same in upper and lower case. */
function isSameName(value: string, wanted: string): boolean {
  return value.toLowerCase() === wanted.toLowerCase();
}
