// Answers the requests of `POST /mcp` with the SDK of the protocol, which speaks its revisions. The gate has checked
// host, origin and key before; the SDK checks none of them.

import { createMcpHandler } from '@modelcontextprotocol/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HttpContext } from '../http/context.ts';
import { callerOf } from '../http/pipeline/caller.ts';
import { abortSignalOf, factsOf } from '../http/pipeline/request-facts.ts';
import { openEventStream, requireRoomForStream } from '../http/streaming/sse.ts';
import { acceptsEventStream } from '../http/streaming/sse-accept.ts';
import { McpCaller } from './mcp-caller.ts';
import type { McpServices } from './mcp-services.ts';
import { createServerFactory } from './server-factory.ts';

/** Sends the answer of one request. */
export type McpAnswer = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

export interface McpAnswerOptions {
  readonly services: McpServices;
  /** How long a tool waits for a run, in ms. */
  readonly patienceMs: number;
}

/** Only the path matters: the messages have no URLs. */
const url = 'http://localhost/mcp';

/** Creates the function that answers requests. */
export function createMcpAnswer(context: HttpContext, { services, patienceMs }: McpAnswerOptions): McpAnswer {
  const { version, logger } = context;
  const factory = createServerFactory({
    services,
    patienceMs,
    version,
    onInternalError: (error, requestId) => logger.error({ err: error, requestId }, 'An MCP request failed'),
  });
  // The stream of the HTTP server sends its own heartbeats.
  const handler = createMcpHandler(factory, { keepAliveMs: 0 });

  return async (request, reply) => {
    if (acceptsEventStream(request.headers.accept)) requireRoomForStream(request, context);
    const signal = abortSignalOf(reply, context.shutdown);
    const { keyId, scopes, mayUseTools } = callerOf(request);
    const caller = new McpCaller({
      keyId,
      scopes,
      mayUseTools,
      requestId: request.id,
      hop: factsOf(request).hop,
      signal,
    });
    const response = await handler.fetch(
      new Request(url, { method: 'POST', headers: headersOf(request), signal }),
      {
        parsedBody: request.body,
        authInfo: { token: '', clientId: keyId ?? '', scopes: [...scopes], extra: { caller } },
      },
    );
    if (response.headers.get('content-type')?.startsWith('text/event-stream') && response.body !== null) {
      await sendStream(response.body, request, reply, context);
      return;
    }
    reply.code(response.status);
    const type = response.headers.get('content-type');
    if (type !== null) reply.type(type);
    await reply.send(await response.text());
  };
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

/** The headers that the protocol reads. The API key stays here. */
function headersOf({ headers }: FastifyRequest): Headers {
  const kept = new Headers();
  for (const [name, value] of Object.entries(headers))
    if (typeof value === 'string' && (/^mcp-/.test(name) || name === 'accept' || name === 'content-type'))
      kept.set(name, value);
  return kept;
}
