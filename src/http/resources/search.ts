// The route of the full-text search over messages.

import { createHash } from 'node:crypto';
import { CodeBuddyError } from '../../base/errors.ts';
import { messageRoles } from '../../contract/message.ts';
import { pageQueryProperties, pageSchema } from '../../contract/page.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import { archivedFilters, searchHitSchema } from '../../contract/search.ts';
import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';
import { nextCursorOf, pageRequest } from './cursor.ts';

const querySchema = {
  type: 'object',
  properties: {
    ...pageQueryProperties,
    q: {
      type: 'string',
      minLength: 1,
      maxLength: 1000,
      description:
        'Words, all of which a message must have; `"a phrase"` in quotes. The last word may be the beginning of one. Upper and lower case, ' +
        'accents and other signs make no difference.',
    },
    sessionId: {
      type: 'string',
      minLength: 1,
      maxLength: 128,
      description: 'Only messages of this session.',
    },
    role: { type: 'string', enum: messageRoles, description: 'Only messages with this role.' },
    archived: {
      type: 'string',
      enum: archivedFilters,
      default: 'all',
      description: 'Messages of sessions that are not archived (`false`), that are (`true`), or of `all`.',
    },
  },
  required: ['q'],
  additionalProperties: false,
} as const;

const page = pageSchema('hits', searchHitSchema);
const answerSchema = {
  ...page,
  properties: {
    ...page.properties,
    indexing: {
      type: 'boolean',
      description: 'True while messages of an earlier release are added to the index: some may be missing.',
    },
  },
  required: [...page.required, 'indexing'],
} as const;

/** The name of a search in its cursors. Its text is too long for them. */
export function searchList(parts: readonly (string | undefined)[]): string {
  return `search ${createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 16)}`;
}

/** The route of the search. */
export function searchRoutes({ services, handlers }: HttpContext): readonly RouteDefinition[] {
  return [
    {
      method: 'GET',
      path: '/api/search',
      operationId: 'searchMessages',
      summary: 'Search the messages of all sessions, newest first.',
      description:
        'Finds words and phrases in the first 65,536 characters of prompts, answers and outputs of tools. A page may have fewer hits than ' +
        '`limit`, and still a `nextCursor`.',
      scope: 'read',
      schema: { querystring: querySchema, response: { 200: answerSchema } },
      docs: { errors: ['handler_not_configured', 'storage_unavailable'] },
      handler: async (request) => {
        const {
          q,
          sessionId,
          role,
          archived = 'all',
          ...query
        } = request.query as SchemaType<typeof querySchema>;
        const search = handlers.onGetSessions === undefined ? services.sessions?.search : undefined;
        if (search === undefined) {
          throw new CodeBuddyError(
            'handler_not_configured',
            'The host application provides the sessions of this server, which cannot be searched.',
          );
        }
        // A cursor of another search would not be the next page.
        const list = searchList([q, sessionId, role, archived]);
        const found = await search({
          ...pageRequest(list, query),
          text: q,
          ...(sessionId === undefined ? {} : { sessionId }),
          ...(role === undefined ? {} : { role }),
          ...(archived === 'all' ? {} : { archived: archived === 'true' }),
        });
        return { hits: found.items, nextCursor: nextCursorOf(list, found), indexing: found.isIndexing };
      },
    },
  ];
}
