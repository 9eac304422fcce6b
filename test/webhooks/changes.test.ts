// Changes of a webhook at the same time: none undoes another, and each that was acknowledged is in the file.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEventLog } from '../../src/events/log.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { openWebhookEngine } from '../../src/webhooks/engine.ts';
import { startDnsServer } from './dns-server.ts';
import { startReceiver } from './recording-receiver.ts';
import { secret, startWebhooks, temporaryHome, toolStart } from './start-webhooks.ts';

const url = 'http://127.0.0.1:9999/';

function entries(home: string): Record<string, unknown>[] {
  return JSON.parse(readFileSync(join(home, 'webhooks.json'), 'utf8')) as Record<string, unknown>[];
}

/** A name server that answers after `answer()`. */
async function startWithSlowNames() {
  const answered = Promise.withResolvers<void>();
  const dns = await startDnsServer(async () => {
    await answered.promise;
    return { A: ['93.184.216.34'] };
  });
  const home = temporaryHome();
  const hostsFile = join(home, 'hosts');
  writeFileSync(hostsFile, '');
  return {
    dns,
    answer: answered.resolve,
    ...startWebhooks({ home, nameServers: [dns.address], hostsFile }),
  };
}

describe('while a name is looked up', () => {
  it('a rotated secret is kept', async () => {
    const { webhooks, home, dns, answer } = await startWithSlowNames();
    const id = await webhooks.register({ url, secret });
    const update = webhooks.update(id, { url: 'https://slow.test/' });
    await expect.poll(() => dns.queries.length).toBeGreaterThan(0);
    const rotated = await webhooks.rotateSecret(id);
    // It did not wait for the name server.
    expect(entries(home)).toMatchObject([{ secret: rotated.secret, url }]);
    answer();
    await update;
    expect(entries(home)).toMatchObject([{ secret: rotated.secret, url: 'https://slow.test/' }]);
  });

  it('a disabled webhook stays disabled', async () => {
    const { webhooks, home, dns, answer } = await startWithSlowNames();
    const id = await webhooks.register({ url });
    const update = webhooks.update(id, { url: 'https://slow.test/' });
    await expect.poll(() => dns.queries.length).toBeGreaterThan(0);
    await webhooks.update(id, { enabled: false });
    answer();
    expect(await update).toMatchObject({ enabled: false, url: 'https://slow.test/' });
    expect(entries(home)).toMatchObject([{ enabled: false }]);
  });

  it('a removed webhook stays removed, and the update fails', async () => {
    const { webhooks, home, dns, answer } = await startWithSlowNames();
    const id = await webhooks.register({ url });
    const update = webhooks.update(id, { url: 'https://slow.test/' });
    await expect.poll(() => dns.queries.length).toBeGreaterThan(0);
    await webhooks.remove(id);
    answer();
    await expect(update).rejects.toMatchObject({ code: 'webhook_not_found' });
    expect(entries(home)).toEqual([]);
    expect(await webhooks.getAll()).toEqual([]);
  });

  it('two webhooks cannot be created with the same id', async () => {
    const { webhooks, home, dns, answer } = await startWithSlowNames();
    const both = ['a', 'b'].map((path) =>
      webhooks.register({ id: 'wanted-by-two', url: `https://slow.test/${path}` }),
    );
    await expect.poll(() => dns.queries.length).toBeGreaterThan(0);
    answer();
    const made = await Promise.allSettled(both);
    expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(made.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'webhook_exists' },
    });
    expect(entries(home)).toHaveLength(1);
  });
});

it('sixty updates and sixty rotations at the same time are all kept', async () => {
  const receiver = await startReceiver();
  const { webhooks, home } = startWebhooks();
  const id = await webhooks.register({ url: receiver.url, secret });
  let last: string | null = null;
  await Promise.all([
    (async () => {
      for (let i = 0; i < 60; i++) last = (await webhooks.rotateSecret(id)).secret;
    })(),
    (async () => {
      for (let i = 0; i < 60; i++) {
        await webhooks.update(id, { description: `version ${i}` });
        expect(await webhooks.get(id)).toMatchObject({ description: `version ${i}` });
      }
    })(),
  ]);
  expect(entries(home)).toMatchObject([{ secret: last, description: 'version 59' }]);
  await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
  expect(String(receiver.requests[0]?.headers['webhook-signature']).split(' ')).toHaveLength(6);
});

it('updates of different fields at the same time are all applied', async () => {
  const { webhooks, home } = startWebhooks();
  const id = await webhooks.register({ url });
  const patches = [
    { name: 'new' },
    { timeout: 2000 },
    { retryCount: 3 },
    { headers: { 'X-A': 'b' } },
    { events: ['tool.*'] },
    { ordered: true },
  ];
  await Promise.all(patches.map((patch) => webhooks.update(id, patch)));
  expect(entries(home)).toMatchObject([Object.assign({}, ...patches)]);
  expect(await webhooks.get(id)).toMatchObject(Object.assign({}, ...patches));
});

it('a webhook disabled by its receiver during updates ends up disabled', async () => {
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(410).end());
  const { webhooks, home } = startWebhooks();
  const id = await webhooks.register({ url: receiver.url });
  await webhooks.emit('tool.start', toolStart());
  await Promise.all(Array.from({ length: 20 }, (_, i) => webhooks.update(id, { description: `${i}` })));
  await expect.poll(async () => (await webhooks.get(id))?.state.status).toBe('disabled');
  await expect.poll(() => entries(home)[0]?.enabled).toBe(false);
});

it('one invalid change among many written together fails alone', async () => {
  const { webhooks, home } = startWebhooks();
  const id = await webhooks.register({ id: 'taken-already', url });
  const made = await Promise.allSettled([
    webhooks.register({ url }),
    webhooks.register({ id, url }),
    webhooks.register({ url }),
    webhooks.remove(id),
  ]);
  expect(made.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(entries(home)).toHaveLength(2);
});

it('a thousand webhooks are created in few writes of the file', async () => {
  const { webhooks, home } = startWebhooks();
  const path = join(home, 'webhooks.json');
  const versions = new Set<string>();
  const looking = setInterval(() => {
    try {
      versions.add(readFileSync(path, 'utf8'));
    } catch {
      // It does not exist yet.
    }
  }, 1);
  await Promise.all(Array.from({ length: 1000 }, (_, i) => webhooks.register({ url: `${url}${i}` })));
  clearInterval(looking);
  expect(entries(home)).toHaveLength(1000);
  expect(versions.size).toBeLessThan(100);
});

it('a second webhook with the same URL causes a warning', async () => {
  const { webhooks, warnings } = startWebhooks();
  const first = await webhooks.register({ url });
  await webhooks.register({ url: `${url}other` });
  expect(warnings).toEqual([]);
  const second = await webhooks.register({ url: 'http://127.0.0.1:9999' });
  expect(warnings.join()).toContain(`webhook ${second} sends to the same URL as ${first}`);
});

it('events emitted while their webhook is removed leave nothing pending', async () => {
  const { webhooks } = startWebhooks();
  const id = await webhooks.register({ url });
  const emitted: ReturnType<typeof webhooks.emit>[] = [];
  let isRemoved = false;
  const removing = webhooks.remove(id).then(() => {
    isRemoved = true;
  });
  while (!isRemoved && emitted.length < 5000) {
    for (let i = 0; i < 5; i++) emitted.push(webhooks.emit('tool.start', toolStart(i)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await removing;
  const deliveries = (await Promise.all(emitted)).flatMap((one) => one.deliveries);
  const ended = await webhooks.settled(deliveries);
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['cancelled']));
});

it('an update of a webhook of a run survives a restart', async () => {
  const home = temporaryHome();
  const store = await openSqliteStore({ path: join(home, 'codebuddy.db') });
  const log = createEventLog({ store });
  onTestFinished(async () => {
    await log.close();
    await store.close();
  });
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(500).end());
  const first = await openWebhookEngine({ store, log });
  const { id } = await first.createForRun('run_1', { url: receiver.url });
  await log.append([{ type: 'tool.start', runId: 'run_1', data: toolStart() }]);
  await receiver.received(1);
  await first.update(id, { description: 'updated' });
  await first.close(0);
  const second = await openWebhookEngine({ store, log });
  onTestFinished(() => second.close(0));
  expect(await second.get(id)).toMatchObject({ description: 'updated', runId: 'run_1' });
});
