// The routes of messages besides prompts: to a working run, and to a session without a run.

import { CodeBuddyError } from '../../base/errors.ts';
import { messageSchema } from '../../contract/message.ts';
import { idParamsSchema } from '../../contract/page.ts';
import {
  type MessageInput,
  messageInputSchema,
  type SteerInput,
  steeredSchema,
  steerInputSchema,
} from '../../contract/steer.ts';
import type { HttpContext } from '../context.ts';
import { callerOf } from '../pipeline/caller.ts';
import { onlyChange } from '../pipeline/idempotency.ts';
import { factsOf } from '../pipeline/request-facts.ts';
import type { RouteDefinition } from '../route.ts';

/** The routes of messages besides prompts; none without the services that take them. */
export function steerRoutes({ services, handlers }: HttpContext): readonly RouteDefinition[] {
  const routes: RouteDefinition[] = [];
  const { runs, sessions } = services;
  if (runs?.steer !== undefined)
    routes.push({
      method: 'POST',
      path: '/api/runs/:id/steer',
      operationId: 'steerRun',
      summary: 'Send a message to a run that has not ended.',
      description:
        'The run sees the message before its next step. Several messages keep their order. If the model is giving its final answer, the ' +
        'run makes one more step. If a limit ends the run before, the next run of the session sees the message. Only the key that ' +
        'started the run, or one with the scope `tools`, may send messages to it.',
      scope: 'prompt',
      idempotent: true,
      schema: { params: idParamsSchema, body: steerInputSchema, response: { 202: steeredSchema } },
      docs: {
        descriptions: { 202: 'The message is stored and waits for the next step.' },
        errors: [
          'run_not_found',
          'run_ended',
          'step_mismatch',
          'not_supported_by_agent',
          'too_many_messages',
          'node_unavailable',
          'storage_unavailable',
          'storage_full',
        ],
      },
      handler: async (request, reply) => {
        const { id } = request.params as { id: string };
        const { keyId, mayUseTools } = callerOf(request);
        const steered = await onlyChange(request, async () =>
          runs.steer?.(id, {
            ...(request.body as SteerInput),
            hop: factsOf(request).hop,
            keyId,
            mayUseTools,
          }),
        );
        reply.code(202);
        return steered;
      },
    });
  if (sessions?.addMessage !== undefined)
    routes.push({
      method: 'POST',
      path: '/api/sessions/:id/messages',
      operationId: 'addSessionMessage',
      summary: 'Add a message to a session without starting a run.',
      description:
        'The next run of the session sees the message before its prompt. Several messages keep their order. The offline agent reads only ' +
        'prompts, so it does not use them.',
      scope: 'prompt',
      idempotent: true,
      schema: { params: idParamsSchema, body: messageInputSchema, response: { 201: messageSchema } },
      docs: {
        errors: [
          'session_not_found',
          'not_supported_by_agent',
          'handler_not_configured',
          'storage_unavailable',
          'storage_full',
        ],
      },
      handler: async (request, reply) => {
        if (handlers.onGetSessions !== undefined)
          throw new CodeBuddyError(
            'handler_not_configured',
            'The host application provides the sessions of this server; messages cannot be added to them.',
          );
        const { id } = request.params as { id: string };
        const { text } = request.body as MessageInput;
        const message = await onlyChange(request, async () =>
          sessions.addMessage?.(id, text, factsOf(request).hop),
        );
        reply.code(201);
        return message;
      },
    });
  return routes;
}
