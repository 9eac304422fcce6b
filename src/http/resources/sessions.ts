// The routes of sessions and their messages. Sessions of a host application (`onGetSessions`) are read-only, and its
// objects are sent unchanged.

import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import { isRecord } from '../../base/is-record.ts';
import { agentNameSchema } from '../../contract/agent-names.ts';
import { mcpServerListSchema } from '../../contract/mcp-server.ts';
import { messageSchema } from '../../contract/message.ts';
import { idParamsSchema, pageQueryProperties, pageSchema } from '../../contract/page.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import { archivedFilters } from '../../contract/search.ts';
import {
  exportedSessionSchema,
  exportFormats,
  type SessionFilter,
  type SessionFork,
  type SessionInput,
  type SessionPatch,
  type SessionServersInput,
  sessionForkSchema,
  sessionInputSchema,
  sessionOrigins,
  sessionPatchSchema,
  sessionSchema,
  sessionServersSchema,
} from '../../contract/session.ts';
import { listFromHandler } from '../call-handler.ts';
import type { HttpContext } from '../context.ts';
import { callerOf } from '../pipeline/caller.ts';
import { onlyChange } from '../pipeline/idempotency.ts';
import type { RouteDefinition } from '../route.ts';
import type { SessionService } from '../services.ts';
import { nextCursorOf, pageRequest } from './cursor.ts';
import { pageOfList } from './page-of-list.ts';

const querySchema = {
  type: 'object',
  properties: {
    ...pageQueryProperties,
    title: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      description: 'Only sessions whose title contains this text, in upper or lower case.',
    },
    forkedFrom: { type: 'string', maxLength: 128, description: 'Only forks of this session.' },
    origin: { type: 'string', enum: sessionOrigins, description: 'Only sessions that came in this way.' },
    agent: { ...agentNameSchema, description: 'Only sessions of this agent.' },
    workspace: {
      type: 'string',
      minLength: 1,
      maxLength: 4096,
      description: 'Only sessions that work in this folder, which is not that of the server.',
    },
    archived: {
      type: 'string',
      enum: archivedFilters,
      default: 'false',
      description: 'Sessions that are not archived (`false`), that are (`true`), or `all`.',
    },
  },
  additionalProperties: false,
} as const;
const messageQuerySchema = {
  type: 'object',
  properties: {
    ...pageQueryProperties,
    order: {
      type: 'string',
      enum: ['asc', 'desc'],
      default: 'asc',
      description: '`asc`: oldest first; `desc`: newest first.',
    },
  },
  additionalProperties: false,
} as const;
const exportQuerySchema = {
  type: 'object',
  properties: { format: { type: 'string', enum: exportFormats, default: 'json' } },
  additionalProperties: false,
} as const;

const readErrors = ['session_not_found', 'handler_not_configured', 'storage_unavailable'] as const;
const writeErrors = ['handler_not_configured', 'storage_unavailable', 'storage_full'] as const;

/** The routes of sessions. */
export function sessionRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { services, handlers } = context;

  function service(): SessionService {
    if (handlers.onGetSessions === undefined && services.sessions !== undefined) return services.sessions;
    throw new CodeBuddyError(
      'handler_not_configured',
      'The host application provides the sessions of this server; only GET /api/sessions and GET /api/sessions/:id work.',
    );
  }

  return [
    {
      method: 'GET',
      path: '/api/sessions',
      operationId: 'listSessions',
      summary: 'List sessions, newest first.',
      scope: 'read',
      schema: { querystring: querySchema, response: { 200: pageSchema('sessions', sessionSchema) } },
      docs: { errors: ['handler_not_configured', 'storage_unavailable'] },
      handler: async (request, reply) => {
        const {
          title,
          forkedFrom,
          origin,
          agent,
          workspace,
          archived = 'false',
          ...query
        } = request.query as SchemaType<typeof querySchema>;
        const filter = {
          ...(title === undefined ? {} : { title }),
          ...(forkedFrom === undefined ? {} : { forkedFrom }),
          ...(origin === undefined ? {} : { origin }),
          ...(agent === undefined ? {} : { agent }),
          ...(workspace === undefined ? {} : { workspace }),
          ...(archived === 'all' ? {} : { archived: archived === 'true' }),
        };
        if (handlers.onGetSessions !== undefined) {
          const all = await listFromHandler('onGetSessions', handlers.onGetSessions);
          const page = pageOfList(
            'sessions',
            all.filter((session) => matches(session, filter)),
            query,
          );
          return asIs(reply, { sessions: page.items, nextCursor: page.nextCursor });
        }
        if (services.sessions === undefined) {
          throw new CodeBuddyError(
            'handler_not_configured',
            'The host application has not set onGetSessions.',
          );
        }
        const page = await services.sessions.list({ ...pageRequest('sessions', query), ...filter });
        return { sessions: page.items, nextCursor: nextCursorOf('sessions', page) };
      },
    },
    {
      method: 'POST',
      path: '/api/sessions',
      operationId: 'createSession',
      summary: 'Create a session.',
      scope: 'prompt',
      idempotent: true,
      schema: { body: sessionInputSchema, response: { 201: sessionSchema } },
      docs: { responseHeaders: { 201: ['Location'] }, errors: ['session_exists', ...writeErrors] },
      handler: async (request, reply) => {
        const session = await onlyChange(request, () => service().create(request.body as SessionInput));
        reply.code(201).header('Location', `/api/sessions/${session.id}`);
        return session;
      },
    },
    {
      method: 'GET',
      path: '/api/sessions/:id',
      operationId: 'getSession',
      summary: 'Get a session.',
      scope: 'read',
      schema: { params: idParamsSchema, response: { 200: sessionSchema } },
      docs: { errors: readErrors },
      handler: async (request, reply) => {
        const { id } = request.params as SchemaType<typeof idParamsSchema>;
        if (handlers.onGetSessions !== undefined) {
          const found = (await listFromHandler('onGetSessions', handlers.onGetSessions)).find((session) =>
            hasId(session, id),
          );
          if (found === undefined) throw noSession(id);
          return asIs(reply, found);
        }
        const session = await service().get(id);
        if (session === undefined) throw noSession(id);
        return session;
      },
    },
    {
      method: 'PATCH',
      path: '/api/sessions/:id',
      operationId: 'updateSession',
      summary: 'Update the title or metadata of a session, or archive it.',
      scope: 'prompt',
      schema: { params: idParamsSchema, body: sessionPatchSchema, response: { 200: sessionSchema } },
      docs: { errors: ['session_not_found', ...writeErrors] },
      handler: async (request) => {
        const { id } = request.params as SchemaType<typeof idParamsSchema>;
        return service().update(id, request.body as SessionPatch);
      },
    },
    {
      method: 'DELETE',
      path: '/api/sessions/:id',
      operationId: 'deleteSession',
      summary: 'Delete a session with its messages and runs. Its events stay in the log.',
      description:
        'Its git worktree, if it has one, is removed or kept as `worktree.keep` says: the event `worktree.end` has the outcome. Uncommitted work is never lost.',
      scope: 'prompt',
      schema: { params: idParamsSchema, response: { 204: { type: 'null' } } },
      docs: { errors: ['session_not_found', 'session_busy', ...writeErrors] },
      handler: async (request, reply) => {
        const { id } = request.params as SchemaType<typeof idParamsSchema>;
        await service().delete(id);
        return reply.code(204).send();
      },
    },
    {
      method: 'POST',
      path: '/api/sessions/:id/fork',
      operationId: 'forkSession',
      summary: 'Fork a session: create a new one with its messages.',
      description:
        'Copies the messages up to and including `messageId`. Each copy gets a new id and keeps its time. A session with an unfinished ' +
        'run can be forked with the messages that it has so far.',
      scope: 'prompt',
      idempotent: true,
      schema: { params: idParamsSchema, body: sessionForkSchema, response: { 201: sessionSchema } },
      docs: {
        responseHeaders: { 201: ['Location'] },
        errors: ['session_not_found', ...writeErrors],
      },
      handler: async (request, reply) => {
        const { id } = request.params as SchemaType<typeof idParamsSchema>;
        const input = (request.body ?? {}) as SessionFork;
        const session = await onlyChange(request, () => service().fork(id, input));
        reply.code(201).header('Location', `/api/sessions/${session.id}`);
        return session;
      },
    },
    {
      method: 'GET',
      path: '/api/sessions/:id/mcp-servers',
      operationId: 'listSessionMcpServers',
      summary: 'List the MCP servers that only this session has, with their states.',
      scope: 'read',
      schema: { params: idParamsSchema, response: { 200: mcpServerListSchema } },
      docs: { errors: readErrors },
      handler: async (request) => {
        const { id } = request.params as SchemaType<typeof idParamsSchema>;
        return { mcpServers: (await service().listMcpServers?.(id)) ?? [] };
      },
    },
    {
      method: 'POST',
      path: '/api/sessions/:id/mcp-servers',
      operationId: 'setSessionMcpServers',
      summary: 'Set the MCP servers that only this session has, instead of earlier ones.',
      description:
        'Their tools are named `server__tool`, and start with the next step. They are kept in memory: set them again after a restart of ' +
        'the server. Programs need the key of the server itself, or the setting `mcpPrograms`, because they run outside the sandbox.',
      scope: 'admin',
      schema: {
        params: idParamsSchema,
        body: sessionServersSchema,
        response: { 204: { type: 'null' } },
      },
      docs: { errors: ['session_not_found', 'not_supported_by_agent', ...writeErrors] },
      handler: async (request, reply) => {
        const { id } = request.params as SchemaType<typeof idParamsSchema>;
        const { mcpServers } = request.body as SessionServersInput;
        const sessions = service();
        if (sessions.setMcpServers === undefined) throw noSession(id);
        await sessions.setMcpServers(id, mcpServers, { mayStartPrograms: callerOf(request).isOwner });
        return reply.code(204).send();
      },
    },
    {
      method: 'GET',
      path: '/api/sessions/:id/export',
      operationId: 'exportSession',
      summary: 'Export a session as one document.',
      description:
        'JSON, or Markdown with `format=markdown`. The document is not limited in size. Messages that are added during the export are not included.',
      scope: 'read',
      schema: {
        params: idParamsSchema,
        querystring: exportQuerySchema,
        response: { 200: exportedSessionSchema },
      },
      docs: {
        content: {
          200: {
            'application/json': exportedSessionSchema,
            'text/markdown': { type: 'string', description: 'The session as Markdown.' },
          },
        },
        responseHeaders: { 200: ['Content-Disposition'] },
        errors: readErrors,
      },
      handler: async (request, reply) => {
        const { id } = request.params as SchemaType<typeof idParamsSchema>;
        const { format = 'json' } = request.query as SchemaType<typeof exportQuerySchema>;
        const { filename, mediaType, chunks } = await service().export(id, format);
        return reply
          .type(mediaType)
          .header('Content-Disposition', `attachment; filename="${filename}"`)
          .send(Readable.from(chunks, { objectMode: false }));
      },
    },
    {
      method: 'GET',
      path: '/api/sessions/:id/messages',
      operationId: 'listSessionMessages',
      summary: 'List the messages of a session.',
      scope: 'read',
      schema: {
        params: idParamsSchema,
        querystring: messageQuerySchema,
        response: { 200: pageSchema('messages', messageSchema) },
      },
      docs: { errors: readErrors },
      handler: async (request) => {
        const { id } = request.params as SchemaType<typeof idParamsSchema>;
        const query = request.query as SchemaType<typeof messageQuerySchema>;
        const { order = 'asc' } = query;
        // A page of the other direction would not be the next one.
        const list = order === 'asc' ? `messages of ${id}` : `messages of ${id} desc`;
        const page = await service().messages(id, { ...pageRequest(list, query), order });
        return { messages: page.items, nextCursor: nextCursorOf(list, page) };
      },
    },
  ];
}

function noSession(id: string): CodeBuddyError {
  return new CodeBuddyError('session_not_found', `Session "${id}" not found.`);
}

function hasId(session: unknown, id: string): boolean {
  return isRecord(session) && session.id === id;
}

/** The sessions of a host application are of any shape. */
function matches(
  session: unknown,
  { title, forkedFrom, origin, agent, workspace, archived }: SessionFilter,
): boolean {
  const fields = isRecord(session) ? session : {};
  const source = isRecord(fields.forkedFrom) ? fields.forkedFrom.sessionId : undefined;
  if (forkedFrom !== undefined && source !== forkedFrom) return false;
  if (origin !== undefined && (fields.origin ?? 'rest') !== origin) return false;
  if (agent !== undefined && fields.agent !== agent) return false;
  if (workspace !== undefined && fields.workspace !== workspace) return false;
  if (archived !== undefined && (fields.archived === true) !== archived) return false;
  if (title === undefined) return true;
  const shown = String(fields.title ?? '');
  return shown.toLowerCase().includes(title.toLowerCase());
}

/** Sends the objects of a host application without a schema, which would drop unknown fields. */
function asIs(reply: FastifyReply, value: unknown): unknown {
  reply.serializer((payload: unknown) => JSON.stringify(payload)).type('application/json; charset=utf-8');
  return value;
}
