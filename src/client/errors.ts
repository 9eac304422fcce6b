// The errors of the client: the server answered with an error, no server answered, or a tool needs a permission.

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
 *   if (!(error instanceof CodeBuddyApiError && error.code === 'run_not_found')) throw error;
 * }
 */
export class CodeBuddyApiError extends Error {
  override readonly name: string = 'CodeBuddyApiError';
  readonly status: number;
  /** The stable code of the problem. `unknown` if the answer is not from this API. */
  readonly code: string;
  /** The id of the request in the server's log. */
  readonly requestId: string | undefined;
  /** The invalid fields of a `validation_failed`. */
  readonly errors: NonNullable<Problem['errors']>;
  /** The last answer, with `output_invalid`. */
  readonly response: string | undefined;
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
    this.response = problem.response;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/**
 * Why no server answered:
 * - `not_running`: the config folder names no running server
 * - `unproven`: the program at the address is not the expected server, so no key was sent to it
 * - `refused`: nothing listens at the address
 * - `not_found`: the host name has no address
 * - `timeout`: nothing came within the time limit
 * - `closed`: the connection broke; the server may have received the request
 * - `unreachable`: anything else. Browsers give no reason, so a page gets this for every failure before the answer,
 *   except a timeout
 */
export type ConnectionFailure =
  | 'not_running'
  | 'unproven'
  | 'refused'
  | 'not_found'
  | 'timeout'
  | 'closed'
  | 'unreachable';

/** No server answered, or the connection broke. `reason` says why, and `cause` has the error of the platform. */
export class CodeBuddyConnectionError extends Error {
  override readonly name = 'CodeBuddyConnectionError';
  readonly reason: ConnectionFailure;

  constructor(reason: ConnectionFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
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

/**
 * The agent asks a question, and `onQuestion` gave no answer. The run keeps waiting: answer with `inbox.answer`, then
 * follow `runs.events(question.runId)`.
 */
export class QuestionRequiredError extends Error {
  override readonly name = 'QuestionRequiredError';
  readonly question: components['schemas']['Question'];

  constructor(question: components['schemas']['Question']) {
    super(
      `The agent asks: ${question.question} (${question.id}). Run ${question.runId} waits for the answer.`,
    );
    this.question = question;
  }
}
