// Translates anything thrown into a CodeBuddyError, and a CodeBuddyError into an RFC 9457 problem document. Only the
// table's texts and `detail` reach the client, never a stack, a path or a cause.

import type { FieldError } from '../../base/errors.ts';
import { CodeBuddyError, exhaustionOf, isProblemCode, problems } from '../../base/errors.ts';
import { fieldFaults, fieldName, type SchemaError } from '../../base/schema-errors.ts';

export const problemType = 'application/problem+json';

/**
 * The problem document of `error`, as JSON text. `error` repeats `detail` for clients of the first version of this API.
 */
export function problemBody(error: CodeBuddyError, requestId: string, traceId?: string): string {
  const { status, title } = problems[error.code];
  return JSON.stringify({
    type: `urn:codebuddy:problem:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    requestId,
    traceId,
    errors: error.errors,
    response: error.response,
    error: error.message,
  });
}

/** Errors that Fastify throws, by code. */
const fastifyCodes: Readonly<Record<string, () => CodeBuddyError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    new CodeBuddyError('body_too_large', 'The body is larger than maxRequestSize.'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new CodeBuddyError('unsupported_media_type', 'The body must be application/json in UTF-8.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new CodeBuddyError('invalid_body', 'The length of the body differs from Content-Length.'),
  FST_ERR_BAD_URL: () => new CodeBuddyError('invalid_url', 'The path is not correctly percent-encoded.'),
  FST_ERR_MAX_PARAM_LENGTH: () => new CodeBuddyError('uri_too_long', 'A segment of the path is too long.'),
  ECONNRESET: () => new CodeBuddyError('client_closed_request', 'The client disconnected.'),
};

/**
 * The problem for an error that a handler threw. Only a CodeBuddyError sets the status: the `status`, `code` or
 * `validation` of any other error may come from a service that the handler called.
 */
export function toHandlerProblem(thrown: unknown): CodeBuddyError {
  return asCodeBuddyError(thrown) ?? exhaustionOf(thrown) ?? internalError(thrown);
}

/** Also accepts an error of another copy of this package, whose class differs. */
function asCodeBuddyError(thrown: unknown): CodeBuddyError | undefined {
  if (thrown instanceof CodeBuddyError) return thrown;
  if (!(thrown instanceof Error) || thrown.name !== 'CodeBuddyError' || !('code' in thrown)) return undefined;
  const { code, message } = thrown;
  return isProblemCode(code) ? new CodeBuddyError(code, message, { cause: thrown }) : undefined;
}

/** The problem for anything that was thrown. The cause is kept for the log. */
export function toProblem(thrown: unknown): CodeBuddyError {
  if (thrown instanceof CodeBuddyError) return thrown;
  const exhausted = exhaustionOf(thrown);
  if (exhausted !== undefined) return exhausted;
  if (typeof thrown === 'object' && thrown !== null) {
    if ('validation' in thrown && Array.isArray(thrown.validation)) {
      const part = 'validationContext' in thrown ? String(thrown.validationContext) : 'body';
      return invalidFields(thrown.validation, part);
    }
    if ('code' in thrown && typeof thrown.code === 'string' && Object.hasOwn(fastifyCodes, thrown.code)) {
      return (fastifyCodes[thrown.code] as () => CodeBuddyError)();
    }
  }
  return internalError(thrown);
}

function internalError(cause: unknown): CodeBuddyError {
  return new CodeBuddyError('internal_error', 'Internal error; see the server log.', { cause });
}

const parts: Readonly<Record<string, FieldError['in']>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'header',
};

/** Fields named by one error, and by its `detail`. */
const maxErrors = 100;
const maxNamed = 3;

function invalidFields(found: readonly SchemaError[], part: string): CodeBuddyError {
  const where = parts[part] ?? 'body';
  const errors = fieldFaults(found)
    .slice(0, maxErrors)
    .map(({ pointer, message }): FieldError => ({ in: where, pointer, message }));
  const named = errors.slice(0, maxNamed).map(({ pointer, message }) => {
    const name = fieldName(pointer).slice(0, 200);
    return `${name === '' ? `The ${where}` : name} ${message.slice(0, 1000)}`;
  });
  const more = errors.length > maxNamed ? `; and ${errors.length - maxNamed} more` : '';
  const detail = named.length === 0 ? `The ${where} is invalid` : named.join('; ');
  return new CodeBuddyError('validation_failed', `${detail}${more}.`, { errors });
}
