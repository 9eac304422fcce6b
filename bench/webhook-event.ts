// The event that the webhook benchmarks store and send.

import { makeId } from '../src/base/ids.ts';
import type { EventRow } from '../src/store/store.ts';

/** An event as the store takes it. `payloadText` sets its size. */
export function newEvent(payloadText: string): Omit<EventRow, 'sequence'> {
  const now = Date.now();
  return {
    id: makeId('evt', now),
    type: 'tool.start',
    timestamp: now,
    sessionId: null,
    runId: null,
    data: JSON.stringify({ callId: 'call_1', tool: 'bash', params: { text: payloadText } }),
  };
}
