// Fills a store with one million pending deliveries, as after a night with the receiver down. The store writes them itself, a thousand at a time.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeId } from '../src/events/ids.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import type { Write } from '../src/store/store.ts';
import { payloadParts } from '../src/webhooks/payload.ts';

export interface BacklogOptions {
  readonly home: string;
  readonly webhookIds: readonly string[];
  readonly deliveries: number;
  readonly payloadText: string;
}

export async function makeBacklog({
  home,
  webhookIds,
  deliveries,
  payloadText,
}: BacklogOptions): Promise<void> {
  mkdirSync(join(home, 'api'), { recursive: true, mode: 0o700 });
  const store = await openSqliteStore({ path: join(home, 'api', 'codebuddy.db') });
  const events = Math.ceil(deliveries / webhookIds.length);
  const perWrite = Math.ceil(1000 / webhookIds.length);
  try {
    for (let made = 0; made < events; made += perWrite) {
      const writes = Array.from({ length: Math.min(perWrite, events - made) }, () =>
        makeEvent(webhookIds, payloadText),
      );
      await store.write(writes);
    }
  } finally {
    await store.close();
  }
}

function makeEvent(webhookIds: readonly string[], payloadText: string): Write {
  const now = Date.now();
  const event = {
    id: makeId('evt', now),
    type: 'tool.start',
    timestamp: now,
    sessionId: null,
    runId: null,
    data: JSON.stringify({ callId: 'call_1', tool: 'bash', params: { text: payloadText } }),
  };
  return {
    kind: 'appendEvent',
    event,
    outbox: {
      payload: payloadParts(event),
      hop: 0,
      createdAt: now,
      expiresAt: now + 96 * 3_600_000,
      deliveries: webhookIds.map((webhookId) => ({ id: makeId('dlv', now), webhookId })),
    },
  };
}
