// Builds the bytes of a payload from a stored event, around the sequence number that only the commit knows. They are
// built once: every attempt sends the bytes that are stored.

import { eventHead } from '../events/stored-event.ts';
import { type PayloadParts, payloadTail } from '../store/delivery-store.ts';
import type { EventRow } from '../store/store.ts';

export type PayloadEvent = Pick<EventRow, 'id' | 'type' | 'timestamp' | 'sessionId' | 'data'>;

/** Standard Webhooks asks for small payloads, and receivers' frameworks refuse large ones. */
export const maxPayloadBytes = 256 * 1024;
const sequenceDigits = 16;

/**
 * The payload is `{id, type, event, timestamp, sessionId?, sequence, data}`. Above `maxBytes` (default 256 KiB) `data`
 * is `{truncated: true, href}`; the whole event can be read at `href`.
 */
export function payloadParts(event: PayloadEvent, maxBytes: number = maxPayloadBytes): PayloadParts {
  const head = `${eventHead(event)},"sequence":`;
  return isWithin(head, event.data, maxBytes)
    ? { head, tail: null }
    : { head, tail: `,"data":{"truncated":true,"href":"/api/events/${event.id}"}}` };
}

/** The bytes as the store writes them. */
export function payloadBytes({ head, tail }: PayloadParts, { sequence, data }: EventRow): Uint8Array {
  return Buffer.from(`${head}${sequence}${tail ?? payloadTail(data)}`);
}

function isWithin(head: string, data: string, maxBytes: number): boolean {
  const more = sequenceDigits + payloadTail('').length;
  const units = head.length + data.length + more;
  // A UTF-16 unit takes one to three bytes in UTF-8, so the length usually decides.
  if (units > maxBytes) return false;
  if (units * 3 <= maxBytes) return true;
  return Buffer.byteLength(head) + Buffer.byteLength(data) + more <= maxBytes;
}
