// The routes of permissions: list the tools that wait for approval, and decide.

import { idParamsSchema, pageQueryProperties, pageSchema } from '../../contract/page.ts';
import {
  type PermissionDecision,
  permissionDecisionSchema,
  permissionSchema,
} from '../../contract/permission.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';
import { nextCursorOf, pageRequest } from './cursor.ts';

const listQuerySchema = {
  type: 'object',
  properties: {
    ...pageQueryProperties,
    sessionId: { type: 'string', maxLength: 128, description: 'Only permissions of this session.' },
    runId: { type: 'string', maxLength: 128, description: 'Only permissions of this run.' },
  },
  additionalProperties: false,
} as const;

/** The routes of permissions; none without a permission service. */
export function permissionRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { permissions } = context.services;
  if (permissions === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/api/permissions',
      operationId: 'listPermissions',
      summary: 'List pending permissions, oldest first.',
      scope: 'read',
      schema: {
        querystring: listQuerySchema,
        response: { 200: pageSchema('permissions', permissionSchema) },
      },
      handler: async (request) => {
        const { sessionId, runId, ...query } = request.query as SchemaType<typeof listQuerySchema>;
        const page = await permissions.list({
          ...pageRequest('permissions', query),
          ...(sessionId === undefined ? {} : { sessionId }),
          ...(runId === undefined ? {} : { runId }),
        });
        return { permissions: page.items, nextCursor: nextCursorOf('permissions', page) };
      },
    },
    {
      method: 'POST',
      path: '/api/permissions/:id',
      operationId: 'decidePermission',
      summary: 'Decide a permission: allow or deny the tool.',
      scope: 'tools',
      schema: {
        params: idParamsSchema,
        body: permissionDecisionSchema,
        response: { 200: permissionSchema, 202: permissionSchema },
      },
      docs: {
        descriptions: {
          202: 'Another node works on the run and has not answered yet. The permission is still pending.',
        },
        errors: [
          'permission_not_found',
          'permission_resolved',
          'node_unavailable',
          'storage_unavailable',
          'storage_full',
        ],
      },
      handler: async (request, reply) => {
        const { id } = request.params as SchemaType<typeof idParamsSchema>;
        const { decision, reason } = request.body as PermissionDecision;
        const permission = await permissions.decide(id, decision, reason);
        if (permission.status === 'pending') reply.code(202);
        return permission;
      },
    },
  ];
}
