// The routes of the event log: list or stream events (all, of a session, of a run), get one event, list the event
// types.

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

const streamDescription =
  'With `Accept: text/event-stream`, each message has the sequence number as `id`, the type as `event`, and the event as one line ' +
  'of JSON. `Last-Event-ID` (or `after`) resumes the stream: no event is lost or repeated. `event: gap` means that older events ' +
  'are no longer kept; `event: overflow` that the reader was too slow and is disconnected. All messages are named, so ' +
  '`EventSource.onmessage` receives none of them: add a listener for each type, or use `named=false`. A web page, which cannot ' +
  'send an API key, uses a `ticket` of `POST /api/stream-tickets`.';

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
          logged: {
            type: 'boolean',
            description: 'False for types that are only streamed, with `deltas=true`.',
          },
          schema: { type: 'object', additionalProperties: true, description: 'JSON Schema of `data`.' },
        },
        required: ['type', 'description', 'logged', 'schema'],
      },
    },
  },
  required: ['eventTypes'],
} as const;

/** All event types, logged ones first. */
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
  descriptions: { 200: 'A page of events. With `Accept: text/event-stream`, the events as they happen.' },
  requestHeaders: ['Last-Event-ID'],
} as const;

const endTypes: ReadonlySet<string> = new Set(runEndEvents);
const endStatuses: ReadonlySet<string> = new Set(runEndings);

/** The routes of the event log; none without an event log. */
export function eventRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { events, sessions, runs } = context.services;
  if (events === undefined) return [];
  const routes: RouteDefinition[] = [
    {
      method: 'GET',
      path: '/api/events',
      operationId: 'listEvents',
      summary: 'List or stream events.',
      description: `${streamDescription} Without \`after\`, a stream begins with the next event.`,
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
      summary: 'Get an event.',
      scope: 'read',
      schema: { params: idParamsSchema, response: { 200: eventSchema } },
      docs: {
        content: { 200: { 'application/json': loggedEventSchema } },
        errors: ['event_not_found', 'storage_unavailable'],
      },
      handler: async (request, reply) => {
        const { id } = request.params as { id: string };
        const event = await events.get(id);
        if (event === undefined) throw new CodeBuddyError('event_not_found', `Event "${id}" not found.`);
        return reply.type('application/json; charset=utf-8').send(event.text);
      },
    },
    {
      method: 'GET',
      path: '/api/event-types',
      operationId: 'listEventTypes',
      summary: 'List event types with the JSON Schemas of their data.',
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
      summary: 'List or stream the events of a session.',
      description: `${streamDescription} Without \`after\`, a stream begins with the first event of the session.`,
      scope: 'read',
      schema: { params: idParamsSchema, querystring: scopedQuerySchema, response: { 200: eventPageSchema } },
      streams: true,
      docs: { ...readingDocs, errors: ['session_not_found', 'storage_unavailable'] },
      handler: async (request, reply) => {
        const { id } = request.params as { id: string };
        if ((await sessions.get(id)) === undefined)
          throw new CodeBuddyError('session_not_found', `Session "${id}" not found.`);
        return readLog(request, reply, context, events, { scope: { sessionId: id }, from: 'start' });
      },
    });
  if (runs !== undefined)
    routes.push({
      method: 'GET',
      path: '/api/runs/:id/events',
      operationId: 'listRunEvents',
      summary: 'List or stream the events of a run.',
      description: `${streamDescription} Without \`after\`, a stream begins with the first event of the run. It ends with the run; a 204 means that no more events will come.`,
      scope: 'read',
      schema: { params: idParamsSchema, querystring: scopedQuerySchema, response: { 200: eventPageSchema } },
      streams: true,
      docs: {
        ...readingDocs,
        descriptions: {
          ...readingDocs.descriptions,
          204: 'The run has ended and the reader has its last event. Do not reconnect.',
        },
        errors: ['run_not_found', 'storage_unavailable'],
      },
      handler: async (request, reply) => {
        const { id } = request.params as { id: string };
        // Read before the run: if the run has not ended by then, the event of its end comes after `last`. Earlier ones
        // are from before it was resumed.
        const { last } = await events.bounds();
        const run = await runs.get(id);
        if (run === undefined) throw new CodeBuddyError('run_not_found', `Run "${id}" not found.`);
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
