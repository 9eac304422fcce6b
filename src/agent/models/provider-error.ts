// What a provider's failure means: a problem that a client understands, whether another model may do better, and when to try again.

import { CodeBuddyError, type ProblemCode } from '../../errors.ts';

export interface ModelFailure {
  readonly problem: CodeBuddyError;
  /** Overload or outage: the same request may work later, or with another model. */
  readonly isTemporary: boolean;
  /** What the provider asked for. */
  readonly retryAfterMs: number | undefined;
}

/** The model said nothing for too long. */
export class ModelSilence extends Error {
  override readonly name = 'ModelSilence';
}

/** The answer is longer than the server holds. */
export class OverlongAnswer extends Error {
  override readonly name = 'OverlongAnswer';
}

/** The stream ended before the model did, or made no sense. */
export class BrokenStream extends Error {
  override readonly name = 'BrokenStream';
}

interface ApiCallFacts {
  readonly statusCode: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** `redact` takes secrets out of what the provider says. */
export function judgeModelError(
  error: unknown,
  model: string,
  redact: (text: string) => string,
): ModelFailure {
  if (error instanceof CodeBuddyError) return { problem: error, isTemporary: false, retryAfterMs: undefined };
  const provider = model.split('/')[0] ?? model;
  const said = saidBy(error, redact);
  const fail = (code: ProblemCode, detail: string, isTemporary: boolean): ModelFailure => ({
    problem: new CodeBuddyError(code, detail, { cause: error }),
    isTemporary,
    retryAfterMs: undefined,
  });
  if (error instanceof ModelSilence) return fail('model_timeout', `${model} ${error.message}.`, true);
  if (error instanceof OverlongAnswer) return fail('model_bad_response', `${model} ${error.message}.`, false);
  if (error instanceof BrokenStream) return fail('model_unavailable', `${model}: ${error.message}.`, true);

  const facts = apiCallFacts(error);
  const status = facts?.statusCode;
  if (facts === undefined || status === undefined) {
    const kind = isErrorNamed(
      error,
      'AI_TypeValidationError',
      'AI_JSONParseError',
      'AI_InvalidResponseDataError',
    )
      ? 'model_bad_response'
      : 'model_unavailable';
    const what = kind === 'model_bad_response' ? 'answered what makes no sense' : 'cannot be reached';
    return fail(kind, `${model} ${what}${said}.`, true);
  }
  // The head was fine, what followed was not.
  if (status < 400) return fail('model_unavailable', `${provider} broke off its answer${said}.`, true);
  const isTooLong = /context.{0,20}(?:length|window)|too long|too many tokens|maximum.{0,20}tokens/i;
  if (status === 401 || status === 403) {
    return fail('model_auth_failed', `${provider} refused our API key (${status}).`, false);
  }
  if (status === 429) {
    const retryAfterMs = retryAfter(facts.headers);
    const seconds = String(Math.ceil((retryAfterMs ?? 10_000) / 1000));
    const problem = new CodeBuddyError(
      'model_rate_limited',
      `${provider} has had too many requests of ours${said}.`,
      { cause: error, headers: { 'Retry-After': seconds } },
    );
    return { problem, isTemporary: true, retryAfterMs };
  }
  if (status === 404) return fail('model_not_found', `${provider} does not know ${model}${said}.`, false);
  if ((status === 400 || status === 413 || status === 422) && isTooLong.test(facts.body))
    return fail('context_too_long', `The conversation is longer than ${model} can read.`, false);
  if (status === 408 || status >= 500) {
    const failure = fail('model_unavailable', `${provider} failed (${status})${said}.`, true);
    return { ...failure, retryAfterMs: retryAfter(facts.headers) };
  }
  return fail('model_refused', `${provider} refused the request (${status})${said}.`, false);
}

/** Of any version of the provider packages: told by its name, not by its class. */
function apiCallFacts(error: unknown): ApiCallFacts | undefined {
  if (!isErrorNamed(error, 'AI_APICallError', 'AI_StreamProviderError')) return undefined;
  const { statusCode, responseHeaders, responseBody } = error as {
    statusCode?: unknown;
    responseHeaders?: unknown;
    responseBody?: unknown;
  };
  return {
    statusCode: typeof statusCode === 'number' ? statusCode : undefined,
    headers:
      typeof responseHeaders === 'object' && responseHeaders !== null
        ? (responseHeaders as Record<string, string>)
        : {},
    body: `${error.message} ${typeof responseBody === 'string' ? responseBody : ''}`,
  };
}

function isErrorNamed(error: unknown, ...names: readonly string[]): error is Error {
  return error instanceof Error && names.includes(error.name);
}

/** The provider's own words, without what looks like a key. */
function saidBy(error: unknown, redact: (text: string) => string): string {
  const text =
    error instanceof Error
      ? error.message
      : typeof error === 'object' && error !== null && 'message' in error
        ? String(error.message)
        : typeof error === 'string'
          ? error
          : '';
  // Before it is cut: half a secret would not be known as one.
  const line = redact(text)
    .replaceAll(/\b(?:sk|xai|pk|key|AIza)[-_A-Za-z0-9*]{8,}/g, '[key]')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replace(/\.$/, '');
  return line === '' ? '' : `: ${line.length > 300 ? `${line.slice(0, 299)}…` : line}`;
}

/** RFC 9110 §10.2.3, and the milliseconds that some providers add. */
function retryAfter(headers: Readonly<Record<string, string>>): number | undefined {
  const exact = Number(headers['retry-after-ms']);
  if (headers['retry-after-ms'] !== undefined && Number.isFinite(exact) && exact >= 0) return exact;
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  const seconds = Number(value);
  const ms =
    value.trim() !== '' && Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) && ms >= 0 ? Math.min(ms, 3_600_000) : undefined;
}
