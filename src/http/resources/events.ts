// The event log: as a stream or in pages, one event, and the catalogue of types with their schemas.

import { CodeBuddyError } from '../../base/errors.ts';
import { eventSchema } from '../../contract/event.ts';
import { catalogue, deltas, runEndEvents } from '../../contract/event-catalogue.ts';
import { idParamsSchema } from '../../contract/page.ts';
import { runEndings } from '../../contract/run.ts';
import type { HttpContext } from '../context.ts';
import { eventStreamSchema, loggedEventPageSchema, loggedEventSchema } from '../docs/stream-schemas.ts';
import type { RouteDefinition } from '../route.ts';
import {
  type EventQueryString,
  eventPageSchema,
  eventQueryProperties,
  readLog,
} from '../streaming/event-reading.ts';

const allQuerySchema = {
  type: 'object',
  properties: {
    ...eventQueryProperties,
    sessionId: { type: 'string', maxLength: 128, description: 'Only events of this session.' },
    runId: { type: 'string', maxLength: 128, description: 'Only events of this run.' },
  },
  additionalProperties: false,
} as const;

const scopedQuerySchema = {
  type: 'object',
  properties: eventQueryProperties,
  additionalProperties: false,
} as const;

const streamWords =
  'With `Accept: text/event-stream`: each message has the sequence number as `id`, the type as `event`, and the event as one line ' +
  'of JSON. `Last-Event-ID` (or `after`) resumes with nothing lost and nothing twice; `event: gap` tells of events that are no ' +
  'longer kept, `event: overflow` that the reader was too slow and is cut off. All messages are named, so `EventSource.onmessage` ' +
  'hears none of them: listen for the types, or ask for `named=false`. A web page, which cannot send a key, takes a `ticket` of ' +
  '`POST /api/stream-tickets`.';

const eventTypesSchema = {
  type: 'object',
  properties: {
    eventTypes: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          type: { type: 'string' },
          description: { type: 'string' },
          logged: { type: 'boolean', description: 'False for what is only streamed, with `deltas=true`.' },
          schema: { type: 'object', additionalProperties: true, description: 'JSON Schema of `data`.' },
        },
        required: ['type', 'description', 'logged', 'schema'],
      },
    },
  },
  required: ['eventTypes'],
} as const;

/** Every type there is, logged ones first. */
const eventTypes = [
  ...Object.entries(catalogue).map(([type, entry]) => ({ type, entry, logged: true })),
  ...Object.entries(deltas).map(([type, entry]) => ({ type, entry, logged: false })),
].map(({ type, entry, logged }) => ({
  type,
  description: entry.description,
  logged,
  schema: entry.data,
}));

/** A page, or with `Accept: text/event-stream` a stream. */
const readingDocs = {
  content: { 200: { 'application/json': loggedEventPageSchema, 'text/event-stream': eventStreamSchema } },
  descriptions: { 200: 'A page of events; with `Accept: text/event-stream`, the events as they happen.' },
  requestHeaders: ['Last-Event-ID'],
} as const;

const endTypes: ReadonlySet<string> = new Set(runEndEvents);
const endStatuses: ReadonlySet<string> = new Set(runEndings);

/** Routes of the log; none if the host has no log. */
export function eventRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { events, sessions, runs } = context.services;
  if (events === undefined) return [];
  const routes: RouteDefinition[] = [
    {
      method: 'GET',
      path: '/api/events',
      operationId: 'listEvents',
      summary: 'The event log, as a stream or in pages',
      description: `${streamWords} A stream that does not say where begins with what is new.`,
      scope: 'read',
      schema: { querystring: allQuerySchema, response: { 200: eventPageSchema } },
      streams: true,
      docs: { ...readingDocs, errors: ['storage_unavailable'] },
      handler: (request, reply) => {
        const { sessionId, runId } = request.query as EventQueryString & {
          sessionId?: string;
          runId?: string;
        };
        const scope = {
          ...(sessionId === undefined ? {} : { sessionId }),
          ...(runId === undefined ? {} : { runId }),
        };
        return readLog(request, reply, context, events, { scope, from: 'end' });
      },
    },
    {
      method: 'GET',
      path: '/api/events/:id',
      operationId: 'getEvent',
      summary: 'One event',
      scope: 'read',
      schema: { params: idParamsSchema, response: { 200: eventSchema } },
      docs: {
        content: { 200: { 'application/json': loggedEventSchema } },
        errors: ['event_not_found', 'storage_unavailable'],
      },
      handler: async (request) => {
        const { id } = request.params as { id: string };
        const event = await events.get(id);
        if (event === undefined) throw new CodeBuddyError('event_not_found', `There is no event ${id}.`);
        return event;
      },
    },
    {
      method: 'GET',
      path: '/api/event-types',
      operationId: 'listEventTypes',
      summary: 'Every event type, with the JSON Schema of its data',
      scope: 'read',
      schema: { response: { 200: eventTypesSchema } },
      handler: () => ({ eventTypes }),
    },
  ];
  if (sessions !== undefined)
    routes.push({
      method: 'GET',
      path: '/api/sessions/:id/events',
      operationId: 'listSessionEvents',
      summary: 'The events of a session, as a stream or in pages',
      description: `${streamWords} It begins with the first event of the session.`,
      scope: 'read',
      schema: { params: idParamsSchema, querystring: scopedQuerySchema, response: { 200: eventPageSchema } },
      streams: true,
      docs: { ...readingDocs, errors: ['session_not_found', 'storage_unavailable'] },
      handler: async (request, reply) => {
        const { id } = request.params as { id: string };
        if ((await sessions.get(id)) === undefined)
          throw new CodeBuddyError('session_not_found', `There is no session ${id}.`);
        return readLog(request, reply, context, events, { scope: { sessionId: id }, from: 'start' });
      },
    });
  if (runs !== undefined)
    routes.push({
      method: 'GET',
      path: '/api/runs/:id/events',
      operationId: 'listRunEvents',
      summary: 'The events of a run, as a stream that ends with it or in pages',
      description: `${streamWords} It begins with the first event of the run and ends with the run; 204 says that nothing more will come.`,
      scope: 'read',
      schema: { params: idParamsSchema, querystring: scopedQuerySchema, response: { 200: eventPageSchema } },
      streams: true,
      docs: {
        ...readingDocs,
        descriptions: {
          ...readingDocs.descriptions,
          204: 'The run has ended and the reader has seen its last event: do not reconnect.',
        },
        errors: ['run_not_found', 'storage_unavailable'],
      },
      handler: async (request, reply) => {
        const { id } = request.params as { id: string };
        // Before the look at the run: the ending of one that is not over by then lies behind it, earlier ones (it was resumed) do not.
        const { last } = await events.bounds();
        const run = await runs.get(id);
        if (run === undefined) throw new CodeBuddyError('run_not_found', `There is no run ${id}.`);
        return readLog(request, reply, context, events, {
          scope: { runId: id },
          from: 'start',
          endsAfter: ({ type, sequence }) => endTypes.has(type) && sequence > last,
          isOver: endStatuses.has(run.status),
        });
      },
    });
  return routes;
}
