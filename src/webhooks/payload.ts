// Builds the bytes of a payload from a stored event, around the sequence number that only the commit knows. They are
// built once: every attempt sends the bytes that are stored.

import type { PayloadParts } from '../store/delivery-store.ts';

export interface PayloadEvent {
  readonly id: string;
  readonly type: string;
  /** Unix ms. */
  readonly timestamp: number;
  readonly sessionId: string | null;
  /** JSON text. */
  readonly data: string;
}

/** Standard Webhooks asks for small payloads, and receivers' frameworks refuse large ones. */
const maxPayloadBytes = 256 * 1024;
const sequenceDigits = 16;

/**
 * `head`, the sequence and `tail` are `{id, type, event, timestamp, sessionId?, sequence, data}`. Above `maxBytes`
 * (default 256 KiB) `data` is `{truncated: true, href}`; the whole event can be read at `href`.
 */
export function payloadParts(event: PayloadEvent, maxBytes: number = maxPayloadBytes): PayloadParts {
  const { id, type, timestamp, sessionId, data } = event;
  const session = sessionId === null ? '' : `"sessionId":${JSON.stringify(sessionId)},`;
  // Ids and types need no escaping: they consist of letters, digits, dots and underscores.
  const head = `{"id":"${id}","type":"${type}","event":"${type}","timestamp":"${new Date(timestamp).toISOString()}",${session}"sequence":`;
  const tail = `,"data":${data}}`;
  if (isWithin(head, tail, maxBytes)) return { head, tail };
  return { head, tail: `,"data":{"truncated":true,"href":"/api/events/${id}"}}` };
}

function isWithin(head: string, tail: string, maxBytes: number): boolean {
  const units = head.length + sequenceDigits + tail.length;
  // A UTF-16 unit takes one to three bytes in UTF-8, so the length usually decides.
  if (units > maxBytes) return false;
  if (units * 3 <= maxBytes) return true;
  return Buffer.byteLength(head) + sequenceDigits + Buffer.byteLength(tail) <= maxBytes;
}
