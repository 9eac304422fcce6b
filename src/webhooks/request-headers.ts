// Builds the headers of a delivery's request in their documented order: the sender's first, then the webhook's own.

import { type TraceContext, traceparentOf } from '../base/trace-context.ts';
import { version } from '../base/version.ts';
import type { DeliveryRow } from '../store/delivery-store.ts';
import type { Lane } from './lane.ts';

const userAgent = `CodeBuddy-Webhook/${version}`;

/**
 * Signs the request for `wall`, the wall clock in Unix ms. `trace`: the place of the request in its trace.
 *
 * @returns flat: name, value, name, value
 */
export function requestHeaders(
  lane: Lane,
  delivery: DeliveryRow,
  body: Uint8Array,
  { wall, trace }: { readonly wall: number; readonly trace?: TraceContext | undefined },
): string[] {
  const timestamp = Math.floor(wall / 1000);
  const headers = [
    'content-type',
    'application/json',
    'user-agent',
    userAgent,
    'accept-encoding',
    'identity',
    'webhook-id',
    delivery.eventId,
    'webhook-timestamp',
    String(timestamp),
    ...lane.signerAt(wall).sign(delivery.eventId, timestamp, body),
    'X-Webhook-Event',
    delivery.eventType,
    'X-Webhook-Attempt',
    String(delivery.tries + 1),
    'X-CodeBuddy-Hop',
    String(delivery.hop + 1),
  ];
  if (trace !== undefined) {
    headers.push('traceparent', traceparentOf(trace));
    if (trace.state !== '') headers.push('tracestate', trace.state);
  }
  for (const [name, value] of Object.entries(lane.config.headers)) headers.push(name, value);
  return headers;
}

/** The value of `webhook-signature`; undefined if the request is not signed. */
export function signatureIn(headers: readonly string[]): string | undefined {
  const at = headers.indexOf('webhook-signature');
  return at === -1 ? undefined : headers[at + 1];
}
