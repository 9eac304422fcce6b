// Tools: what there are, and running one without an agent in between. A host's handlers come before the built-in tools.

import type { FastifyReply } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import { pageQueryProperties, pageSchema } from '../../contract/page.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import type { ToolDescription } from '../../contract/tool.ts';
import { toolSchema } from '../../contract/tool.ts';
import { ApiReply } from '../api-reply.ts';
import type { HttpContext } from '../context.ts';
import type { ToolContext } from '../handlers.ts';
import { listOfHost, wrongReturn } from '../host-fault.ts';
import { toHandlerProblem } from '../pipeline/problem.ts';
import { abortSignalOf, factsOf } from '../pipeline/request-facts.ts';
import type { RouteDefinition } from '../route.ts';
import { pageOfList } from './page-of-list.ts';

const querySchema = { type: 'object', properties: pageQueryProperties, additionalProperties: false } as const;
const paramsSchema = {
  type: 'object',
  properties: { tool: { type: 'string', minLength: 1, maxLength: 128 } },
  required: ['tool'],
  additionalProperties: false,
} as const;

export function toolRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { services, handlers } = context;

  async function allTools(): Promise<readonly ToolDescription[]> {
    if (handlers.onListTools !== undefined) return listOfHost('onListTools', handlers.onListTools);
    // A host that runs tools itself but does not list them: the built-in ones are not what it runs.
    if (handlers.onToolExecute !== undefined) return [];
    if (services.tools !== undefined) return services.tools.list();
    throw new CodeBuddyError(
      'handler_not_configured',
      'The host has set neither onListTools nor onToolExecute',
    );
  }

  return [
    {
      method: 'GET',
      path: '/api/tools',
      operationId: 'listTools',
      summary: 'The tools, with the JSON Schema of their parameters',
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
      summary: 'Runs a tool; the body is its parameters',
      description:
        'Nobody is asked. A deny rule, or the mode `read-only` of the server for a tool that may change something, refuses it: 403 `permission_denied`.',
      scope: 'tools',
      schema: {
        params: paramsSchema,
        body: { type: 'object', description: 'The parameters of the tool.', additionalProperties: true },
        response: {
          200: {
            type: 'object',
            title: 'ToolResult',
            properties: { result: { description: 'What the tool gave back.' } },
            required: ['result'],
            additionalProperties: false,
          },
        },
      },
      docs: {
        errors: [
          'tool_not_found',
          'tool_failed',
          'permission_denied',
          'outside_workspace',
          'file_not_found',
          'handler_not_configured',
          'storage_unavailable',
          'storage_full',
        ],
      },
      // Not async, so that a handler that answers at once is answered at once.
      handler: (request, reply) => {
        const { tool } = request.params as SchemaType<typeof paramsSchema>;
        const params = request.body as Record<string, unknown>;
        const call = new ToolCall(request.id, factsOf(request).hop, reply);
        if (handlers.onToolExecute !== undefined)
          return runOfHost(() => handlers.onToolExecute?.(tool, params, call));
        if (services.tools === undefined)
          throw new CodeBuddyError('handler_not_configured', 'The host has not set onToolExecute');
        return services.tools.execute(tool, params, call).then(toAnswer);
      },
    },
  ];
}

/** A handler that answers at once is answered at once. */
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

/** JSON has no undefined. */
function toAnswer(result: unknown): { readonly result: unknown } {
  return { result: result ?? null };
}

/** What a tool is told; its signal is made only if it asks. */
class ToolCall implements ToolContext {
  readonly requestId: string;
  readonly hop: number;
  private readonly reply: FastifyReply;
  private made: AbortSignal | undefined;

  constructor(requestId: string, hop: number, reply: FastifyReply) {
    this.requestId = requestId;
    this.hop = hop;
    this.reply = reply;
  }

  get signal(): AbortSignal {
    this.made ??= abortSignalOf(this.reply);
    return this.made;
  }
}
