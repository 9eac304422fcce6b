// The routes of tools: list them, and run one directly, without the agent. Handlers of the host application take
// precedence over the built-in tools.

import type { FastifyReply } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import { pageQueryProperties, pageSchema } from '../../contract/page.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import type { ToolDescription } from '../../contract/tool.ts';
import { toolSchema } from '../../contract/tool.ts';
import { ApiReply } from '../api-reply.ts';
import { listFromHandler, wrongReturn } from '../call-handler.ts';
import type { HttpContext } from '../context.ts';
import type { ToolContext } from '../handlers.ts';
import { toHandlerProblem } from '../pipeline/problem.ts';
import { abortSignalOf, factsOf } from '../pipeline/request-facts.ts';
import type { RouteDefinition } from '../route.ts';
import { pageOfList } from './page-of-list.ts';

const querySchema = { type: 'object', properties: pageQueryProperties, additionalProperties: false } as const;
const runQuerySchema = {
  type: 'object',
  properties: {
    sessionId: {
      type: 'string',
      minLength: 1,
      maxLength: 128,
      description:
        "The session that the call belongs to: the tool runs in the workspace of that session, the files that it changes are among the changes of the session, and it may use the session's own tools. Default: the workspace of the server.",
    },
  },
  additionalProperties: false,
} as const;
const paramsSchema = {
  type: 'object',
  properties: { tool: { type: 'string', minLength: 1, maxLength: 128 } },
  required: ['tool'],
  additionalProperties: false,
} as const;

/** The routes of tools. */
export function toolRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { services, handlers } = context;

  async function allTools(): Promise<readonly ToolDescription[]> {
    if (handlers.onListTools !== undefined) return listFromHandler('onListTools', handlers.onListTools);
    // The host application runs tools itself but does not list them. It does not run the built-in ones.
    if (handlers.onToolExecute !== undefined) return [];
    if (services.tools !== undefined) return services.tools.list();
    throw new CodeBuddyError(
      'handler_not_configured',
      'The host application has set neither onListTools nor onToolExecute.',
    );
  }

  return [
    {
      method: 'GET',
      path: '/api/tools',
      operationId: 'listTools',
      summary: 'List tools with the JSON Schemas of their parameters.',
      scope: 'read',
      schema: { querystring: querySchema, response: { 200: pageSchema('tools', toolSchema) } },
      docs: { errors: ['handler_not_configured'] },
      handler: async (request) => {
        const page = pageOfList('tools', await allTools(), request.query as SchemaType<typeof querySchema>);
        return { tools: page.items, nextCursor: page.nextCursor };
      },
    },
    {
      method: 'POST',
      path: '/api/tools/:tool',
      operationId: 'runTool',
      summary: 'Run a tool. The body is its parameters.',
      description:
        'The tool runs without asking for permission. It is refused with 403 `permission_denied` by a deny rule, or if it may change something and the mode of the server is `read-only`.',
      scope: 'tools',
      schema: {
        params: paramsSchema,
        querystring: runQuerySchema,
        body: { type: 'object', description: 'The parameters of the tool.', additionalProperties: true },
        response: {
          200: {
            type: 'object',
            title: 'ToolResult',
            properties: { result: { description: 'The result of the tool.' } },
            required: ['result'],
            additionalProperties: false,
          },
        },
      },
      docs: {
        errors: [
          'tool_not_found',
          'session_not_found',
          'tool_failed',
          'workspace_unavailable',
          'permission_denied',
          'outside_workspace',
          'file_not_found',
          'handler_not_configured',
          'storage_unavailable',
          'storage_full',
        ],
      },
      // Not async: a synchronous handler needs no extra turn of the event loop.
      handler: (request, reply) => {
        const { tool } = request.params as SchemaType<typeof paramsSchema>;
        const params = request.body as Record<string, unknown>;
        const { sessionId } = request.query as SchemaType<typeof runQuerySchema>;
        const call = new ToolCall(request.id, factsOf(request).hop, reply, sessionId);
        if (handlers.onToolExecute !== undefined)
          return runOfHost(() => handlers.onToolExecute?.(tool, params, call));
        if (services.tools === undefined)
          throw new CodeBuddyError(
            'handler_not_configured',
            'The host application has not set onToolExecute.',
          );
        return services.tools.execute(tool, params, call).then(toAnswer);
      },
    },
  ];
}

/** Calls `onToolExecute`. A synchronous result stays synchronous. */
function runOfHost(execute: () => unknown): unknown {
  try {
    const result = execute();
    if (!isThenable(result)) return answerOfHost(result);
    return result.then(answerOfHost, (thrown: unknown) => {
      throw toHandlerProblem(thrown);
    });
  } catch (thrown) {
    throw toHandlerProblem(thrown);
  }
}

function answerOfHost(result: unknown): { readonly result: unknown } {
  if (result instanceof ApiReply) throw wrongReturn('onToolExecute', 'a value', result);
  return toAnswer(result);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** JSON has no `undefined`. */
function toAnswer(result: unknown): { readonly result: unknown } {
  return { result: result ?? null };
}

/** The context of a tool call. The signal is created only if the tool reads it. */
class ToolCall implements ToolContext {
  readonly requestId: string;
  readonly hop: number;
  readonly sessionId?: string;
  private readonly reply: FastifyReply;
  private made: AbortSignal | undefined;

  constructor(requestId: string, hop: number, reply: FastifyReply, sessionId: string | undefined) {
    this.requestId = requestId;
    this.hop = hop;
    this.reply = reply;
    if (sessionId !== undefined) this.sessionId = sessionId;
  }

  get signal(): AbortSignal {
    this.made ??= abortSignalOf(this.reply);
    return this.made;
  }
}
