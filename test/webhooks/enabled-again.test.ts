// A late answer to a request from before a webhook was enabled does not disable it again.

import { expect, it } from 'vitest';
import { waitFor } from '../wait-for.ts';
import { startReceiver } from './recording-receiver.ts';
import { startEngineBench } from './start-engine.ts';

it('a 410 to a request that began before the webhook was enabled does not disable it again', async () => {
  const { log, open } = await startEngineBench();
  const engine = await open();
  const receiver = await startReceiver();
  const held = receiver.hold();
  const { webhook } = await engine.create({ url: receiver.url, events: ['error'] });
  const error = { type: 'error', data: { code: 'x', message: 'x' } } as const;
  await log.append([error, error]);
  await waitFor('both requests', () => held.length === 2);
  held[0]?.writeHead(410).end();
  await waitFor('the webhook to be disabled', async () => (await engine.get(webhook.id))?.enabled === false);
  receiver.answer((_request, response) => response.end());
  await engine.enable(webhook.id, {});
  held[1]?.writeHead(410).end();
  await waitFor('both deliveries to end', async () =>
    (await engine.listDeliveries({ limit: 10 })).items.every(({ status }) => status === 'success'),
  );
  expect(await engine.get(webhook.id)).toMatchObject({ enabled: true });
  expect(await log.read({ types: ['webhook.disabled'], limit: 10 })).toHaveLength(1);
});
