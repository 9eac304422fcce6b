// The route `POST /api/prompt`, which starts a run for a prompt. `onPrompt` of the host application answers if it is set, otherwise
// the built-in agent.

import type { FastifyRequest } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import { isBlank } from '../../base/text.ts';
import type { HttpContext } from '../context.ts';
import { eventStreamSchema } from '../docs/stream-schemas.ts';
import type { PromptInput } from '../prompt/prompt-delegated.ts';
import { answerDelegated } from '../prompt/prompt-delegated.ts';
import { answerByRun } from '../prompt/prompt-run.ts';
import { noWebhooks } from '../prompt/prompt-webhook.ts';
import { runErrors, startErrors } from '../prompt/run-errors.ts';
import type { RouteDefinition } from '../route.ts';
import { promptResultSchema, queuedRunSchema, waitingRunSchema } from '../schemas.ts';
import { wantsEventStream } from '../streaming/sse-accept.ts';
import { runWebhookSchema } from '../webhook-schemas.ts';

/** Applies even with a larger `maxRequestSize`: a prompt is stored, logged and sent to webhooks. */
const maxPromptLength = 1_048_576;

const bodySchema = {
  type: 'object',
  title: 'PromptRequest',
  properties: {
    prompt: {
      type: 'string',
      minLength: 1,
      maxLength: maxPromptLength,
      description: 'The task for the agent. Must not be blank.',
    },
    sessionId: {
      type: 'string',
      minLength: 1,
      maxLength: 128,
      description: 'Continue this session. Default: a new one.',
    },
    options: {
      type: 'object',
      properties: {
        model: { type: 'string', minLength: 1, maxLength: 200 },
        maxSteps: {
          type: 'integer',
          minimum: 1,
          maximum: 1000,
          description: 'Maximum number of model calls.',
        },
        permissionMode: {
          type: 'string',
          enum: ['read-only', 'ask', 'auto-edit', 'full'],
          description: 'Default: the mode of the server. A more permissive mode requires the scope `tools`.',
        },
        timeoutMs: {
          type: 'integer',
          minimum: 1,
          maximum: 86_400_000,
          description: 'Milliseconds after which the run fails with `run_timeout`.',
        },
        system: {
          type: 'string',
          maxLength: maxPromptLength,
          description: 'Text to add to the system prompt.',
        },
        maxTokens: {
          type: 'integer',
          minimum: 1,
          description: 'Maximum number of input and output tokens of the run.',
        },
        maxCost: {
          type: 'number',
          exclusiveMinimum: 0,
          description: 'Maximum cost of the run in US dollars.',
        },
      },
      additionalProperties: false,
    },
    webhook: runWebhookSchema,
  },
  required: ['prompt'],
  additionalProperties: false,
} as const;

/** The route of prompts. */
export function promptRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { services, handlers } = context;
  return [
    {
      method: 'POST',
      path: '/api/prompt',
      operationId: 'prompt',
      summary: 'Send a prompt to the agent and wait for the answer, or stream its events.',
      description:
        'With `Accept: text/event-stream`, the answer is a stream of the events of the run, up to `run.complete`, `run.failed` or ' +
        '`run.cancelled`. With `Prefer: respond-async`, the answer is an immediate 202, and `Location` names the run. Otherwise the ' +
        'request waits for the result; if the run has to wait for a permission, the answer is a 202 with the permission. The run is ' +
        'cancelled if the client disconnects before the end. With `Prefer: respond-async` on a stream, it is not cancelled once it ' +
        'waits for a permission.',
      scope: 'prompt',
      idempotent: true,
      schema: {
        body: bodySchema,
        response: { 200: promptResultSchema, 202: { anyOf: [queuedRunSchema, waitingRunSchema] } },
      },
      docs: {
        content: {
          200: { 'application/json': promptResultSchema, 'text/event-stream': eventStreamSchema },
          202: {
            'application/json': {
              oneOf: [queuedRunSchema, waitingRunSchema],
              discriminator: {
                propertyName: 'status',
                mapping: {
                  queued: '#/components/schemas/QueuedRun',
                  waiting: '#/components/schemas/WaitingRun',
                },
              },
            },
          },
        },
        descriptions: {
          200: 'The answer. With `Accept: text/event-stream`, the events of the run as they happen.',
          202: 'The run continues: it was queued (`queued`), or a tool needs a permission (`waiting`).',
        },
        requestHeaders: ['Prefer'],
        responseHeaders: { 200: ['Location'], 202: ['Location', 'Preference-Applied'] },
        errors: ['handler_not_configured', 'too_many_run_webhooks', ...startErrors, ...runErrors],
      },
      handler: async (request, reply) => {
        const input = request.body as PromptInput;
        refuseBlank(input.prompt);
        const asStream = wantsEventStream(request);
        const { onPrompt } = handlers;
        if (onPrompt !== undefined) {
          if (input.webhook !== undefined) throw noWebhooks();
          const result = await answerDelegated(context, onPrompt, input, request, reply, asStream);
          return result === undefined ? reply : { status: 'completed', ...result };
        }
        if (services.runs === undefined) {
          throw new CodeBuddyError('handler_not_configured', 'The host application has not set onPrompt.');
        }
        const mode = asStream ? 'stream' : prefersAsync(request) ? 'leave' : 'wait';
        const keepWaiting = asStream && prefersAsync(request);
        const answer = await answerByRun(context, services.runs, input, request, reply, mode, {
          keepWaiting,
        });
        return answer ?? reply;
      },
    },
  ];
}

/** Models refuse blank messages. @throws CodeBuddyError `validation_failed` */
function refuseBlank(prompt: string): void {
  if (!isBlank(prompt)) return;
  const message = 'must not be blank';
  throw new CodeBuddyError('validation_failed', `prompt ${message}.`, {
    errors: [{ in: 'body', pointer: '/prompt', message }],
  });
}

/** True for `Prefer: respond-async` (RFC 7240 §4.1). */
function prefersAsync({ headers }: FastifyRequest): boolean {
  const { prefer } = headers;
  return typeof prefer === 'string' && /(?:^|[,;\s])respond-async(?:$|[,;\s])/i.test(prefer);
}
