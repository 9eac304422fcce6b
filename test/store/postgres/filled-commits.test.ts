// Results of deliveries share commits, because each commit has a fixed cost, and all nodes share one database server.

import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Write } from '../../../src/store/store.ts';
import { postgresUrl, startPostgres } from '../../postgres/postgres-url.ts';
import { openPostgres } from '../stores.ts';

/** The least time between two commits that have only writes that may wait. */
const fillMs = 50;

function state(n: number): Write {
  return { kind: 'putWebhookState', row: { webhookId: `w${n}`, state: '{}' } };
}

test('writes that may wait share commits while they keep coming', async () => {
  const url = await postgresUrl();
  const store = await openPostgres(url);
  const server = await startPostgres();
  const commits = async (): Promise<number> => {
    const rows = await server.query(
      'SELECT sum(number) AS made FROM commits',
      new URL(url).pathname.slice(1),
    );
    return Number(rows[0]?.made);
  };
  const before = await commits();
  const startedAt = performance.now();
  const writes: Promise<unknown>[] = [];
  for (let n = 0; n < 100; n++) {
    writes.push(store.write([state(n)], { maxDelayMs: 10 }));
    await pause(5);
  }
  await Promise.all(writes);
  // The first and the last one have no full interval. A timer may be a millisecond early.
  const most = (performance.now() - startedAt) / (fillMs - 1) + 2;
  expect((await commits()) - before).toBeLessThanOrEqual(most);
  expect((await store.listWebhookStates()).length).toBe(100);
});

test('many such writes do not wait, and other writes never do', async () => {
  const store = await openPostgres();
  // A write that waits for a timer is not committed.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldClearNativeTimers: true });
  onTestFinished(() => void vi.useRealTimers());
  const mayWait = { maxDelayMs: 10 };
  await store.write([state(0)]);
  await store.write(
    Array.from({ length: 200 }, (_, n) => state(n)),
    mayWait,
  );
  await store.write([state(1)]);
  let isWaiting = true;
  const waiting = store.write([state(2)], mayWait).finally(() => {
    isWaiting = false;
  });
  await store.listWebhookStates();
  expect(isWaiting).toBe(true);
  await vi.advanceTimersByTimeAsync(fillMs);
  await waiting;
});
