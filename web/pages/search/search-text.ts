// Searches the newest items of each kind for a text, in this page: the server has no index of texts. Each search reads
// a bounded number of items. Only titles of sessions are searched by the server, all of them.

import type { Delivery, LoggedEvent, Session, Webhook } from '../../../src/client/web.ts';
import { allOf } from '../../app/all-of.ts';
import type { Query } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import { summaryOf } from '../events/event-summary.ts';

export type Kind = 'sessions' | 'webhooks' | 'deliveries' | 'events';

export interface Found {
  readonly id: string;
  readonly path: readonly string[];
  readonly query?: Query;
  readonly title: string;
  readonly note: string;
  readonly at?: string;
}

export interface SearchResult {
  readonly found: readonly Found[];
  /** The number of items that were searched. */
  readonly searched: number;
  readonly isAll: boolean;
}

const pageSize = 200;
const most: Readonly<Record<Kind, number>> = { sessions: 1000, webhooks: 1000, deliveries: 600, events: 600 };

export function searchIn(kind: Kind, text: string, signal: AbortSignal): Promise<SearchResult> {
  const page = { limit: pageSize };
  const options = { signal };
  switch (kind) {
    case 'sessions':
      return searchSessions(text, options);
    case 'webhooks':
      return look(kind, text, client.webhooks.list(page, options), textOfWebhook, foundWebhook);
    case 'deliveries':
      return look(kind, text, client.deliveries.list(page, options), textOfDelivery, foundDelivery);
    case 'events':
      return look(
        kind,
        text,
        client.events.list({ ...page, order: 'desc' }, options),
        JSON.stringify,
        foundEvent,
      );
  }
}

async function searchSessions(
  text: string,
  options: { readonly signal: AbortSignal },
): Promise<SearchResult> {
  const page = { limit: pageSize, archived: 'all' } as const;
  const title = wordsOf(text).toSorted((left, right) => right.length - left.length)[0] ?? '';
  const [newest, titled] = await Promise.all([
    look('sessions', text, client.sessions.list(page, options), textOfSession, foundSession),
    allOf(client.sessions.list({ ...page, title: title.slice(0, 200) }, options), most.sessions),
  ]);
  const known = new Set(newest.found.map(({ id }) => id));
  const matches = matcherOf(text);
  const older = titled.filter((session) => !known.has(session.id) && matches(textOfSession(session)));
  return { ...newest, found: [...newest.found, ...older.map(foundSession)] };
}

async function look<T>(
  kind: Kind,
  text: string,
  list: AsyncIterable<T>,
  textOf: (item: T) => string,
  toFound: (item: T) => Found,
): Promise<SearchResult> {
  // One more, to know whether there are more.
  const items = await allOf(list, most[kind] + 1);
  const searched = items.slice(0, most[kind]);
  const matches = matcherOf(text);
  return {
    found: searched.filter((item) => matches(textOf(item))).map(toFound),
    searched: searched.length,
    isAll: items.length === searched.length,
  };
}

/** All words, in any case. A short id, such as `ses_…K3Q9ZA`, matches by its end. */
export function matcherOf(text: string): (content: string) => boolean {
  const words = wordsOf(text);
  return (content) => {
    const whole = content.toLowerCase();
    return words.every((word) => whole.includes(word));
  };
}

function wordsOf(text: string): readonly string[] {
  return text
    .toLowerCase()
    .split(/\s+/)
    .map((word) => word.replace(/^[a-z]{3}_…/, ''))
    .filter((word) => word !== '');
}

const textOfSession = ({ id, title, model }: Session): string => `${id} ${title} ${model ?? ''}`;
const textOfWebhook = ({ id, name, url, description, events, state }: Webhook): string =>
  `${id} ${name} ${url} ${description ?? ''} ${events.join(' ')} ${state.status}`;
const textOfDelivery = ({ id, webhookId, event, eventId, status }: Delivery): string =>
  `${id} ${webhookId} ${event} ${eventId} ${status}`;

function foundSession({ id, title, updatedAt, model }: Session): Found {
  return { id, path: ['sessions', id], title, note: model ?? '', at: updatedAt };
}

function foundWebhook({ id, name, url, state }: Webhook): Found {
  return { id, path: ['webhooks', id], title: name, note: `${url}, ${state.status}` };
}

function foundDelivery({ id, event, webhookId, status, createdAt }: Delivery): Found {
  return {
    id,
    path: ['deliveries', id],
    title: `${event} to ${webhookId}`,
    note: status,
    at: createdAt,
  };
}

function foundEvent(event: LoggedEvent): Found {
  return {
    id: event.id,
    path: ['events', event.id],
    title: event.type,
    note: summaryOf(event),
    at: event.timestamp,
  };
}
