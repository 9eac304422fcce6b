// `GET /api`: what there is. The list is the same that getEndpoints() gives.

import type { HttpContext } from '../context.ts';
import type { HttpMethod, RouteDefinition } from '../route.ts';

/** One line of `GET /api`. */
export interface Endpoint {
  readonly method: HttpMethod;
  readonly path: string;
  readonly summary: string;
}

export function listEndpoints(routes: readonly RouteDefinition[]): readonly Endpoint[] {
  return routes.map(({ method, path, summary }) => ({ method, path, summary }));
}

export function indexRoutes(context: HttpContext): readonly RouteDefinition[] {
  return [
    {
      method: 'GET',
      path: '/api',
      operationId: 'getIndex',
      summary: 'Name, version and every endpoint',
      scope: 'read',
      schema: {
        response: {
          200: {
            type: 'object',
            title: 'Index',
            properties: {
              name: { type: 'string' },
              version: { type: 'string' },
              endpoints: {
                type: 'array',
                items: {
                  type: 'object',
                  properties: {
                    method: { type: 'string' },
                    path: { type: 'string' },
                    summary: { type: 'string' },
                  },
                  required: ['method', 'path', 'summary'],
                  additionalProperties: false,
                },
              },
            },
            required: ['name', 'version', 'endpoints'],
            additionalProperties: false,
          },
        },
      },
      handler: async () => ({
        name: context.name,
        version: context.version,
        endpoints: listEndpoints(context.routes()),
      }),
    },
  ];
}
