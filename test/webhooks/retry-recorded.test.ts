// A delivery whose failure the history shows can be retried at once.

import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { openWebhookEngine } from '../../src/webhooks/engine.ts';
import { startReceiver } from './recording-receiver.ts';
import { startEngineBench } from './start-engine.ts';

it('a failure that the history shows can be retried at once, even if the engine learns of its commit later', async () => {
  const { store, log } = await startEngineBench();
  const slow: typeof store = {
    ...store,
    async write(...given) {
      const sequences = await store.write(...given);
      await delay(50);
      return sequences;
    },
  };
  const engine = await openWebhookEngine({ store: slow, log });
  onTestFinished(() => engine.close(0));
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(500).end());
  await engine.create({ url: receiver.url, retryDelay: 3_600_000 });
  await log.append([{ type: 'error', data: { code: 'x', message: 'x' } }]);
  await expect.poll(async () => (await engine.listDeliveries({ limit: 1 })).items[0]?.attempts).toBe(1);
  const [failed] = (await engine.listDeliveries({ limit: 1 })).items;
  await engine.retry(failed?.id ?? '');
  await receiver.received(2);
});
