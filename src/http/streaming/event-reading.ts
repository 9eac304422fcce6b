// Reads the event log over HTTP: the whole log, a session's events or a run's. With `Accept: text/event-stream` the
// answer follows the log live, otherwise it is a page of JSON.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import { eventSchema } from '../../contract/event.ts';
import { pageQueryProperties, pageSchema } from '../../contract/page.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import { expandTypes } from '../../events/event-filter.ts';
import type { EventFilter, StreamItem } from '../../events/event-log.ts';
import type { StoredEvent } from '../../events/stored-event.ts';
import type { HttpContext } from '../context.ts';
import { decodeCursor, encodeCursor } from '../resources/cursor.ts';
import type { EventSource } from '../services.ts';
import { gapMessage } from './item-frames.ts';
import { openEventStream } from './sse.ts';
import { wantsEventStream } from './sse-accept.ts';
import { followLog } from './sse-log.ts';

const typeList = {
  anyOf: [
    { type: 'string', maxLength: 1000 },
    { type: 'array', items: { type: 'string', maxLength: 1000 }, maxItems: 50 },
  ],
} as const;

/** Query parameters of all routes that read the log. */
export const eventQueryProperties = {
  ...pageQueryProperties,
  after: {
    type: 'integer',
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description:
      'Only events after this sequence number. A stream resumes there; `Last-Event-ID` takes precedence.',
  },
  type: {
    ...typeList,
    description: 'Only events of these types: names, `tool.*` or `*`, separated by commas or repeated.',
  },
  types: { ...typeList, description: 'Alias of `type`.' },
  order: {
    type: 'string',
    enum: ['asc', 'desc'],
    default: 'asc',
    description: 'Order of a page, by sequence number.',
  },
  deltas: {
    type: 'boolean',
    default: false,
    description:
      'On a stream, also send `message.delta`, `reasoning.delta` and `tool.output`, which are not logged.',
  },
  named: {
    type: 'boolean',
    default: true,
    description:
      'On a stream, `false` omits the `event:` lines, so `EventSource.onmessage` receives every message. The data has `type`.',
  },
  ticket: {
    type: 'string',
    maxLength: 1024,
    description:
      'A ticket of `POST /api/stream-tickets`. Opens a stream for clients that cannot send headers. An API key takes precedence.',
  },
} as const;

const querySchema = {
  type: 'object',
  properties: eventQueryProperties,
  additionalProperties: false,
} as const;

export type EventQueryString = SchemaType<typeof querySchema>;

export const eventPageSchema = {
  ...pageSchema('events', eventSchema),
  description: 'A page of events. With `Accept: text/event-stream`, the events as they happen.',
} as const;

export interface EventReading {
  /** Limits the events to a session or a run. */
  readonly scope: Omit<EventFilter, 'types'>;
  /** Where a stream begins if the request does not say: after the last event, or with the first event of the scope. */
  readonly from: 'end' | 'start';
  /** The stream is closed after an event for which this is true. */
  readonly endsAfter?: (event: Pick<StoredEvent, 'type' | 'sequence'>) => boolean;
  /** True if no more events can come: the stream ends with the last logged one. */
  readonly isOver?: boolean;
}

/** Answers a request that reads the log. */
export async function readLog(
  request: FastifyRequest,
  reply: FastifyReply,
  context: HttpContext,
  events: EventSource,
  reading: EventReading,
): Promise<unknown> {
  const query = request.query as EventQueryString;
  return wantsEventStream(request)
    ? streamEvents(request, reply, context, events, query, reading)
    : reply.type('application/json; charset=utf-8').send(await pageOfEvents(events, query, reading));
}

/** As JSON text, put together from the texts of the events. */
async function pageOfEvents(
  events: EventSource,
  query: EventQueryString,
  { scope }: EventReading,
): Promise<string> {
  const { limit = 50, order = 'asc', cursor } = query;
  const list = `events ${order}`;
  const position = cursor === undefined ? undefined : Number(decodeCursor(list, cursor));
  const types = typesOf(query);
  const after = order === 'asc' ? (position ?? query.after) : query.after;
  const filter = { ...scope, ...(types === undefined ? {} : { types }), order };
  const found = await events.read({
    ...filter,
    ...(after === undefined ? {} : { after }),
    ...(order === 'desc' && position !== undefined ? { before: position } : {}),
    limit,
  });
  const last = found.at(-1);
  // The length does not tell: a page of long events has fewer than `limit`. In the order `desc`, `after` bounds the
  // whole list.
  const hasMore =
    last !== undefined &&
    (await hasEvents(events, {
      ...filter,
      ...(order === 'asc' ? { after: last.sequence } : { before: last.sequence }),
      ...(order === 'desc' && after !== undefined ? { after } : {}),
    }));
  const nextCursor = hasMore ? encodeCursor(list, String(last.sequence)) : null;
  // Added up, not joined, which would copy each text twice.
  let texts = '';
  for (const { text } of found) texts += texts === '' ? text : `,${text}`;
  return `{"events":[${texts}],"nextCursor":${JSON.stringify(nextCursor)}}`;
}

async function hasEvents(
  events: Pick<EventSource, 'read'>,
  query: Parameters<EventSource['read']>[0],
): Promise<boolean> {
  return (await events.read({ ...query, limit: 1 })).length > 0;
}

async function streamEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  context: HttpContext,
  events: EventSource,
  query: EventQueryString,
  { scope, from, endsAfter, isOver = false }: EventReading,
): Promise<FastifyReply> {
  const types = typesOf(query);
  const wanted = expandTypes(types);
  const wantedNames = wanted === undefined ? undefined : new Set(wanted);
  const asked = lastEventId(request) ?? query.after;
  const { first, last } = await events.bounds();
  const start = asked ?? (from === 'end' ? last : await startOf(events, scope, last));
  const deltas = query.deltas ?? false;
  // EventSource reconnects when a stream ends; 204 tells it to stop (WHATWG HTML §9.2.3).
  if (isOver && asked !== undefined && (await events.read({ ...scope, after: asked, limit: 1 })).length === 0)
    return reply.code(204).send();

  const { named = true } = query;
  const stream = openEventStream(request, reply, context, { named });
  // A number beyond the end comes from another log, for example of a deleted database. Without this check the reader
  // would get nothing until the new log reaches that number.
  const isForeign = start > last;
  if (isForeign) stream.send(gapMessage(first));
  const after = isForeign ? first - 1 : start;
  const follow = {
    historyEnd: last,
    ...(wantedNames === undefined ? {} : { wants: (type: string) => wantedNames.has(type) }),
    ...(endsAfter === undefined ? {} : { endsAfter }),
  };
  if (isOver) {
    await followLog(stream, readToEnd(events, scope, after), context, follow);
  } else {
    // A run's stream must see the event that ends the run, whatever types the reader wants; `wants` filters them.
    const filter = types === undefined || endsAfter !== undefined ? scope : { ...scope, types };
    const batches = events.subscribeInBatches({ ...filter, after, deltas, signal: stream.signal });
    await followLog(stream, batches, context, follow);
  }
  return reply;
}

/**
 * The sequence number before the first event of the scope, or the end of the log if it has none: events of others are
 * no gap.
 */
async function startOf(events: EventSource, scope: EventReading['scope'], last: number): Promise<number> {
  const [oldest] = await events.read({ ...scope, limit: 1 });
  return oldest === undefined ? last : oldest.sequence - 1;
}

async function* readToEnd(
  events: EventSource,
  scope: EventReading['scope'],
  start: number,
): AsyncGenerator<readonly StreamItem[], undefined> {
  for (let after = start; ; ) {
    const page = await events.read({ ...scope, after, limit: 200 });
    const last = page.at(-1);
    if (last === undefined) return undefined;
    yield page.map((event) => ({ kind: 'event', event }));
    after = last.sequence;
  }
}

/**
 * Where a reconnecting reader resumes. Browsers send the header with the original URL, so it takes precedence over
 * `after`.
 * @throws CodeBuddyError `validation_failed`, naming the header
 */
function lastEventId(request: FastifyRequest): number | undefined {
  const given = request.headers['last-event-id'];
  if (given === undefined || given === '') return undefined;
  const id = typeof given === 'string' && /^\d{1,16}$/.test(given) ? Number(given) : Number.NaN;
  if (Number.isSafeInteger(id)) return id;
  const message = 'must be the sequence number of an event';
  throw new CodeBuddyError('validation_failed', `Last-Event-ID ${message}.`, {
    errors: [{ in: 'header', pointer: '/last-event-id', message }],
  });
}

function typesOf({ type, types }: EventQueryString): readonly string[] | undefined {
  const given = [type ?? [], types ?? []].flat().flatMap((list) => list.split(','));
  const names = given.map((name) => name.trim()).filter((name) => name !== '');
  return names.length === 0 ? undefined : names;
}
