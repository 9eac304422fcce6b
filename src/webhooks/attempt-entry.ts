// One attempt as JSON text, as the history stores it.

import type { Redactor } from '../base/redaction.ts';
import type { ReceiverHeaders, TransportResult } from './transport-result.ts';
import type { Verdict } from './verdict.ts';

export interface AttemptOptions {
  /** From 1. */
  readonly number: number;
  /** When the request was started, by the wall clock, in Unix ms. */
  readonly sentAt: number;
  readonly verdict: Verdict;
  readonly result: TransportResult;
  /** The header `webhook-signature`; undefined if the request was not signed. */
  readonly signature: string | undefined;
  /** The header `traceparent`; undefined if the delivery belongs to no trace. */
  readonly traceparent?: string | undefined;
  /** A receiver may echo the request: the webhook's own secrets must not be kept. */
  readonly redactor: Redactor;
}

export function attemptEntry({
  number,
  sentAt,
  verdict,
  result,
  signature,
  traceparent,
  redactor,
}: AttemptOptions): string {
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
    // Successes are many, and their headers explain nothing.
    ...(isAnswer && verdict.outcome !== 'success'
      ? { responseHeaders: responseHeaders(result.headers, redactor) }
      : {}),
    ...(signature === undefined ? {} : { signature }),
    ...(traceparent === undefined ? {} : { traceparent }),
    counted: verdict.counts,
  });
}

const headerNames = [
  ['date', 'date'],
  ['retry-after', 'retryAfter'],
  ['webhook-delivery', 'deliveryControl'],
  ['location', 'location'],
] as const;

function responseHeaders(headers: ReceiverHeaders, redactor: Redactor): Readonly<Record<string, string>> {
  const entries = headerNames.flatMap(([name, field]) => {
    const value = headers[field];
    return value === undefined ? [] : [[name, redactor.redact(value)] as const];
  });
  return Object.fromEntries(entries);
}
