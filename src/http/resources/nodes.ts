// The route of nodes.

import { nodeSchema } from '../../contract/node.ts';
import { pageQueryProperties, pageSchema } from '../../contract/page.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';
import { pageOfList } from './page-of-list.ts';

const listQuerySchema = {
  type: 'object',
  properties: pageQueryProperties,
  additionalProperties: false,
} as const;

/** The route of nodes; none without a node service. */
export function nodeRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { nodes } = context.services;
  if (nodes === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/api/nodes',
      operationId: 'listNodes',
      summary: 'List the nodes that share the database and were seen in the last hour, oldest first.',
      scope: 'read',
      schema: { querystring: listQuerySchema, response: { 200: pageSchema('nodes', nodeSchema) } },
      docs: { errors: ['storage_unavailable'] },
      handler: async (request) => {
        const query = request.query as SchemaType<typeof listQuerySchema>;
        const page = pageOfList('nodes', await nodes.list(), query);
        return { nodes: page.items, nextCursor: page.nextCursor };
      },
    },
  ];
}
