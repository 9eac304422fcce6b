// The route `POST /api/prompt`, which starts a run for a prompt. `onPrompt` of the host application answers if it is
// set, otherwise the built-in agent.

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
        'request waits for the result; if the run has to wait for a permission, an answer or a tool of the caller, the answer is a 202 with it. The run is ' +
        'cancelled if the client disconnects before the end. With `Prefer: respond-async` on a stream, it is not cancelled once it ' +
        'waits for a permission, and with `Prefer: detach` never: resume the stream at `Location` with `/events`. With both ' +
        '`Prefer: detach` and an `Idempotency-Key`, a repeated request is answered by a 202 with the run.',
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
          200: 'The answer. With `Accept: text/event-stream`, the events of the run as they happen.',
          202: 'The run continues: it was queued (`queued`), or it waits for a permission, an answer or a tool of the caller (`waiting`).',
        },
        requestHeaders: ['Prefer'],
        responseHeaders: { 200: ['Location', 'Preference-Applied'], 202: ['Location', 'Preference-Applied'] },
        errors: ['handler_not_configured', 'too_many_run_webhooks', ...startErrors, ...runErrors],
      },
      handler: async (request, reply) => {
        const input = request.body as PromptRequest;
        refuseBlank(input.prompt);
        const asStream = wantsEventStream(request);
        const { onPrompt } = handlers;
        if (onPrompt !== undefined) {
          if (input.webhook !== undefined) throw noWebhooks();
          if (input.parts !== undefined) throw noParts();
          if (input.tools !== undefined) throw noCallerTools();
          const result = await answerDelegated(context, onPrompt, input, request, reply, asStream);
          return result === undefined ? reply : { status: 'completed', ...result };
        }
        if (services.runs === undefined) {
          throw new CodeBuddyError('handler_not_configured', 'The host application has not set onPrompt.');
        }
        const isAsync = prefers(request, 'respond-async');
        const mode = asStream ? 'stream' : isAsync ? 'leave' : 'wait';
        const leaving = { detach: asStream && prefers(request, 'detach'), keepWaiting: asStream && isAsync };
        const answer = await answerByRun(context, services.runs, input, request, reply, mode, leaving);
        return answer ?? reply;
      },
    },
  ];
}

/** The host application's handler gets the text of the prompt only. */
function noParts(): CodeBuddyError {
  return new CodeBuddyError(
    'handler_not_configured',
    'This server does not support parts. Remove parts from the prompt.',
  );
}

/** A handler of the host application has no inbox. */
function noCallerTools(): CodeBuddyError {
  const message = 'must be left out: the host application answers prompts, and takes no tools of callers';
  return new CodeBuddyError('validation_failed', `tools ${message}.`, {
    errors: [{ in: 'body', pointer: '/tools', message }],
  });
}

/** Models refuse blank messages. @throws CodeBuddyError `validation_failed` */
function refuseBlank(prompt: string): void {
  if (!isBlank(prompt)) return;
  const message = 'must not be blank';
  throw new CodeBuddyError('validation_failed', `prompt ${message}.`, {
    errors: [{ in: 'body', pointer: '/prompt', message }],
  });
}

/** True if the header `Prefer` has this token (RFC 7240). */
function prefers({ headers }: FastifyRequest, token: 'respond-async' | 'detach'): boolean {
  const { prefer } = headers;
  return (
    typeof prefer === 'string' &&
    prefer
      .toLowerCase()
      .split(/[,;\s]+/)
      .includes(token)
  );
}
