// After any failure, a delivery's slot, its place in the queue and its right to be sent are returned.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { startReceiver } from './recording-receiver.ts';
import { ascending, sequencesOf } from './sequences.ts';
import { startEngineBench } from './start-engine.ts';
import { startWebhooks, temporaryHome, toolStart } from './start-webhooks.ts';

it('an ordered webhook keeps its order after it was made unordered and ordered again while busy', async () => {
  const receiver = await startReceiver();
  receiver.answer((_request, response) => setTimeout(() => response.end(), 5));
  const { webhooks } = startWebhooks();
  const id = await webhooks.register({ url: receiver.url, ordered: true, events: ['tool.*'] });
  const deliveries: string[] = [];
  for (let i = 0; i < 20; i++) {
    deliveries.push(...(await webhooks.emit('tool.start', toolStart(i))).deliveries);
    await webhooks.update(id, { ordered: i % 2 === 1 });
  }
  await webhooks.update(id, { ordered: true });
  await webhooks.settled(deliveries);
  const before = receiver.requests.length;
  const more = await Promise.all(
    Array.from({ length: 30 }, (_, i) => webhooks.emit('tool.start', toolStart(i))),
  );
  await webhooks.settled(more.flatMap((emitted) => emitted.deliveries));
  const sequences = sequencesOf(receiver.requests.slice(before));
  expect(sequences).toEqual(ascending(sequences));
  expect(await webhooks.get(id)).toMatchObject({ state: { inFlight: 0, pending: 0 } });
});

it('an error of the host application while an answer is handled loses no slot and no delivery', async () => {
  const receiver = await startReceiver();
  let faults = 0;
  const { webhooks, warnings } = startWebhooks({
    random() {
      if (faults++ === 0) throw new Error('no randomness left');
      return 0.5;
    },
  });
  const id = await webhooks.register({ url: receiver.url, ordered: true });
  const { deliveries } = await webhooks.emit('tool.start', toolStart());
  expect(await webhooks.settled(deliveries)).toMatchObject([{ status: 'success', attempts: 1 }]);
  const next = await webhooks.emit('tool.start', toolStart(2));
  expect(await webhooks.settled(next.deliveries)).toMatchObject([{ status: 'success' }]);
  expect(warnings.join()).toContain('no randomness left');
  expect(await webhooks.get(id)).toMatchObject({ state: { inFlight: 0 } });
});

it('a `warn` that rejects has no effect on deliveries', async () => {
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(410).end());
  const { webhooks } = startWebhooks({
    warn: (() => Promise.reject(new Error('the logger is closed'))) as unknown as () => void,
  });
  const gone = await webhooks.register({ url: receiver.url });
  await webhooks.emit('tool.start', toolStart());
  await expect.poll(async () => (await webhooks.get(gone))?.state.status).toBe('disabled');
});

it.each(['freshDeliveries', 'waitingDeliveries', 'write'])(
  'housekeeping loses no delivery when the store fails at %s',
  async (failing) => {
    const receiver = await startReceiver();
    let fails = 0;
    let isFailing = false;
    const { home, log, warnings, open } = await startEngineBench({
      fails(method) {
        if (!isFailing || method !== failing) return false;
        fails++;
        return true;
      },
    });
    const file = join(home, 'webhooks.json');
    const entry = { id: 'by-hand-1', url: receiver.url, events: ['tool.*'] };
    writeFileSync(file, JSON.stringify([{ ...entry, color: 'red' }]));
    const first = await open();
    for (let i = 0; i < 3; i++) await log.append([{ type: 'tool.start', data: toolStart(i) }]);
    await first.close(0);
    // So much later that waiting deliveries have expired.
    const later = 97 * 3_600_000;
    const second = await open({ clock: { wall: () => Date.now() + later } });
    isFailing = true;
    await expect.poll(() => fails).toBeGreaterThan(0);
    await expect.poll(() => warnings.join()).toContain('the disk fails');
    isFailing = false;
    writeFileSync(file, JSON.stringify([entry]));
    // Each gets one last attempt.
    await receiver.received(3);
    await expect.poll(async () => (await second.stats()).pending).toBe(0);
  },
);

it('a webhook sends again after an enable that failed in the store', async () => {
  const receiver = await startReceiver();
  let isFailing = false;
  const { log, open } = await startEngineBench({
    fails: (method) => isFailing && method === 'freshenWaiting',
  });
  const engine = await open();
  const { webhook } = await engine.create({ url: receiver.url, events: ['tool.*'] });
  await engine.update(webhook.id, { enabled: false });
  isFailing = true;
  await expect(engine.enable(webhook.id, {})).rejects.toThrow('the disk fails');
  isFailing = false;
  await log.append([{ type: 'tool.start', data: toolStart() }]);
  await receiver.received(1);
});

it('pending deliveries are read again after the store failed at the start', async () => {
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(500).end());
  let failsLeft = 0;
  const { log, open } = await startEngineBench({
    fails: (method) => method === 'freshPlaces' && failsLeft-- > 0,
  });
  const first = await open();
  await first.create({ id: 'ordered-one', url: receiver.url, events: ['tool.*'], ordered: true });
  for (let i = 0; i < 3; i++) await log.append([{ type: 'tool.start', data: toolStart(i) }]);
  await receiver.received(1);
  await first.close(0);
  failsLeft = 1;
  receiver.answer((_request, response) => response.end());
  const second = await open();
  await expect
    .poll(async () => (await second.listDeliveries({ limit: 10 })).items.map(({ status }) => status))
    .toEqual(['success', 'success', 'success']);
});

it('a damaged state of a webhook in the store does not prevent a start', async () => {
  const receiver = await startReceiver();
  const home = temporaryHome();
  const store = await openSqliteStore({ path: join(home, 'codebuddy.db') });
  await store.write([
    { kind: 'putWebhookState', row: { webhookId: 'by-hand-1', state: '{"half' } },
    { kind: 'putWebhookState', row: { webhookId: 'registry', state: '{"half' } },
    {
      kind: 'putRunWebhook',
      row: { webhookId: 'whk_of_a_run', runId: 'run_1', config: '{"half', createdAt: 1 },
    },
  ]);
  await store.close();
  writeFileSync(join(home, 'webhooks.json'), JSON.stringify([{ id: 'by-hand-1', url: receiver.url }]));
  const { webhooks } = startWebhooks({ home });
  const { deliveries } = await webhooks.emit('tool.start', toolStart());
  expect(await webhooks.settled(deliveries)).toMatchObject([{ status: 'success' }]);
});
