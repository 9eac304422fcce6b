// The OpenAI-compatible routes below `/v1`. src/openai implements them; it is loaded at the first request.

import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  type ChatRequest,
  chatChunkSchema,
  chatCompletionSchema,
  chatRequestSchema,
} from '../../contract/openai-chat.ts';
import { openAiModelListSchema, openAiModelSchema } from '../../contract/openai-model.ts';
import {
  deletedResponseSchema,
  type ResponseRequest,
  responseEventSchema,
  responseInputItemsSchema,
  responseRequestSchema,
  responseSchema,
} from '../../contract/openai-response.ts';
import { idParamsSchema } from '../../contract/page.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import type { HttpContext } from '../context.ts';
import type { DoorAnswer, DoorCaller, DoorMessage } from '../openai-service.ts';
import { callerOf } from '../pipeline/caller.ts';
import { toHandlerProblem } from '../pipeline/problem.ts';
import { abortSignalOf, factsOf } from '../pipeline/request-facts.ts';
import { runErrors, startErrors } from '../prompt/run-errors.ts';
import type { RouteDefinition } from '../route.ts';
import { openEventStream, requireRoomForStream } from '../streaming/sse.ts';
import { frameEvent } from '../streaming/sse-frame.ts';

const modelParamsSchema = {
  type: 'object',
  properties: { id: { type: 'string', minLength: 1, maxLength: 256 } },
  required: ['id'],
  additionalProperties: false,
} as const;
const getQuerySchema = {
  type: 'object',
  properties: {
    stream: { type: 'boolean', enum: [false], description: 'Not supported: the answer is JSON.' },
  },
  additionalProperties: true,
} as const;

const answerErrors = ['unsupported_parameter', 'permission_required', ...startErrors, ...runErrors] as const;
const requestHeaders = ['X-CodeBuddy-Session', 'X-OpenWebUI-Chat-Id'] as const;
const responseHeaders = { 200: ['X-CodeBuddy-Session', 'X-CodeBuddy-Run'] } as const;
const storedErrors = ['run_not_found', 'storage_unavailable'] as const;

/** The OpenAI-compatible routes; none without their service. */
export function openAiRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { openai } = context.services;
  if (openai === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/v1/models',
      operationId: 'listOpenAiModels',
      summary: 'List the models in the form of the OpenAI API.',
      description:
        '`codebuddy` is the agent of the server with its model, `codebuddy/AGENT` another agent, `codebuddy/MODEL` the built-in agent with another model.',
      scope: 'prompt',
      schema: { response: { 200: openAiModelListSchema } },
      handler: async () => (await openai()).models(),
    },
    {
      method: 'GET',
      path: '/v1/models/:id',
      operationId: 'getOpenAiModel',
      summary: 'Get a model in the form of the OpenAI API.',
      description: 'A `/` of the id is written as `%2F`.',
      scope: 'prompt',
      schema: { params: modelParamsSchema, response: { 200: openAiModelSchema } },
      docs: { errors: ['model_not_found'] },
      handler: async (request) => {
        const { id } = request.params as SchemaType<typeof modelParamsSchema>;
        return (await openai()).model(id);
      },
    },
    {
      method: 'POST',
      path: '/v1/chat/completions',
      operationId: 'createChatCompletion',
      summary: 'Send a conversation to the agent, in the form of the OpenAI API.',
      description:
        'Starts a run for the last message of the user and answers with what the agent says. The run is cancelled if the client ' +
        'disconnects. With one of the session headers, the session has the earlier messages; without, those of the request are the ' +
        'conversation. Prompts for titles, tags and follow-up questions of chat clients are answered without a run.',
      scope: 'prompt',
      idempotent: true,
      schema: { body: chatRequestSchema, response: { 200: chatCompletionSchema } },
      docs: {
        content: {
          200: { 'application/json': chatCompletionSchema, 'text/event-stream': chatChunkSchema },
        },
        descriptions: { 200: 'The answer. With `"stream": true`, its chunks, and `[DONE]` at the end.' },
        requestHeaders,
        responseHeaders,
        errors: answerErrors,
      },
      handler: async (request, reply) => {
        const body = request.body as ChatRequest;
        const caller = prepare(request, reply, body.stream === true);
        return send(await (await openai()).chat(body, caller), request, reply);
      },
    },
    {
      method: 'POST',
      path: '/v1/responses',
      operationId: 'createResponse',
      summary: 'Send a prompt to the agent, in the form of the Responses API of OpenAI.',
      description:
        'Starts a run and answers with its response object. The run is cancelled if the client disconnects, except with ' +
        '`"background": true`, which answers at once. Tools that the agent ran are `mcp_call` items.',
      scope: 'prompt',
      idempotent: true,
      schema: { body: responseRequestSchema, response: { 200: responseSchema } },
      docs: {
        content: { 200: { 'application/json': responseSchema, 'text/event-stream': responseEventSchema } },
        descriptions: { 200: 'The response. With `"stream": true`, its events as they happen.' },
        requestHeaders,
        responseHeaders,
        errors: [...answerErrors, 'run_not_found'],
      },
      handler: async (request, reply) => {
        const body = request.body as ResponseRequest;
        const caller = prepare(request, reply, body.stream === true);
        return send(await (await openai()).respond(body, caller), request, reply);
      },
    },
    {
      method: 'GET',
      path: '/v1/responses/:id',
      operationId: 'getResponse',
      summary: 'Get a response.',
      description: 'The response of any run: its id is that of the run, with `resp_` for `run_`.',
      scope: 'prompt',
      schema: { params: idParamsSchema, querystring: getQuerySchema, response: { 200: responseSchema } },
      docs: { errors: storedErrors },
      handler: async (request) => (await openai()).response(idOf(request)),
    },
    {
      method: 'POST',
      path: '/v1/responses/:id/cancel',
      operationId: 'cancelResponse',
      summary: 'Cancel a response. One that has ended stays as it is.',
      scope: 'prompt',
      schema: { params: idParamsSchema, response: { 200: responseSchema } },
      docs: { errors: [...storedErrors, 'node_unavailable'] },
      handler: async (request) => (await openai()).cancel(idOf(request)),
    },
    {
      method: 'DELETE',
      path: '/v1/responses/:id',
      operationId: 'deleteResponse',
      summary: 'Delete a response with its session.',
      description: 'Refused if the session has other responses.',
      scope: 'prompt',
      schema: { params: idParamsSchema, response: { 200: deletedResponseSchema } },
      docs: { errors: [...storedErrors, 'session_busy', 'storage_full'] },
      handler: async (request) => {
        const id = await (await openai()).delete(idOf(request));
        return { id, object: 'response', deleted: true };
      },
    },
    {
      method: 'GET',
      path: '/v1/responses/:id/input_items',
      operationId: 'listResponseInputItems',
      summary: 'List the input of a response: its prompt.',
      scope: 'prompt',
      schema: { params: idParamsSchema, response: { 200: responseInputItemsSchema } },
      docs: { errors: storedErrors },
      handler: async (request) => (await openai()).inputItems(idOf(request)),
    },
  ];

  /** Before the run starts: a run whose answer cannot be received must not keep working. */
  function prepare(request: FastifyRequest, reply: FastifyReply, asStream: boolean): DoorCaller {
    if (asStream) requireRoomForStream(request, context);
    const { keyId, mayUseTools } = callerOf(request);
    const session = headerOf(request, 'x-codebuddy-session');
    const chat = headerOf(request, 'x-openwebui-chat-id');
    return {
      keyId,
      mayUseTools,
      requestId: request.id,
      hop: factsOf(request).hop,
      ...(session === undefined ? {} : { session }),
      ...(chat === undefined ? {} : { chat }),
      gone: goneSignal(reply),
      baseUrl: `http://${request.headers.host ?? ''}`,
    };
  }

  /** A stopping server closes connections too; then the client did not leave. */
  function goneSignal(reply: FastifyReply): AbortSignal {
    const closed = abortSignalOf(reply);
    const gone = new AbortController();
    const leave = (): void => {
      if (!context.shutdown.aborted) gone.abort(closed.reason);
    };
    if (closed.aborted) leave();
    else closed.addEventListener('abort', leave, { once: true });
    return gone.signal;
  }

  async function send(answer: DoorAnswer, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    reply.headers(answer.headers);
    if (answer.kind === 'body') return answer.body;
    const { failure, write } = answer;
    const stream = openEventStream(request, reply, context, {
      overflowMessage: (text) => ({ event: 'error', ...failure('overflow', text) }),
    });
    const frameOf = ({ event, data }: DoorMessage): string =>
      frameEvent({ event: event ?? '', data }, event !== undefined);
    try {
      await write({
        signal: stream.signal,
        async send(messages) {
          if (messages.length === 0) return;
          stream.sendFrames(messages.map(frameOf).join(''));
          // A reader that does not catch up is disconnected.
          if (stream.bufferedBytes > context.limits.streamBufferBytes) await stream.drained(catchUpMs);
        },
        comment: (text) => stream.comment(text),
        done: () => void stream.sendFrames('data: [DONE]\n\n'),
      });
    } catch (error) {
      const problem = toHandlerProblem(error);
      context.logger.error({ requestId: request.id, err: error }, 'a stream failed');
      stream.sendFrames(frameOf(failure(problem.code, problem.message)));
    }
    stream.close();
    return reply;
  }
}

/** How long a reader over its limit may take to catch up. */
const catchUpMs = 1000;

function idOf(request: FastifyRequest): string {
  return (request.params as SchemaType<typeof idParamsSchema>).id;
}

function headerOf({ headers }: FastifyRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : value?.join(', ');
}
