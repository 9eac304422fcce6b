// `POST /api/prompt`: one prompt, one run. The host's onPrompt answers if it is set, else the built-in agent.

import type { FastifyRequest } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import { isBlank } from '../../base/text.ts';
import {
  completedPromptSchema,
  type PromptRequest,
  promptRequestSchema,
  queuedRunSchema,
  waitingRunSchema,
} from '../../contract/prompt.ts';
import type { HttpContext } from '../context.ts';
import { eventStreamSchema } from '../docs/stream-schemas.ts';
import { answerDelegated } from '../prompt/prompt-delegated.ts';
import { answerByRun } from '../prompt/prompt-run.ts';
import { noWebhooks } from '../prompt/prompt-webhook.ts';
import { runErrors, startErrors } from '../prompt/run-errors.ts';
import type { RouteDefinition } from '../route.ts';
import { wantsEventStream } from '../streaming/sse-accept.ts';

export function promptRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { services, handlers } = context;
  return [
    {
      method: 'POST',
      path: '/api/prompt',
      operationId: 'prompt',
      summary: 'Asks the agent, and answers when it is done; as a stream if Accept says text/event-stream',
      description:
        'With `Accept: text/event-stream` the events of the run as they happen, up to `run.complete`, `run.failed` or ' +
        '`run.cancelled`. With `Prefer: respond-async` 202 at once, and `Location` names the run. A plain request whose run ' +
        'comes to wait for a permission is answered 202 with the question. A client that goes away before the end gives ' +
        'its run up; with `Prefer: respond-async` on a stream, not once the run waits for a permission.',
      scope: 'prompt',
      idempotent: true,
      schema: {
        body: promptRequestSchema,
        response: { 200: completedPromptSchema, 202: { anyOf: [queuedRunSchema, waitingRunSchema] } },
      },
      docs: {
        content: {
          200: { 'application/json': completedPromptSchema, 'text/event-stream': eventStreamSchema },
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
          200: 'The answer; with `Accept: text/event-stream`, the events of the run as they happen.',
          202: 'The run goes on: it was left to itself (`queued`), or a tool waits for a person (`waiting`).',
        },
        requestHeaders: ['Prefer'],
        responseHeaders: { 200: ['Location'], 202: ['Location', 'Preference-Applied'] },
        errors: ['handler_not_configured', 'too_many_run_webhooks', ...startErrors, ...runErrors],
      },
      handler: async (request, reply) => {
        const input = request.body as PromptRequest;
        refuseBlank(input.prompt);
        const asStream = wantsEventStream(request);
        const { onPrompt } = handlers;
        if (onPrompt !== undefined) {
          if (input.webhook !== undefined) throw noWebhooks();
          const result = await answerDelegated(context, onPrompt, input, request, reply, asStream);
          return result === undefined ? reply : { status: 'completed', ...result };
        }
        if (services.runs === undefined) {
          throw new CodeBuddyError('handler_not_configured', 'The host has not set onPrompt');
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

/** @throws CodeBuddyError `validation_failed`: models refuse a message that shows nothing */
function refuseBlank(prompt: string): void {
  if (!isBlank(prompt)) return;
  const message = 'must hold more than white space';
  throw new CodeBuddyError('validation_failed', `prompt ${message}.`, {
    errors: [{ in: 'body', pointer: '/prompt', message }],
  });
}

/** RFC 7240 §4.1 */
function prefersAsync({ headers }: FastifyRequest): boolean {
  const { prefer } = headers;
  return typeof prefer === 'string' && /(?:^|[,;\s])respond-async(?:$|[,;\s])/i.test(prefer);
}
