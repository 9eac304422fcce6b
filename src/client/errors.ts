// What can go wrong for a client: the server said no, or there is no server.

import { isProblemCode, problems } from '../base/errors.ts';
import type { components } from './api-types.ts';

export type Problem = components['schemas']['Problem'];

/** The server answered with an error (RFC 9457). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** Stable word; branch on it. `unknown` if something else than this API answered. */
  readonly code: string;
  readonly requestId: string | undefined;
  /** Every field that did not fit. */
  readonly errors: NonNullable<Problem['errors']>;
  /** Seconds to wait, where the server said so. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: number,
    problem: Partial<Problem>,
    retryAfterSeconds?: number,
    options?: { cause?: unknown },
  ) {
    super(problem.detail ?? `the server answered with status ${status}`, options);
    this.status = status;
    this.code = problem.code ?? 'unknown';
    this.requestId = problem.requestId;
    this.errors = problem.errors ?? [];
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** What a run ended with, as the answer to its prompt would have told it: the same code, the same status. */
export function runError(
  type: 'run.failed' | 'run.cancelled',
  data: Readonly<Record<string, unknown>>,
): ApiError {
  // A run that a stop of the server cut off; who waits for the answer is told `shutting_down`.
  const told =
    type === 'run.cancelled' ? 'run_cancelled' : data.interrupted === true ? 'shutting_down' : data.code;
  const code = isProblemCode(told) ? told : 'internal_error';
  const { status, title } = problems[code];
  const detail = String(data.message ?? data.reason ?? title);
  return new ApiError(status, { code, detail, title, status });
}

/** A tool waits for a permission, and nobody here gives it. The run waits on: decide, then follow `runs.events(runId)`. */
export class PermissionRequiredError extends Error {
  override readonly name = 'PermissionRequiredError';
  readonly permission: components['schemas']['Permission'];

  constructor(permission: components['schemas']['Permission']) {
    super(
      `${permission.tool} needs a permission (${permission.id}); the run ${permission.runId} waits for it`,
    );
    this.permission = permission;
  }
}

/** No server answers at the URL, or none is known. */
export class ServerUnreachableError extends Error {
  override readonly name = 'ServerUnreachableError';
}
