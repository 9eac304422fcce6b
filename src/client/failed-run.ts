// Makes the error of a run that has failed or was cancelled. Loaded at the first one.

import { CodeBuddyRunError } from './run-error.ts';
import type { StreamEvent } from './stream-event.ts';

/**
 * The HTTP statuses of the codes that a run can end with. The table of all problems is too large for a page;
 * test/client/run-errors.test.ts compares them.
 */
export const runErrorStatuses: Readonly<Record<string, number>> = {
  cost_limit_reached: 402,
  permission_denied: 403,
  outside_workspace: 403,
  file_not_found: 404,
  tool_not_found: 404,
  run_cancelled: 409,
  context_too_long: 422,
  model_not_found: 422,
  not_supported_by_agent: 422,
  output_invalid: 422,
  tool_failed: 422,
  model_rate_limited: 429,
  agent_auth_required: 502,
  agent_did_not_ask: 502,
  agent_unavailable: 502,
  model_auth_failed: 502,
  model_bad_response: 502,
  model_refused: 502,
  model_unavailable: 502,
  node_unavailable: 503,
  resources_exhausted: 503,
  sandbox_unavailable: 503,
  shutting_down: 503,
  storage_unavailable: 503,
  agent_timeout: 504,
  model_timeout: 504,
  run_timeout: 504,
  unanswered: 504,
  storage_full: 507,
};

export function toRunError(
  event: StreamEvent & { readonly type: 'run.failed' | 'run.cancelled' },
): CodeBuddyRunError {
  const [code, detail] =
    event.type === 'run.cancelled'
      ? ['run_cancelled', event.data.reason]
      : // For a run that was interrupted by a stop of the server, the answer is `shutting_down`.
        [event.data.interrupted === true ? 'shutting_down' : event.data.code, event.data.message];
  const response = event.type === 'run.failed' ? event.data.response : undefined;
  const problem = { code, detail, ...(response === undefined ? {} : { response }) };
  return new CodeBuddyRunError(runErrorStatuses[code] ?? 500, problem, event);
}
