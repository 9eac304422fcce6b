// Is it alive, is it ready. `GET /health` is answered by the gate (gate.ts) before any app; its definition here is what
// getEndpoints() and /openapi.json tell of it.

import { challengePattern } from '../../base/identity-proof.ts';
import { time } from '../../contract/primitives.ts';
import { readinessSchema } from '../../contract/readiness.ts';
import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';

export function healthRoutes(context: HttpContext): readonly RouteDefinition[] {
  return [
    {
      method: 'GET',
      path: '/health',
      operationId: 'getHealth',
      summary: 'Whether the process answers; touches neither disk nor agent, needs no key',
      scope: 'open',
      schema: {
        querystring: {
          type: 'object',
          properties: {
            challenge: {
              type: 'string',
              pattern: challengePattern.source,
              description:
                'Chosen at random by a client that found this server in `server.json`. The answer then holds `proof`.',
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
                  'Given with a `challenge` by a server with a local key: the base64url HMAC-SHA256, under that key, of six lines: `codebuddy-server-1`, the challenge, the address and the port at which the connection arrived, and `pid` and `startedAt` of server.json.',
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
      summary: 'Whether each part is ready: 200 if all are, else 503',
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
