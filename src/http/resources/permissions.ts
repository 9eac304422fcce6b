// Permissions: which tools wait for a person, and the answer.

import type { FromSchema } from 'json-schema-to-ts';
import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';
import { idParamsSchema, pageQueryProperties, pageSchema, permissionSchema } from '../schemas.ts';
import { pageOfList } from './page-of-list.ts';

const listQuerySchema = {
  type: 'object',
  properties: {
    ...pageQueryProperties,
    sessionId: { type: 'string', maxLength: 128, description: 'Only those of this session.' },
    runId: { type: 'string', maxLength: 128, description: 'Only those of this run.' },
  },
  additionalProperties: false,
} as const;

const decisionSchema = {
  type: 'object',
  title: 'PermissionDecision',
  properties: {
    decision: {
      type: 'string',
      enum: ['allow', 'allow_always', 'deny'],
      description:
        '`allow_always` also allows exactly the same again in this session, to the same API key and to keys with the scope `tools`.',
    },
    reason: {
      type: 'string',
      maxLength: 1000,
      description: 'Told to the model, and in `permission.resolved`.',
    },
  },
  required: ['decision'],
  additionalProperties: false,
} as const;

/** Routes of permissions; none if the host has no such service. */
export function permissionRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { permissions } = context.services;
  if (permissions === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/api/permissions',
      operationId: 'listPermissions',
      summary: 'The tools that wait for a person, oldest first',
      scope: 'read',
      schema: {
        querystring: listQuerySchema,
        response: { 200: pageSchema('permissions', permissionSchema) },
      },
      handler: (request) => {
        const { sessionId, runId, ...query } = request.query as FromSchema<typeof listQuerySchema>;
        const waiting = permissions.list({
          ...(sessionId === undefined ? {} : { sessionId }),
          ...(runId === undefined ? {} : { runId }),
        });
        const page = pageOfList('permissions', waiting, query);
        return { permissions: page.items, nextCursor: page.nextCursor };
      },
    },
    {
      method: 'POST',
      path: '/api/permissions/:id',
      operationId: 'decidePermission',
      summary: 'Allows a tool that waits, or denies it',
      scope: 'tools',
      schema: { params: idParamsSchema, body: decisionSchema, response: { 200: permissionSchema } },
      docs: {
        errors: ['permission_not_found', 'permission_resolved', 'storage_unavailable', 'storage_full'],
      },
      handler: (request) => {
        const { id } = request.params as FromSchema<typeof idParamsSchema>;
        const { decision, reason } = request.body as FromSchema<typeof decisionSchema>;
        return permissions.decide(id, decision, reason);
      },
    },
  ];
}
