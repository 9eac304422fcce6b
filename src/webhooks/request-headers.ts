// Builds the headers of a delivery's request in their documented order: the sender's first, then the webhook's own.

import { version } from '../base/version.ts';
import type { DeliveryRow } from '../store/delivery-store.ts';
import type { Lane } from './lane.ts';

const userAgent = `CodeBuddy-Webhook/${version}`;

/**
 * Signs the request for `wall`, the wall clock in Unix ms.
 *
 * @returns flat: name, value, name, value
 */
export function requestHeaders(lane: Lane, delivery: DeliveryRow, body: Uint8Array, wall: number): string[] {
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
  for (const [name, value] of Object.entries(lane.config.headers)) headers.push(name, value);
  return headers;
}

/** The value of `webhook-signature`; undefined if the request is not signed. */
export function signatureIn(headers: readonly string[]): string | undefined {
  const at = headers.indexOf('webhook-signature');
  return at === -1 ? undefined : headers[at + 1];
}
