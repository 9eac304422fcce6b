// Entries of webhooks.json that are refused: each stays in the file, is shown with the reason, and its deliveries wait.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEventLog } from '../../src/events/log.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { openWebhookEngine } from '../../src/webhooks/engine.ts';
import { startReceiver } from './recording-receiver.ts';
import { startWebhooks, temporaryHome, toolStart } from './start-webhooks.ts';

const url = 'http://127.0.0.1:9999/';

function fileOf(home: string): string {
  return join(home, 'webhooks.json');
}

async function stateOf(webhooks: ReturnType<typeof startWebhooks>['webhooks'], id: string) {
  return (await webhooks.get(id))?.state;
}

describe('a start with another policy', () => {
  it('leaves the file as it is; pending deliveries wait until the policy allows them again', async () => {
    const receiver = await startReceiver();
    receiver.answer((_request, response) => response.writeHead(500).end());
    const first = startWebhooks();
    const { home } = first;
    const id = await first.webhooks.register({ url: receiver.url, retryDelay: 3_600_000 });
    await first.webhooks.register({ id: 'elsewhere', url: 'https://example.org/', enabled: false });
    const [before = ''] = (await first.webhooks.emit('tool.start', toolStart())).deliveries;
    await receiver.received(1);
    await first.webhooks.close();
    const file = readFileSync(fileOf(home), 'utf8');

    const strict = startWebhooks({ home, allowLoopback: false });
    expect(await stateOf(strict.webhooks, id)).toMatchObject({
      status: 'refused',
      detail: expect.stringContaining('allowedTargets'),
      pending: 1,
    });
    expect((await strict.webhooks.getAll()).map((webhook) => webhook.id).sort()).toEqual(
      [id, 'elsewhere'].sort(),
    );
    expect(strict.warnings.join()).toContain(`webhook ${id} (127.0.0.1:${receiver.port}) is refused`);
    const [during = ''] = (await strict.webhooks.emit('tool.start', toolStart(2))).deliveries;
    expect(await strict.webhooks.getHistory()).toMatchObject([{ status: 'pending' }, { status: 'pending' }]);
    await expect(strict.webhooks.test(id)).rejects.toMatchObject({ code: 'webhook_refused' });
    await strict.webhooks.close();
    expect(readFileSync(fileOf(home), 'utf8')).toBe(file);

    receiver.answer((_request, response) => response.end());
    const again = startWebhooks({ home });
    await again.webhooks.retry(before);
    const ended = await again.webhooks.settled([before, during]);
    expect(ended.map(({ status }) => status)).toEqual(['success', 'success']);
    expect((await stateOf(again.webhooks, id))?.status).toBe('healthy');
  });

  it('keeps webhooks of runs and their deliveries', async () => {
    const receiver = await startReceiver();
    receiver.answer((_request, response) => response.writeHead(500).end());
    const home = temporaryHome();
    const store = await openSqliteStore({ path: join(home, 'codebuddy.db') });
    const log = createEventLog({ store });
    onTestFinished(async () => {
      await log.close();
      await store.close();
    });
    const open = (allowLoopback: boolean) => openWebhookEngine({ store, log, allowLoopback });
    const first = await open(true);
    const { id } = await first.createForRun('run_1', { url: receiver.url });
    await log.append([{ type: 'tool.start', runId: 'run_1', data: toolStart() }]);
    await receiver.received(1);
    await first.close(0);

    const strict = await open(false);
    onTestFinished(() => strict.close(0));
    expect(await strict.get(id)).toMatchObject({ runId: 'run_1', state: { status: 'refused', pending: 1 } });
    await strict.close(0);
    receiver.answer((_request, response) => response.end());
    const again = await open(true);
    onTestFinished(() => again.close(0));
    await receiver.received(2);
    // Its run has ended, so it is removed with its last delivery.
    await expect.poll(() => again.get(id)).toBeUndefined();
    expect((await again.listDeliveries({ limit: 10 })).items).toMatchObject([{ status: 'success' }]);
  });
});

const good = { id: 'good-one', name: 'good', url, events: ['tool.*'], enabled: true };

describe('one entry among others', () => {
  it.each([
    ['with an unknown field', { ...good, id: 'odd-entry', color: 'red' }, 'color'],
    ['with a wrong type', { ...good, id: 'odd-entry', enabled: 'yes' }, '/enabled'],
    ['with a forbidden URL', { ...good, id: 'odd-entry', url: 'http://169.254.169.254/' }, '/url'],
    ['with no URL', { ...good, id: 'odd-entry', url: undefined }, '/url is required'],
    ['of the first version with a short secret', { ...good, id: 'odd-entry', secret: 'short' }, '/secret'],
    ['of the first version with a small timeout', { ...good, id: 'odd-entry', timeout: 500 }, '/timeout'],
    ['with an event that does not exist', { ...good, id: 'odd-entry', events: ['no.such'] }, '/events/0'],
    ['with a header that is masked', { ...good, id: 'odd-entry', headers: { Cookie: '***' } }, 'masked'],
    ['without an id', { ...good, id: undefined }, 'no id'],
    ['with a bad id', { ...good, id: 'x' }, '/id'],
    ['with an id that is taken', { ...good, name: 'twin' }, 'another entry already has the id good-one'],
    ['that is a number', 7, 'must be an object'],
    ['that is null', null, 'must be an object'],
    ['that is hostile', JSON.parse('{"__proto__": {"x": 1}, "id": "odd-entry"}'), '__proto__'],
  ])('%s is refused alone, and stays in the file', async (_what, odd, reason) => {
    const home = temporaryHome();
    const text = JSON.stringify([good, odd]);
    writeFileSync(fileOf(home), text, { mode: 0o600 });
    const { webhooks, warnings } = startWebhooks({ home });
    const all = await webhooks.getAll();
    expect(all).toHaveLength(2);
    expect(all.find(({ id }) => id === 'good-one')?.state.status).toBe('healthy');
    const refused = all.find(({ id }) => id !== 'good-one');
    expect(refused?.state).toMatchObject({ status: 'refused', detail: expect.stringContaining(reason) });
    expect(warnings.join()).toContain(`webhook ${refused?.id} `);
    expect(readFileSync(fileOf(home), 'utf8')).toBe(text);
    // Another change keeps it unchanged.
    await webhooks.register({ id: 'another-one', url });
    expect(JSON.stringify(JSON.parse(readFileSync(fileOf(home), 'utf8'))[1])).toBe(
      JSON.stringify(JSON.parse(text)[1]),
    );
    // It can be removed by its shown id.
    await webhooks.remove(refused?.id ?? '');
    expect(JSON.parse(readFileSync(fileOf(home), 'utf8'))).toMatchObject([
      { id: 'good-one' },
      { id: 'another-one' },
    ]);
  });

  it('never shows the password that it is refused for', async () => {
    const home = temporaryHome();
    const odd = { ...good, url: 'http://user:hunter2@127.0.0.1:9999/', secret: 'hunter2' };
    writeFileSync(fileOf(home), JSON.stringify([odd]));
    const { webhooks, warnings } = startWebhooks({ home });
    expect(JSON.stringify(await webhooks.getAll())).not.toContain('hunter2');
    expect(warnings.join()).not.toContain('hunter2');
  });

  it('works again after an update, a new secret, or an edit of the file', async () => {
    const receiver = await startReceiver();
    const home = temporaryHome();
    const odd = { ...good, url: receiver.url };
    writeFileSync(
      fileOf(home),
      JSON.stringify([
        { ...odd, id: 'by-update', timeout: 5 },
        { ...odd, id: 'by-secret', secret: 'short' },
        { ...odd, id: 'by-edit-1', color: 'red' },
      ]),
    );
    const { webhooks } = startWebhooks({ home });
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    expect(deliveries).toHaveLength(3);
    await expect(webhooks.update('by-update', { name: 'x' })).rejects.toMatchObject({
      errors: [{ pointer: '/timeout' }],
    });
    expect((await webhooks.update('by-update', { timeout: 5000 })).state.status).toBe('healthy');
    await webhooks.rotateSecret('by-secret');
    expect((await stateOf(webhooks, 'by-secret'))?.status).toBe('healthy');
    const list = JSON.parse(readFileSync(fileOf(home), 'utf8')) as Record<string, unknown>[];
    writeFileSync(fileOf(home), JSON.stringify(list.map(({ color, ...entry }) => entry)));
    const ended = await webhooks.settled(deliveries);
    expect(ended.map(({ status }) => status)).toEqual(['success', 'success', 'success']);
  });

  it('can be disabled while its target is refused', async () => {
    const home = temporaryHome();
    writeFileSync(fileOf(home), JSON.stringify([good]));
    const { webhooks } = startWebhooks({ home, allowLoopback: false });
    expect(await webhooks.update('good-one', { enabled: false })).toMatchObject({
      enabled: false,
      state: { status: 'refused' },
    });
    expect(JSON.parse(readFileSync(fileOf(home), 'utf8'))).toEqual([{ ...good, enabled: false }]);
  });

  it('keeps its pending deliveries until it is removed', async () => {
    const home = temporaryHome();
    writeFileSync(fileOf(home), JSON.stringify([good]));
    const { webhooks } = startWebhooks({ home, allowLoopback: false });
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    writeFileSync(fileOf(home), JSON.stringify([{ ...good, color: 'red' }]));
    await expect.poll(async () => (await stateOf(webhooks, 'good-one'))?.detail).toContain('color');
    expect(await webhooks.getHistory()).toMatchObject([{ status: 'pending' }]);
    await webhooks.remove('good-one');
    expect(await webhooks.settled(deliveries)).toMatchObject([{ status: 'cancelled' }]);
  });
});

it('pending deliveries wait if the file is missing at the start, and are sent once it is back', async () => {
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(500).end());
  const first = startWebhooks();
  const { home } = first;
  await first.webhooks.register({ url: receiver.url, retryDelay: 3_600_000 });
  const { deliveries } = await first.webhooks.emit('tool.start', toolStart());
  await receiver.received(1);
  await first.webhooks.close();
  const file = readFileSync(fileOf(home), 'utf8');
  rmSync(fileOf(home));
  const without = startWebhooks({ home });
  expect(await without.webhooks.getAll()).toEqual([]);
  expect(without.warnings.join()).toContain('is missing');
  expect(await without.webhooks.getHistory()).toMatchObject([{ status: 'pending' }]);
  receiver.answer((_request, response) => response.end());
  writeFileSync(fileOf(home), file, { mode: 0o600 });
  await expect.poll(async () => (await without.webhooks.getAll()).length).toBe(1);
  await without.webhooks.retry(deliveries[0] ?? '');
  expect(await without.webhooks.settled(deliveries)).toMatchObject([{ status: 'success' }]);
});
