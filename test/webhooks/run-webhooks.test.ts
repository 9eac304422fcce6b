// The limit on webhooks of runs.

import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createEventLog } from '../../src/events/log.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { openWebhookEngine } from '../../src/webhooks/engine.ts';
import { temporaryHome } from './start-webhooks.ts';

test('webhooks of runs are limited, also if they are created at the same time', async () => {
  const home = temporaryHome();
  const store = await openSqliteStore({ path: join(home, 'codebuddy.db') });
  const log = createEventLog({ store });
  const engine = await openWebhookEngine({
    store,
    log,
    registryPath: join(home, 'webhooks.json'),
    maxRunWebhooks: 2,
  });
  onTestFinished(async () => {
    await engine.close(0);
    await log.close();
    await store.close();
  });
  const input = { url: 'http://127.0.0.1:4999/' };
  const made = await Promise.allSettled(
    [1, 2, 3, 4].map((number) => engine.createForRun(`run_${number}`, input)),
  );
  expect(made.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
  expect(made.at(-1)).toMatchObject({
    reason: { code: 'too_many_run_webhooks', status: 429, headers: { 'Retry-After': '60' } },
  });
  await engine.dropForRun('run_1');
  await engine.createForRun('run_5', input);
  await expect(engine.createForRun('run_6', input)).rejects.toMatchObject({ code: 'too_many_run_webhooks' });
});
