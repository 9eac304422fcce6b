// Judges a provider's failure: the problem for the client, whether another model may succeed, and when to retry.

import { CodeBuddyError, type ProblemCode } from '../../base/errors.ts';
import { parseRetryAfter } from '../../base/retry-after.ts';
import { sendable, shorten } from '../../base/text.ts';
import { isContextOverflow } from './context-overflow.ts';
import { refusesImages } from './model-abilities.ts';
import { type ErrorFacts, isErrorNamed, readError } from './read-error.ts';

export interface ModelFailure {
  readonly problem: CodeBuddyError;
  /** Overload or outage: the same request may succeed later, or with another model. */
  readonly isTemporary: boolean;
  /** The request was sent and took too long: the same model must not be called again at once. */
  readonly isTimeout: boolean;
  /** The wait that the provider asked for. */
  readonly retryAfterMs: number | undefined;
}

/** The model was silent for too long. */
export class ModelSilence extends Error {
  override readonly name = 'ModelSilence';
}

/** The answer is longer than the server accepts. */
export class OverlongAnswer extends Error {
  override readonly name = 'OverlongAnswer';
}

/** The stream ended before the answer, or was invalid. */
export class BrokenStream extends Error {
  override readonly name = 'BrokenStream';
}

/** The answer ended because the conversation fills the context window. */
export class WindowFull extends Error {
  override readonly name = 'WindowFull';
}

/** A web page came instead of a model's answer. */
export class WebPage extends Error {
  override readonly name = 'WebPage';
  readonly status: number;

  constructor(status: number) {
    super(`a web page (${status})`);
    this.status = status;
  }
}

/** With other statuses, the page may come from a proxy in front of the model server. */
function isOfWrongUrl(status: number): boolean {
  return status < 500 && ![401, 403, 407, 408, 429].includes(status);
}

/** Errors inside a stream have no status: the status that an error of this kind would have. */
const statusOfCode: readonly (readonly [pattern: RegExp, status: number])[] = [
  [/overloaded|unavailable|server_error|api_error|internal|timeout|network/i, 503], // Anthropic: "Errors"; OpenAI: "Streaming events"
  [/rate_limit|resource_exhausted|too_many_requests/i, 429],
  [/authentication|invalid_api_key|unauthorized/i, 401],
  [/permission|forbidden/i, 403],
  [/not_found/i, 404],
  [/invalid|bad_request|content_policy|content_filter|failed_precondition/i, 400],
];

/** OpenAI, 429 (anomalyco/opencode error.ts); DeepSeek, OpenRouter ("Error Codes"). A retry would fail too. */
const noMoney = /insufficient_quota|insufficient_balance|billing_hard_limit|credits?_exhausted/i;
/** 403 is also moderation (OpenRouter, "Errors and Debugging"); OpenAI and Azure: BerriAI/litellm. */
const refusedContent = /content_policy|content_filter|responsibleaipolicyviolation|moderation|flagged/i;

/** `redact` removes secrets from the provider's message. */
export function judgeModelError(
  error: unknown,
  model: string,
  redact: (text: string) => string,
): ModelFailure {
  if (error instanceof CodeBuddyError)
    return { problem: error, isTemporary: false, isTimeout: false, retryAfterMs: undefined };
  const provider = model.split('/')[0] ?? model;
  const facts = readError(error);
  const said = saidBy(facts?.sentence ?? (error instanceof Error ? error.message : ''), redact);
  const fail = (code: ProblemCode, detail: string, isTemporary: boolean): ModelFailure => ({
    problem: new CodeBuddyError(code, detail, { cause: error }),
    isTemporary,
    isTimeout: false,
    retryAfterMs: undefined,
  });
  const webPage = (status: number | undefined): ModelFailure =>
    fail(
      'model_bad_response',
      `${provider} answered with a web page${status === undefined ? '' : ` (${status})`} instead of a model's answer: the base URL is probably wrong.`,
      false,
    );
  const tooLong = (): ModelFailure =>
    fail('context_too_long', `The conversation exceeds the context window of ${model}${said}.`, false);
  if (error instanceof ModelSilence)
    return { ...fail('model_timeout', `${model} ${error.message}.`, true), isTimeout: true };
  if (error instanceof WebPage) return webPage(error.status);
  if (error instanceof OverlongAnswer) return fail('model_bad_response', `${model} ${error.message}.`, false);
  if (error instanceof BrokenStream) return fail('model_unavailable', `${model}: ${error.message}.`, true);
  if (error instanceof WindowFull) return tooLong();
  if (facts === undefined) {
    return isErrorNamed(error, 'AI_TypeValidationError', 'AI_JSONParseError', 'AI_InvalidResponseDataError')
      ? fail('model_bad_response', `${model} sent an invalid answer${said}.`, true)
      : fail('model_unavailable', `${model} cannot be reached${said}.`, true);
  }
  if (isContextOverflow(facts)) return tooLong();
  if (facts.isWebPage && (facts.status === undefined || isOfWrongUrl(facts.status)))
    return webPage(facts.status);
  const status = statusIn(facts);
  const kind = facts.codes.join(' ');
  if (status === 402 || noMoney.test(kind))
    return fail('model_refused', `${provider} requires payment${said}.`, false);
  if ((status === 400 || status === 403) && refusedContent.test(`${kind} ${facts.text}`))
    return fail('model_refused', `${provider} refused the content of the request (${status})${said}.`, false);
  if (status === undefined) {
    return facts.isInStream
      ? fail('model_unavailable', `${provider} broke off its answer${said}.`, true)
      : fail('model_unavailable', `${model} cannot be reached${said}.`, true);
  }
  if (status === 401 || status === 403) {
    return fail('model_auth_failed', `${provider} rejected the API key (${status}).`, false);
  }
  if (status === 429) {
    const retryAfterMs = retryAfterOf(facts.headers) ?? facts.retryDelayMs;
    const seconds = String(Math.ceil((retryAfterMs ?? 10_000) / 1000));
    const problem = new CodeBuddyError('model_rate_limited', `${provider}: rate limit exceeded${said}.`, {
      cause: error,
      headers: { 'Retry-After': seconds },
    });
    // A daily quota is not restored soon, even if the error names a short delay (diegosouzapw/OmniRoute#9504).
    return { problem, isTemporary: !/perday/i.test(kind), isTimeout: false, retryAfterMs };
  }
  if (
    (status === 400 || status === 404 || status === 415 || status === 422 || status === 500) &&
    refusesImages(facts.text)
  )
    return fail('model_cannot_see', `${model} takes no images${said}.`, false);
  if (status === 404) return fail('model_not_found', `${provider} does not know ${model}${said}.`, false);
  if (status === 408 || status >= 500) {
    const failure = fail('model_unavailable', `${provider} failed (${status})${said}.`, true);
    const isTimeout = status === 408 || status === 504 || status === 524;
    return { ...failure, isTimeout, retryAfterMs: retryAfterOf(facts.headers) };
  }
  return fail('model_refused', `${provider} refused the request (${status})${said}.`, false);
}

/** Undefined for an error inside a stream without a known kind. */
function statusIn({ status, isInStream, codes }: ErrorFacts): number | undefined {
  if (status !== undefined && status >= 400 && !isInStream) return status;
  const kind = codes.join(' ');
  const told = statusOfCode.find(([pattern]) => pattern.test(kind))?.[1];
  return told ?? (status !== undefined && status >= 400 ? status : undefined);
}

/** The provider's message, without anything that looks like a key. */
function saidBy(text: string, redact: (text: string) => string): string {
  // Before it is cut: half a secret would not be recognized.
  const line = redact(sendable(text))
    .replaceAll(/\b(?:sk|xai|pk|key|AIza)[-_A-Za-z0-9*]{8,}/g, '[key]')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replace(/\.$/, '');
  return line === '' ? '' : `: ${shorten(line, 300)}`;
}

/**
 * The wait that a provider asks for, in ms, up to an hour. `retry-after-ms` (OpenAI, Azure) is more exact than
 * `retry-after`.
 */
function retryAfterOf(headers: Readonly<Record<string, string>>): number | undefined {
  const exact = headers['retry-after-ms'];
  const ms =
    exact !== undefined && /^\d{1,9}(?:\.\d+)?$/.test(exact)
      ? Number(exact)
      : parseRetryAfter(headers['retry-after'], Date.now());
  return ms === undefined ? undefined : Math.min(ms, 3_600_000);
}
