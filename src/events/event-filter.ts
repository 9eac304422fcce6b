// Filters of events: by session, run and type (`tool.start`, `tool.*`, `*`).

import { CodeBuddyError } from '../base/errors.ts';
import { deltas } from '../contract/event-catalogue.ts';
import { eventTypes } from '../contract/event-types.ts';
import type { EventFilter } from './event-log.ts';

const known: readonly string[] = [...eventTypes, ...Object.keys(deltas)];

/**
 * The event types that match a list of patterns; undefined for all. `ownTypes` are the types of the host application.
 * @throws CodeBuddyError `validation_failed` for a pattern that matches no type
 */
export function expandTypes(
  patterns: readonly string[] | undefined,
  ownTypes: Iterable<string> = [],
): readonly string[] | undefined {
  if (patterns === undefined) return undefined;
  const all = [...known, ...ownTypes];
  const names = new Set<string>();
  for (const pattern of patterns) {
    if (pattern === '*') continue;
    const matches = pattern.endsWith('.*')
      ? all.filter((name) => name.startsWith(pattern.slice(0, -1)))
      : all.filter((name) => name === pattern);
    if (matches.length === 0) {
      const message = `must be an event type, 'group.*' or '*'; ${JSON.stringify(pattern)} is none of ${eventTypes.join(', ')}`;
      throw new CodeBuddyError('validation_failed', `types ${message}`, {
        errors: [{ in: 'query', pointer: '/types', message }],
      });
    }
    for (const name of matches) names.add(name);
  }
  return patterns.includes('*') ? undefined : [...names];
}

interface Subject {
  readonly type: string;
  readonly sessionId?: string;
  readonly runId?: string;
}

/** A test for live events and deltas that matches as the store does for logged events. */
export function matcher(
  filter: EventFilter,
  types: readonly string[] | undefined,
): (subject: Subject) => boolean {
  const wanted = types === undefined ? undefined : new Set(types);
  return (subject) =>
    (filter.sessionId === undefined || filter.sessionId === subject.sessionId) &&
    (filter.runId === undefined || filter.runId === subject.runId) &&
    (wanted === undefined || wanted.has(subject.type));
}
