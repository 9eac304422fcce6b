// Shows the request of one attempt. Its body is stored as it was sent, and its headers follow from the delivery and the
// attempt. The secret may have changed since, so a header that was made with it is shown only if it can be made again.

import { CodeBuddyError } from '../base/errors.ts';
import { parseTraceContext, unpackTraceContext } from '../base/trace-context.ts';
import type { DeliveryAttempt, DeliveryRequest } from '../contract/delivery.ts';
import type { DeliveryWithAttempts } from '../store/delivery-store.ts';
import { maskHeaders } from './header-rules.ts';
import type { Lane } from './lane.ts';
import { requestHeaders, signatureIn } from './request-headers.ts';

export interface DeliveryRequestOptions {
  readonly row: DeliveryWithAttempts;
  /** Undefined if the webhook was removed. */
  readonly lane: Lane | undefined;
  readonly payload: Uint8Array | undefined;
  /** The number of the attempt. @default the last one */
  readonly attempt: number | undefined;
}

/** Made with the secret, like `webhook-signature`, but not stored. */
const legacySignatures = ['X-Webhook-Signature', 'X-Webhook-Signature-Previous'];

/** @throws CodeBuddyError `validation_failed` naming /attempt */
export function deliveryRequest({
  row,
  lane,
  payload,
  attempt: number,
}: DeliveryRequestOptions): DeliveryRequest {
  const attempts: readonly DeliveryAttempt[] = JSON.parse(row.attemptLog);
  const attempt = number === undefined ? attempts.at(-1) : attempts.find((one) => one.number === number);
  if (attempt === undefined && number !== undefined) throw noSuchAttempt(number, attempts.length);
  const request = {
    attempt: attempt?.number ?? 0,
    method: 'POST' as const,
    url: lane?.config.url ?? null,
    body: payload === undefined ? null : Buffer.from(payload).toString('utf8'),
  };
  if (lane === undefined || payload === undefined || attempt === undefined)
    return { ...request, headers: {}, signedWith: 'unknown' };

  const sentAt = Date.parse(attempt.at);
  const { traceparent = '' } = attempt;
  const trace = parseTraceContext(traceparent, unpackTraceContext(row.trace ?? '')?.state);
  const again = requestHeaders(lane, { ...row, tries: attempt.number - 1 }, payload, { wall: sentAt, trace });
  const { signature = null } = attempt;
  const isSame = signature !== null && signatureIn(again) === signature;
  const own = maskHeaders(lane.config.headers);
  const headers: Record<string, string> = {};
  for (let i = 0; i < again.length; i += 2) {
    const name = again[i] as string;
    if (name === 'webhook-signature') {
      if (signature !== null) headers[name] = signature;
    } else if (isSame || !legacySignatures.includes(name))
      headers[name] = own[name] ?? (again[i + 1] as string);
  }
  if (signature !== null) headers['webhook-signature'] ??= signature;
  // Only the owner of the webhook knows the secrets of a rotation.
  const signedWith = isSame ? 'current_secret' : lane.isShadow ? 'unknown' : 'another_secret';
  return { ...request, headers, signedWith: signature === null ? 'nothing' : signedWith };
}

function noSuchAttempt(number: number, count: number): CodeBuddyError {
  const message = `must be the number of an attempt; of the ${count} attempts, none has the number ${number}`;
  return new CodeBuddyError('validation_failed', `attempt ${message}`, {
    errors: [{ in: 'query', pointer: '/attempt', message }],
  });
}
