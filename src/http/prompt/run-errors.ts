// What can go wrong when a run is started, and what may end it: the codes that /openapi.json names.

import type { ProblemCode } from '../../base/errors.ts';

export const startErrors = [
  'session_not_found',
  'cost_limit_reached',
  'model_not_found',
  'model_auth_failed',
  'too_many_runs',
  'too_many_waiting_runs',
  'storage_unavailable',
  'storage_full',
] as const satisfies readonly ProblemCode[];

/** Told to a client that waits for the answer. */
export const runErrors = [
  'run_cancelled',
  'run_timeout',
  'permission_denied',
  'outside_workspace',
  'file_not_found',
  'tool_not_found',
  'tool_failed',
  'context_too_long',
  'model_rate_limited',
  'model_refused',
  'model_unavailable',
  'model_bad_response',
  'model_timeout',
] as const satisfies readonly ProblemCode[];
