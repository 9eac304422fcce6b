// The error codes of starting a run and of a failed run, for /openapi.json.

import type { ProblemCode } from '../../base/errors.ts';

/** Errors of starting or resuming a run. */
export const startErrors = [
  'session_not_found',
  'session_agent_mismatch',
  'session_workspace_mismatch',
  'workspace_unavailable',
  'not_supported_by_agent',
  'agent_unavailable',
  'agent_auth_required',
  'file_too_large',
  'unsupported_file_type',
  'upload_not_found',
  'file_unreadable',
  'model_cannot_see',
  'uploads_full',
  'outside_workspace',
  'file_not_found',
  'permission_denied',
  'cost_limit_reached',
  'model_not_found',
  'model_auth_failed',
  'too_many_runs',
  'too_many_waiting_runs',
  'storage_unavailable',
  'storage_full',
] as const satisfies readonly ProblemCode[];

/** Errors that end a run. A client that waits for the answer gets them. */
export const runErrors = [
  'run_cancelled',
  'run_timeout',
  'unanswered',
  'permission_denied',
  'outside_workspace',
  'file_not_found',
  'tool_not_found',
  'tool_failed',
  'context_too_long',
  'output_invalid',
  'model_rate_limited',
  'model_refused',
  'model_unavailable',
  'model_bad_response',
  'model_timeout',
  'agent_did_not_ask',
  'agent_timeout',
] as const satisfies readonly ProblemCode[];
