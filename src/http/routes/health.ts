// Is it alive, is it ready. `GET /health` is answered by the gate (gate.ts) before any app; its definition here is what
// getEndpoints() and /openapi.json tell of it.

import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';
import { timeSchema } from '../schemas.ts';

const readinessSchema = {
  type: 'object',
  title: 'Readiness',
  properties: {
    status: { type: 'string', enum: ['ready', 'not_ready'] },
    parts: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          ready: { type: 'boolean' },
          detail: { type: 'string', description: 'One line in words.' },
        },
        required: ['name', 'ready', 'detail'],
        additionalProperties: false,
      },
    },
  },
  required: ['status', 'parts'],
  additionalProperties: false,
} as const;

export function healthRoutes(context: HttpContext): readonly RouteDefinition[] {
  return [
    {
      method: 'GET',
      path: '/health',
      operationId: 'getHealth',
      summary: 'Whether the process answers; touches neither disk nor agent, needs no key',
      scope: 'open',
      schema: {
        response: {
          200: {
            type: 'object',
            title: 'Health',
            properties: {
              status: { type: 'string', const: 'ok' },
              timestamp: timeSchema,
              version: { type: 'string' },
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
