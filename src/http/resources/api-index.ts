// The route `GET /api`, which lists all endpoints, as getEndpoints() does.

import type { HttpContext } from '../context.ts';
import type { HttpMethod, RouteDefinition } from '../route.ts';

/** One line of `GET /api`. */
export interface Endpoint {
  readonly method: HttpMethod;
  readonly path: string;
  readonly summary: string;
}

/** The endpoints of `routes`. */
export function listEndpoints(routes: readonly RouteDefinition[]): readonly Endpoint[] {
  return routes.map(({ method, path, summary }) => ({ method, path, summary }));
}

/** The route of the index. */
export function indexRoutes(context: HttpContext): readonly RouteDefinition[] {
  return [
    {
      method: 'GET',
      path: '/api',
      operationId: 'getIndex',
      summary: 'Get the name, version and endpoints of this API.',
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
