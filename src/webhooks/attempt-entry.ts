// One attempt as JSON text, as the history stores it.

import type { Redactor } from '../base/redaction.ts';
import type { TransportResult } from './transport-result.ts';
import type { Verdict } from './verdict.ts';

export interface AttemptOptions {
  /** From 1. */
  readonly number: number;
  /** When the request was started, by the wall clock, in Unix ms. */
  readonly sentAt: number;
  readonly verdict: Verdict;
  readonly result: TransportResult;
  /** A receiver may echo the request: the webhook's own secrets must not be kept. */
  readonly redactor: Redactor;
}

export function attemptEntry({ number, sentAt, verdict, result, redactor }: AttemptOptions): string {
  const isAnswer = result.kind === 'answer';
  const location = verdict.outcome === 'redirect_refused' && isAnswer ? result.headers.location : undefined;
  return JSON.stringify({
    number,
    at: new Date(sentAt).toISOString(),
    durationMs: result.durationMs,
    outcome: verdict.outcome,
    statusCode: isAnswer ? result.statusCode : null,
    message: verdict.message === null ? null : redactor.redact(verdict.message),
    location: location ?? null,
    responseExcerpt: isAnswer && result.excerpt !== '' ? redactor.redact(result.excerpt) : null,
    counted: verdict.counts,
  });
}
