// The routes of liveness and readiness. The gate (pipeline/gate.ts) answers `GET /health`; its definition here is for
// getEndpoints() and /openapi.json.

import { challengePattern } from '../../base/identity-proof.ts';
import { time } from '../../contract/primitives.ts';
import { readinessSchema } from '../../contract/readiness.ts';
import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';

/** The routes of liveness and readiness. */
export function healthRoutes(context: HttpContext): readonly RouteDefinition[] {
  return [
    {
      method: 'GET',
      path: '/health',
      operationId: 'getHealth',
      summary: 'Check that the server is alive. Needs no key and touches neither disk nor agent.',
      scope: 'open',
      schema: {
        querystring: {
          type: 'object',
          properties: {
            challenge: {
              type: 'string',
              pattern: challengePattern.source,
              description:
                'Random text chosen by a client that found this server in `server.json`. The answer then has `proof`.',
            },
          },
        },
        response: {
          200: {
            type: 'object',
            title: 'Health',
            properties: {
              status: { type: 'string', const: 'ok' },
              timestamp: time,
              version: { type: 'string' },
              proof: {
                type: 'string',
                description:
                  'Answer to a `challenge`, if the server has a local key: the base64url HMAC-SHA256, with that key, of six lines: ' +
                  '`codebuddy-server-1`, the challenge, the local address and port of the connection, and `pid` and `startedAt` of server.json.',
              },
            },
            required: ['status', 'timestamp', 'version'],
            additionalProperties: false,
          },
        },
      },
      handler: async () => ({
        status: 'ok',
        timestamp: new Date().toISOString(),
        version: context.version,
      }),
    },
    {
      method: 'GET',
      path: '/health/ready',
      operationId: 'getReadiness',
      summary: 'Check that all parts of the server are ready: 200 if they are, otherwise 503.',
      scope: 'read',
      schema: { response: { 200: readinessSchema, 503: readinessSchema } },
      handler: async (_request, reply) => {
        const parts = (await context.services.readiness?.()) ?? [];
        const ready = parts.every((part) => part.ready);
        reply.code(ready ? 200 : 503);
        return { status: ready ? 'ready' : 'not_ready', parts };
      },
    },
  ];
}
