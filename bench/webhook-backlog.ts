// Fills a store with one million pending deliveries, as after a night with the receiver down. The store writes them
// itself, a thousand at a time.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeId } from '../src/base/ids.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import type { Write } from '../src/store/store.ts';
import { payloadParts } from '../src/webhooks/payload.ts';
import { lifetimeMs } from '../src/webhooks/retry-policy.ts';
import { newEvent } from './webhook-event.ts';

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
  const event = newEvent(payloadText);
  const now = event.timestamp;
  return {
    kind: 'appendEvent',
    event,
    outbox: {
      payload: payloadParts(event),
      hop: 0,
      createdAt: now,
      expiresAt: now + lifetimeMs,
      deliveries: webhookIds.map((webhookId) => ({ id: makeId('dlv', now), webhookId })),
    },
  };
}
