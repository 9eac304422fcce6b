// The route of the MCP server. The protocol is in src/mcp-server, which is loaded by the first request.

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HttpContext } from '../context.ts';
import { callerOf } from '../pipeline/caller.ts';
import { abortSignalOf, factsOf } from '../pipeline/request-facts.ts';
import type { RouteDefinition } from '../route.ts';
import { openEventStream, requireRoomForStream } from '../streaming/sse.ts';
import { acceptsEventStream } from '../streaming/sse-accept.ts';

const messageSchema = {
  type: 'object',
  description: 'A JSON-RPC 2.0 message of the Model Context Protocol.',
  additionalProperties: true,
} as const;

const errorSchema = {
  type: 'object',
  title: 'JsonRpcError',
  description: 'A JSON-RPC 2.0 error.',
  properties: {
    jsonrpc: { type: 'string', enum: ['2.0'] },
    id: { type: ['string', 'integer', 'null'] },
    error: {
      type: 'object',
      properties: { code: { type: 'integer' }, message: { type: 'string' }, data: {} },
      required: ['code', 'message'],
      additionalProperties: false,
    },
  },
  required: ['jsonrpc', 'error'],
  additionalProperties: false,
} as const;

/** The route of the MCP server; none without its service. */
export function mcpRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { mcp } = context.services;
  if (mcp === undefined) return [];
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
      schema: { body: messageSchema, response: { 200: messageSchema, 202: { type: 'null' } } },
      docs: {
        content: {
          200: {
            'application/json': messageSchema,
            'text/event-stream': {
              type: 'string',
              description: 'The messages that belong to the request, and the answer at the end.',
            },
          },
          400: { 'application/json': errorSchema },
          404: { 'application/json': errorSchema },
        },
        descriptions: {
          400: 'The message is not one of the protocol.',
          404: 'The protocol has no such method.',
          200: 'The answer, or the messages that belong to the request and the answer as a stream.',
          202: 'The notification was accepted.',
        },
        errors: ['too_many_connections', 'shutting_down'],
      },
      handler: async (request, reply) => {
        if (acceptsEventStream(request.headers.accept)) requireRoomForStream(request, context);
        const service = await mcp();
        const answer = await service.answer({
          ...callerOf(request),
          headers: protocolHeaders(request),
          body: request.body,
          requestId: request.id,
          hop: factsOf(request).hop,
          signal: abortSignalOf(reply, context.shutdown),
        });
        const type = answer.headers.get('content-type');
        if (type?.startsWith('text/event-stream') && answer.body !== null) {
          await sendStream(answer.body, request, reply, context);
          return reply;
        }
        reply.code(answer.status);
        if (type !== null) reply.type(type);
        return reply.send(await answer.text());
      },
    },
  ];
}

/** Copies the messages to the client, at its pace. */
async function sendStream(
  body: ReadableStream<Uint8Array>,
  request: FastifyRequest,
  reply: FastifyReply,
  context: HttpContext,
): Promise<void> {
  const stream = openEventStream(request, reply, context);
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  stream.signal.addEventListener('abort', () => void reader.cancel().catch(() => undefined), { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || !stream.isOpen) break;
      if (!stream.sendFrames(value)) await stream.drained();
    }
  } catch (error) {
    context.logger.error({ err: error, requestId: request.id }, 'An MCP stream failed');
  }
  stream.close();
}

/** The headers that the protocol reads. The API key is not among them. */
function protocolHeaders({ headers }: FastifyRequest): Headers {
  const kept = new Headers();
  for (const [name, value] of Object.entries(headers))
    if (
      typeof value === 'string' &&
      (name.startsWith('mcp-') || name === 'accept' || name === 'content-type')
    )
      kept.set(name, value);
  return kept;
}
