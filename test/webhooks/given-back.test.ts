// What is taken is given back, whatever fails in between: slots, places in a queue, the right to send.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createEventLog } from '../../src/events/log.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { openWebhookEngine, type WebhookEngineOptions } from '../../src/webhooks/engine.ts';
import { startReceiver } from './recording-receiver.ts';
import { startWebhooks, temporaryHome, toolStart } from './start-webhooks.ts';

/** For a machine that is busy. */
const patient = { timeout: 15_000 };

function sequencesOf(requests: readonly { readonly body: Buffer }[]): number[] {
  return requests.map(({ body }) => (JSON.parse(body.toString()) as { sequence: number }).sequence);
}

it('an ordered webhook that is switched to unordered and back while it is busy goes on, in order', async () => {
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
  expect(sequences).toEqual([...sequences].sort((left, right) => left - right));
  expect(await webhooks.get(id)).toMatchObject({ state: { inFlight: 0, pending: 0 } });
});

it('a fault of the host while an answer is judged costs no slot and no delivery', async () => {
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

it('a `warn` that rejects later is as harmless as one that throws', async () => {
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(410).end());
  const { webhooks } = startWebhooks({
    warn: (() => Promise.reject(new Error('the logger is closed'))) as unknown as () => void,
  });
  const gone = await webhooks.register({ url: receiver.url });
  await webhooks.emit('tool.start', toolStart());
  await expect.poll(async () => (await webhooks.get(gone))?.state.status, patient).toBe('disabled');
});

/** An engine over a real store that fails where a test says. */
async function startOver(fail: (method: string) => boolean, options: Partial<WebhookEngineOptions> = {}) {
  const home = temporaryHome();
  const real = await openSqliteStore({ path: join(home, 'codebuddy.db') });
  const log = createEventLog({ store: real });
  const store = new Proxy(real, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) =>
        fail(String(name))
          ? Promise.reject(new Error(`the disk fails at ${String(name)}`))
          : Reflect.apply(value, target, given);
    },
  }) as Store;
  onTestFinished(async () => {
    await log.close();
    await real.close();
  });
  const warnings: string[] = [];
  const open = async (more: Partial<WebhookEngineOptions> = {}) => {
    const engine = await openWebhookEngine({
      store,
      log,
      registryPath: join(home, 'webhooks.json'),
      warn: (message, error) => warnings.push(error === undefined ? message : `${message}: ${String(error)}`),
      ...options,
      ...more,
    });
    onTestFinished(() => engine.close(0));
    return engine;
  };
  return { home, log, warnings, open };
}

it.each(['freshDeliveries', 'waitingDeliveries', 'write'])(
  'housekeeping that meets a store that fails at %s forgets nothing of what it had taken',
  async (failing) => {
    const receiver = await startReceiver();
    let fails = 0;
    let isFailing = false;
    const { home, log, warnings, open } = await startOver((method) => {
      if (!isFailing || method !== failing) return false;
      fails++;
      return true;
    });
    const file = join(home, 'webhooks.json');
    const entry = { id: 'by-hand-1', url: receiver.url, events: ['tool.*'] };
    writeFileSync(file, JSON.stringify([{ ...entry, color: 'red' }]));
    const first = await open();
    for (let i = 0; i < 3; i++) await log.append([{ type: 'tool.start', data: toolStart(i) }]);
    await first.close(0);
    // So much later that what waits is to be given up.
    const later = 97 * 3_600_000;
    const second = await open({ clock: { wall: () => Date.now() + later } });
    isFailing = true;
    await expect.poll(() => fails, patient).toBeGreaterThan(0);
    await expect.poll(() => warnings.join(), patient).toContain('the disk fails');
    isFailing = false;
    writeFileSync(file, JSON.stringify([entry]));
    // Each gets its last try.
    await receiver.received(3);
    await expect.poll(async () => (await second.stats()).pending, patient).toBe(0);
  },
);

it('a webhook whose enabling failed half-way sends again when the store does', async () => {
  const receiver = await startReceiver();
  let isFailing = false;
  const { log, open } = await startOver((method) => isFailing && method === 'freshenWaiting');
  const engine = await open();
  const { webhook } = await engine.create({ url: receiver.url, events: ['tool.*'] });
  await engine.update(webhook.id, { enabled: false });
  isFailing = true;
  await expect(engine.enable(webhook.id, {})).rejects.toThrow('the disk fails');
  isFailing = false;
  await log.append([{ type: 'tool.start', data: toolStart() }]);
  await receiver.received(1);
});

it('a store that fails at the start is asked again for what is pending', async () => {
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(500).end());
  let failsLeft = 0;
  const { log, open } = await startOver((method) => method === 'freshPlaces' && failsLeft-- > 0);
  const first = await open();
  await first.create({ id: 'ordered-one', url: receiver.url, events: ['tool.*'], ordered: true });
  for (let i = 0; i < 3; i++) await log.append([{ type: 'tool.start', data: toolStart(i) }]);
  await receiver.received(1);
  await first.close(0);
  failsLeft = 2;
  receiver.answer((_request, response) => response.end());
  const second = await open();
  await expect.poll(async () => (await second.stats()).pending, patient).toBe(0);
  expect((await second.listDeliveries({ limit: 10 })).items.map(({ status }) => status)).toEqual([
    'success',
    'success',
    'success',
  ]);
});

it('what the store remembers of a webhook and cannot be read keeps nothing from starting', async () => {
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
