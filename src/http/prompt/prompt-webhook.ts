// The `webhook` option of POST /api/prompt: a webhook for one run. It is created before the run's first event, and
// removed if the run does not start.

import { CodeBuddyError } from '../../base/errors.ts';
import { makeId } from '../../base/ids.ts';
import type { RunWebhook } from '../../contract/webhook-input.ts';
import type { HttpContext } from '../context.ts';
import type { RunService, StartedRun } from '../services.ts';

/**
 * Starts a run whose events go to `webhook`.
 * @throws CodeBuddyError `validation_failed`, and the errors of `runs.start`
 */
export async function startWithWebhook(
  context: HttpContext,
  runs: RunService,
  start: Parameters<RunService['start']>[0],
  webhook: RunWebhook,
): Promise<StartedRun> {
  const { webhooks } = context.services;
  if (webhooks === undefined) throw noWebhooks();
  const runId = makeId('run');
  try {
    await webhooks.createForRun(runId, webhook);
  } catch (error) {
    throw underWebhook(error);
  }
  try {
    return await runs.start({ ...start, runId });
  } catch (error) {
    await webhooks.dropForRun(runId).catch((err: unknown) => {
      // The client gets the reason why its run did not start, not this error.
      context.logger.error({ err, runId }, 'Failed to remove the webhook of a run that did not start');
    });
    throw error;
  }
}

/** The error for a prompt with a webhook on a server without webhooks for its runs. */
export function noWebhooks(): CodeBuddyError {
  return new CodeBuddyError(
    'handler_not_configured',
    'This server does not support webhooks for single runs. Remove webhook from the prompt.',
  );
}

/** The webhook engine reports `/url`; in the body of the prompt that is `/webhook/url`. */
function underWebhook(error: unknown): unknown {
  if (!(error instanceof CodeBuddyError) || error.errors === undefined) return error;
  return new CodeBuddyError(error.code, error.message, {
    cause: error,
    errors: error.errors.map((field) =>
      field.in === 'body' ? { ...field, pointer: `/webhook${field.pointer}` } : field,
    ),
    ...(error.headers === undefined ? {} : { headers: error.headers }),
  });
}
