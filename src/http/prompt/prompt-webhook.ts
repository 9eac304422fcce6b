// `webhook` of POST /api/prompt: a webhook for one run. It is there before the run's first event, and gone if the run does not
// start after all.

import { CodeBuddyError } from '../../base/errors.ts';
import type { RunWebhook } from '../../contract/webhook-input.ts';
import { makeId } from '../../events/ids.ts';
import type { HttpContext } from '../context.ts';
import type { RunService, StartedRun } from '../services.ts';

/** Starts a run whose events go to `webhook`. @throws CodeBuddyError `validation_failed`, and those of `runs.start` */
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
      // The client must hear why its run did not start, not of this.
      context.logger.error({ err, runId }, 'The webhook of a run that did not start could not be removed');
    });
    throw error;
  }
}

/** Said where a prompt names a webhook, but its events do not pass through this server. */
export function noWebhooks(): CodeBuddyError {
  return new CodeBuddyError(
    'handler_not_configured',
    'The prompt names a webhook, but this server has no webhooks for the runs it answers',
  );
}

/** The engine says `/url`; in this body it stands at `/webhook/url`. */
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
