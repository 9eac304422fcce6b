// `POST /triggers/ID`: what senders such as GitHub call. It takes no API key: each trigger has a secret, with which the
// sender signs. Answers are short, because the senders' logs show them.

import { CodeBuddyError } from '../../base/errors.ts';
import { idParamsSchema } from '../../contract/page.ts';
import { triggerAnswerSchema } from '../../contract/trigger-call.ts';
import type { HttpContext } from '../context.ts';
import { storeErrors } from '../docs/route-docs.ts';
import { FailedTries } from '../pipeline/failed-tries.ts';
import { readBytes } from '../pipeline/receive-body.ts';
import { factsOf, type GatedRequest } from '../pipeline/request-facts.ts';
import type { RouteDefinition } from '../route.ts';

export function triggerCallRoutes({ services, limits }: HttpContext): readonly RouteDefinition[] {
  const { triggers } = services;
  if (triggers === undefined) return [];
  const failedTries = new FailedTries(limits.failedTriesPerMinute);

  function refused(error: unknown, id: string, { socket }: GatedRequest): unknown {
    const isWrong =
      error instanceof CodeBuddyError &&
      (error.code === 'unauthorized' || error.code === 'trigger_not_found');
    if (!isWrong) return error;
    const wait = failedTries.failed(socket.remoteAddress, id, Date.now());
    if (wait === 0) return error;
    return new CodeBuddyError('rate_limited', `Too many wrong signatures. Try again in ${wait} s.`, {
      headers: { 'Retry-After': String(wait) },
    });
  }

  return [
    {
      method: 'POST',
      path: '/triggers/:id',
      operationId: 'callTrigger',
      summary: 'Call a trigger: start a run, if the call matches its filter.',
      description:
        'For senders such as GitHub, which sign with the secret of the trigger. 202: a run was started; a repeated call gets the run of the first. 200: the call was ignored, and `reason` says why.',
      scope: 'open',
      isSigned: true,
      schema: {
        params: idParamsSchema,
        response: { 200: triggerAnswerSchema, 202: triggerAnswerSchema },
      },
      docs: {
        responseHeaders: { 202: ['Location'] },
        errors: [
          'unauthorized',
          'rate_limited',
          'trigger_not_found',
          'trigger_disabled',
          'trigger_refused',
          'trigger_limit_reached',
          'cost_limit_reached',
          'validation_failed',
          'model_not_found',
          'too_many_runs',
          'too_many_waiting_runs',
          ...storeErrors,
        ],
      },
      handler: async (request, reply) => {
        const facts = factsOf(request);
        const { id } = request.params as { id: string };
        try {
          const { status, body } = await triggers.receive(id, {
            headers: plainHeaders(facts),
            hop: facts.hop,
            readBody: () =>
              new Promise((resolve, reject) => {
                readBytes(facts, limits.maxRequestSize, (error, bytes) => {
                  if (error === undefined) resolve(bytes);
                  else reject(error);
                });
              }),
          });
          if (status === 202 && body.runId !== undefined)
            reply.header('Location', `/api/runs/${encodeURIComponent(body.runId)}`);
          return reply.code(status).send(body);
        } catch (error) {
          throw refused(error, id, facts);
        }
      },
    },
  ];
}

/** Node joins repeated headers with commas, except the one for cookies. */
function plainHeaders({ headers }: GatedRequest): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
