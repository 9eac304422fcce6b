// The route of the MCP server, `POST /mcp`. The protocol and its package are loaded by the first request.

import type { HttpContext } from '../http/context.ts';
import type { RouteDefinition } from '../http/route.ts';
import type { McpAnswer } from './mcp-answer.ts';

/** How long a tool waits for a run, in ms. Clients give up after 60 s. */
const patienceMs = 45_000;

const messageSchema = {
  type: 'object',
  description: 'A JSON-RPC 2.0 message of the Model Context Protocol.',
  additionalProperties: true,
} as const;

export interface McpRouteOptions {
  /** How long a tool waits for a run, in ms. @default 45_000 */
  readonly patienceMs?: number;
}

/** The route of the MCP server; none without the built-in agent. */
export function mcpRoutes(context: HttpContext, options: McpRouteOptions = {}): readonly RouteDefinition[] {
  const { runs, sessions, tools, permissions, events } = context.services;
  if (
    runs === undefined ||
    sessions === undefined ||
    tools === undefined ||
    permissions === undefined ||
    events === undefined
  )
    return [];
  const services = { runs, sessions, tools, permissions, events };
  let loading: Promise<McpAnswer> | undefined;

  async function load(): Promise<McpAnswer> {
    const { createMcpAnswer } = await import('./mcp-answer.ts');
    return createMcpAnswer(context, { services, patienceMs: options.patienceMs ?? patienceMs });
  }

  return [
    {
      method: 'POST',
      path: '/mcp',
      operationId: 'sendMcpMessage',
      summary: 'Send a message to the MCP server.',
      description:
        'The Model Context Protocol over Streamable HTTP, without sessions: revision 2026-07-28, and clients of the 2025 revisions. ' +
        'The tools that are listed, and those that may be called, depend on the scopes of the key.',
      scope: 'any',
      schema: {
        body: messageSchema,
        response: { 200: messageSchema, 202: { type: 'null' } },
      },
      docs: {
        content: {
          200: {
            'application/json': messageSchema,
            'text/event-stream': {
              type: 'string',
              description: 'The messages that belong to the request, and the answer at the end.',
            },
          },
        },
        descriptions: {
          200: 'The answer, or the messages that belong to the request and the answer as a stream.',
          202: 'The notification was accepted.',
        },
        errors: ['too_many_connections', 'shutting_down'],
      },
      handler: async (request, reply) => {
        loading ??= load();
        const answer = await loading;
        await answer(request, reply);
        return reply;
      },
    },
  ];
}
