// The errors of the client.

import { isProblemCode, problems } from '../base/errors.ts';
import type { components } from './api-types.ts';

/** An RFC 9457 problem document. */
export type Problem = components['schemas']['Problem'];

/**
 * The server answered with an error (RFC 9457).
 *
 * @example
 * try {
 *   await client.runs.get(id);
 * } catch (error) {
 *   if (!(error instanceof ApiError && error.code === 'run_not_found')) throw error;
 * }
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** The stable code of the problem. `unknown` if the answer is not from this API. */
  readonly code: string;
  /** The id of the request in the server's log. */
  readonly requestId: string | undefined;
  /** The invalid fields of a `validation_failed`. */
  readonly errors: NonNullable<Problem['errors']>;
  /** Seconds to wait before the next attempt, if the server says so. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: number,
    problem: Partial<Problem>,
    retryAfterSeconds?: number,
    options?: { cause?: unknown },
  ) {
    super(problem.detail ?? `The server answered with status ${status}.`, options);
    this.status = status;
    this.code = problem.code ?? 'unknown';
    this.requestId = problem.requestId;
    this.errors = problem.errors ?? [];
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The error of a failed or cancelled run, with the code and status that the answer to its prompt would have. */
export function runError(
  type: 'run.failed' | 'run.cancelled',
  data: Readonly<Record<string, unknown>>,
): ApiError {
  // For a run that was interrupted by a stop of the server, the answer is `shutting_down`.
  const given =
    type === 'run.cancelled' ? 'run_cancelled' : data.interrupted === true ? 'shutting_down' : data.code;
  const code = isProblemCode(given) ? given : 'internal_error';
  const { status, title } = problems[code];
  const detail = String(data.message ?? data.reason ?? title);
  return new ApiError(status, { code, detail, title, status });
}

/**
 * A tool needs a permission, and `onPermission` gave no decision. The run keeps waiting: decide with
 * `permissions.decide`, then follow `runs.events(permission.runId)`.
 */
export class PermissionRequiredError extends Error {
  override readonly name = 'PermissionRequiredError';
  readonly permission: components['schemas']['Permission'];

  constructor(permission: components['schemas']['Permission']) {
    super(
      `The tool "${permission.tool}" needs a permission (${permission.id}). Run ${permission.runId} waits for it.`,
    );
    this.permission = permission;
  }
}

/** No server answers at the URL, or no server is running. */
export class ServerUnreachableError extends Error {
  override readonly name = 'ServerUnreachableError';
}
