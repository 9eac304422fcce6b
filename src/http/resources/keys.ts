// The routes of API keys: list, create, change, revoke. A key is shown only when it is created; after that, only its hash is
// stored.

import { CodeBuddyError } from '../../base/errors.ts';
import {
  type ApiKeyInput,
  type ApiKeyPatch,
  apiKeyInputSchema,
  apiKeyPatchSchema,
  apiKeySchema,
  createdApiKeySchema,
} from '../../contract/api-key.ts';
import { idParamsSchema, pageQueryProperties, pageSchema } from '../../contract/page.ts';
import type { HttpContext } from '../context.ts';
import { storeErrors } from '../docs/route-docs.ts';
import type { RouteDefinition } from '../route.ts';
import { nextCursorOf, pageRequest } from './cursor.ts';

const listQuerySchema = {
  type: 'object',
  properties: pageQueryProperties,
  additionalProperties: false,
} as const;

/** The routes of API keys; none without a key service. */
export function keyRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { keys } = context.services;
  if (keys === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/api/keys',
      operationId: 'listKeys',
      summary: 'List API keys, oldest first.',
      scope: 'admin',
      schema: { querystring: listQuerySchema, response: { 200: pageSchema('keys', apiKeySchema) } },
      docs: { errors: ['storage_unavailable'] },
      handler: async (request) => {
        const { limit, after } = pageRequest('keys', request.query as { limit?: number; cursor?: string });
        const all = [...(await keys.list())].sort((left, right) => (left.id < right.id ? -1 : 1));
        const rest = after === undefined ? all : all.filter(({ id }) => id > after);
        const items = rest.slice(0, limit);
        const last = items.at(-1);
        const page = rest.length > limit && last !== undefined ? { items, next: last.id } : { items };
        return { keys: items, nextCursor: nextCursorOf('keys', page) };
      },
    },
    {
      method: 'POST',
      path: '/api/keys',
      operationId: 'createKey',
      summary: 'Create an API key. It is shown only once.',
      scope: 'admin',
      schema: { body: apiKeyInputSchema, response: { 201: createdApiKeySchema } },
      docs: { errors: storeErrors },
      // Not `idempotent`: that would store the key in plain text for 24 h.
      handler: async (request, reply) => {
        const { name, ...rest } = request.body as ApiKeyInput;
        if (name.trim() === '') {
          throw new CodeBuddyError('validation_failed', 'name must not be empty.', {
            errors: [{ in: 'body', pointer: '/name', message: 'must not be empty' }],
          });
        }
        const created = await keys.create({ name: name.trim(), ...rest });
        return reply.code(201).send(created);
      },
    },
    {
      method: 'PATCH',
      path: '/api/keys/:id',
      operationId: 'updateKey',
      summary: 'Change the limits of an API key. They apply at once.',
      scope: 'admin',
      schema: { params: idParamsSchema, body: apiKeyPatchSchema, response: { 200: apiKeySchema } },
      docs: { errors: ['key_not_found', ...storeErrors] },
      handler: (request) => keys.update((request.params as { id: string }).id, request.body as ApiKeyPatch),
    },
    {
      method: 'DELETE',
      path: '/api/keys/:id',
      operationId: 'revokeKey',
      summary: 'Revoke an API key. It stops working at once.',
      scope: 'admin',
      schema: { params: idParamsSchema, response: { 204: { type: 'null' } } },
      docs: { errors: ['key_not_found', ...storeErrors] },
      handler: async (request, reply) => {
        await keys.revoke((request.params as { id: string }).id);
        return reply.code(204).send();
      },
    },
  ];
}
