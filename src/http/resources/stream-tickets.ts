// The route `POST /api/stream-tickets`. Web pages need tickets because `EventSource` cannot send an API key.

import { time } from '../../contract/primitives.ts';
import type { HttpContext } from '../context.ts';
import { callerOf } from '../pipeline/caller.ts';
import type { RouteDefinition } from '../route.ts';

const ticketSchema = {
  type: 'object',
  title: 'StreamTicket',
  properties: {
    ticket: { type: 'string', description: 'Pass it as `?ticket=` to a stream. It is shown only once.' },
    expiresAt: time,
  },
  required: ['ticket', 'expiresAt'],
  additionalProperties: false,
} as const;

/** The route of stream tickets; none without an event log. */
export function streamTicketRoutes(context: HttpContext): readonly RouteDefinition[] {
  if (context.services.events === undefined) return [];
  return [
    {
      method: 'POST',
      path: '/api/stream-tickets',
      operationId: 'createStreamTicket',
      summary: 'Create a ticket that lets a web page open one stream.',
      description:
        'Pass it as `?ticket=` to `GET /api/events`, `/api/sessions/:id/events` or `/api/runs/:id/events` within 60 s, with ' +
        '`Accept: text/event-stream`, as `EventSource` does. It opens one stream and nothing else, with the scopes of the key that ' +
        'created it. To reconnect, create another ticket and pass `after`.',
      scope: 'read',
      schema: { response: { 201: ticketSchema } },
      handler: (request, reply) => {
        const { keyId, scopes } = callerOf(request);
        const { token, expiresAt } = context.tickets.issue({ keyId, scopes });
        reply.code(201);
        return { ticket: token, expiresAt: new Date(expiresAt).toISOString() };
      },
    },
  ];
}
