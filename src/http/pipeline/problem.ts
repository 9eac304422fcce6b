// Errors on the wire: RFC 9457 problem documents. Whatever was thrown becomes a CodeBuddyError of the table; only what is in
// the table and in `detail` leaves the process, never a stack, a path or a cause.

import type { FieldError } from '../../base/errors.ts';
import { CodeBuddyError, exhaustionOf, isProblemCode, problems } from '../../base/errors.ts';
import { escapePointer } from '../../base/json-pointer.ts';

export const problemType = 'application/problem+json';

/** The problem document of `error`, as JSON text. `error` repeats `detail` for clients of the first version of this API. */
export function problemBody(error: CodeBuddyError, requestId: string): string {
  const { status, title } = problems[error.code];
  return JSON.stringify({
    type: `urn:codebuddy:problem:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    requestId,
    errors: error.errors,
    error: error.message,
  });
}

/** What Fastify throws, in our words. */
const fastifyCodes: Readonly<Record<string, () => CodeBuddyError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    new CodeBuddyError('body_too_large', 'The body is over the limit of this server'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new CodeBuddyError('unsupported_media_type', 'The body must be application/json in UTF-8'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new CodeBuddyError('invalid_body', 'The body is not as long as Content-Length says'),
  FST_ERR_BAD_URL: () => new CodeBuddyError('invalid_url', 'The path is not properly percent-encoded'),
  FST_ERR_MAX_PARAM_LENGTH: () => new CodeBuddyError('uri_too_long', 'A part of the path is too long'),
  ECONNRESET: () => new CodeBuddyError('client_closed_request', 'The client went away'),
};

/**
 * What a handler threw, as the problem that the client sees. Only a CodeBuddyError says its status: a `status`, a `code` or a list of
 * misfits on another error may be that of a server which the handler has asked.
 */
export function toHandlerProblem(thrown: unknown): CodeBuddyError {
  return asCodeBuddyError(thrown) ?? exhaustionOf(thrown) ?? internalError(thrown);
}

/** Also one of another copy of this package, whose class is not ours. */
function asCodeBuddyError(thrown: unknown): CodeBuddyError | undefined {
  if (thrown instanceof CodeBuddyError) return thrown;
  if (!(thrown instanceof Error) || thrown.name !== 'CodeBuddyError' || !('code' in thrown)) return undefined;
  const { code, message } = thrown;
  return isProblemCode(code) ? new CodeBuddyError(code, message, { cause: thrown }) : undefined;
}

/** Whatever was thrown, as the problem that the client sees; the cause is kept for the log. */
export function toProblem(thrown: unknown): CodeBuddyError {
  if (thrown instanceof CodeBuddyError) return thrown;
  const exhausted = exhaustionOf(thrown);
  if (exhausted !== undefined) return exhausted;
  if (typeof thrown === 'object' && thrown !== null) {
    if ('validation' in thrown && Array.isArray(thrown.validation)) {
      const part = 'validationContext' in thrown ? String(thrown.validationContext) : 'body';
      return misfit(thrown.validation, part);
    }
    if ('code' in thrown && typeof thrown.code === 'string' && Object.hasOwn(fastifyCodes, thrown.code)) {
      return (fastifyCodes[thrown.code] as () => CodeBuddyError)();
    }
  }
  return internalError(thrown);
}

function internalError(cause: unknown): CodeBuddyError {
  return new CodeBuddyError(
    'internal_error',
    'Something went wrong here; the log has more under the request id',
    { cause },
  );
}

const parts: Readonly<Record<string, FieldError['in']>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'header',
};

/** The part of an Ajv error that we read. */
interface Misfit {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** More would help nobody. */
const maxErrors = 100;

function misfit(found: readonly Misfit[], part: string): CodeBuddyError {
  const where = parts[part] ?? 'body';
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const one of found) {
    const error = { in: where, pointer: pointerOf(one), message: messageOf(one) };
    const key = `${error.pointer}\n${error.message}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (errors.push(error) === maxErrors) break;
  }
  const fields = errors
    .slice(0, 3)
    .map(({ pointer, message }) => `${pointer.slice(0, 200) || 'it'} ${message.slice(0, 1000)}`);
  const more = errors.length > 3 ? ` and ${errors.length - 3} more` : '';
  return new CodeBuddyError('validation_failed', `The ${where} does not fit: ${fields.join('; ')}${more}`, {
    errors,
  });
}

function pointerOf({ instancePath, keyword, params }: Misfit): string {
  const child =
    keyword === 'required'
      ? params.missingProperty
      : keyword === 'additionalProperties'
        ? params.additionalProperty
        : undefined;
  return typeof child === 'string' ? `${instancePath}/${escapePointer(child)}` : instancePath;
}

function messageOf({ keyword, message, params }: Misfit): string {
  if (keyword === 'required') return 'is required';
  if (keyword === 'additionalProperties') return 'is not known here';
  if (keyword === 'enum' && Array.isArray(params.allowedValues)) {
    return `must be one of ${params.allowedValues.map((value) => JSON.stringify(value)).join(', ')}`;
  }
  return message ?? 'does not fit';
}
