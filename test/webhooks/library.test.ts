// The library in a host application: its own data and event types, fire and forget, the shared manager, and version 1.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { emitWebhook, getWebhookManager, WebhookManager } from '../../src/api/webhooks.ts';
import { startReceiver } from './recording-receiver.ts';
import { startWebhooks, temporaryHome, toolStart } from './start-webhooks.ts';

const bodyOf = (request: { readonly body: Buffer } | undefined): Record<string, unknown> =>
  JSON.parse(String(request?.body)) as Record<string, unknown>;

describe('data of a host application', () => {
  it('that does not match the schema is sent as it is, with one warning for each type', async () => {
    const receiver = await startReceiver();
    const { webhooks, warnings } = startWebhooks();
    await webhooks.register({ url: receiver.url });
    const data = { tool: 'bash', duration: 5, nested: { own: true } };
    for (let count = 0; count < 3; count++) await webhooks.emit('tool.complete', data);
    await webhooks.emit('session.start', { user: 'ann' });
    await receiver.received(4);
    const ofTools = receiver.requests.map(bodyOf).filter(({ type }) => type === 'tool.complete');
    expect(ofTools.map((body) => body.data)).toEqual([data, data, data]);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(
      /tool\.complete.*data\.callId is required.*sent unchanged\. Set strict: true/,
    );
    expect(warnings[1]).toContain('session.start');
  });

  it('is refused with strict: true, naming each field', async () => {
    const { webhooks } = startWebhooks({ strict: true });
    await expect(webhooks.emit('tool.complete', { tool: 'bash', duration: 5 })).rejects.toMatchObject({
      code: 'validation_failed',
      errors: expect.arrayContaining([expect.objectContaining({ pointer: '/data/callId' })]),
    });
  });

  it('that JSON cannot represent, and invalid data of webhook.*, is always refused', async () => {
    const { webhooks } = startWebhooks();
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    for (const data of [cycle, { n: 1n }, { n: Number.NaN }])
      await expect(webhooks.emit('tool.start', data)).rejects.toMatchObject({ code: 'validation_failed' });
    await expect(webhooks.emit('webhook.test', {})).rejects.toMatchObject({ code: 'validation_failed' });
  });

  it('over 256 KiB is replaced by a link in the request, and returned whole by getEvent', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    await webhooks.register({ url: receiver.url });
    const text = 'x'.repeat(300 * 1024);
    const { event } = await webhooks.emit('tool.complete', { text });
    await receiver.received(1);
    expect(bodyOf(receiver.requests[0]).data).toMatchObject({ truncated: true });
    expect((await webhooks.getEvent(event.id))?.data).toEqual({ text });
    expect(await webhooks.getEvent('evt_unknown')).toBeUndefined();
  });
});

describe('event types of a host application', () => {
  it('are emitted, subscribed to by name and pattern, and replayed', async () => {
    const [named, group] = [await startReceiver(), await startReceiver()];
    const { webhooks, warnings } = startWebhooks({ eventTypes: ['deploy.finished', 'deploy.failed'] });
    const id = await webhooks.register({ url: named.url, events: ['deploy.finished'] });
    await webhooks.register({ url: group.url, events: ['deploy.*'] });
    const { deliveries } = await webhooks.emit('deploy.finished', { version: 2 }, 'ses_1');
    expect(deliveries).toHaveLength(2);
    await webhooks.emit('deploy.failed', { why: 'no' });
    await webhooks.settled(deliveries);
    await group.received(2);
    expect(bodyOf(named.requests[0])).toMatchObject({
      type: 'deploy.finished',
      event: 'deploy.finished',
      sessionId: 'ses_1',
      data: { version: 2 },
    });
    expect((await webhooks.getForEvent('deploy.failed')).map(({ url }) => url)).toEqual([group.url]);
    expect(await webhooks.replay(id, { after: 0, events: ['deploy.finished'] })).toMatchObject({ queued: 1 });
    await named.received(2);
    expect(warnings).toEqual([]);
  });

  it('that are not declared are refused in emit and in a webhook', async () => {
    const { webhooks } = startWebhooks({ eventTypes: ['deploy.finished'] });
    await expect(webhooks.emit('deploy.finishd', {})).rejects.toThrow(/not in the catalogue.*eventTypes/);
    await expect(
      webhooks.register({ url: 'http://127.0.0.1:4999/', events: ['deploy.finishd'] }),
    ).rejects.toThrow(/deploy\.finished/);
  });

  it.each([
    ['tool.start'],
    ['message.delta'],
    ['webhook.own'],
    ['two words'],
    [''],
    ['a.'],
    ['*'],
    ['a'.repeat(65)],
  ])('cannot be %j', (type) => {
    expect(() => new WebhookManager({ home: temporaryHome(), eventTypes: [type] })).toThrow(TypeError);
  });
});

describe('fire and forget', () => {
  it('never rejects; a lost event causes a warning and is in the history', async () => {
    const { webhooks, warnings } = startWebhooks({ strict: true });
    const id = await webhooks.register({ url: 'http://127.0.0.1:4999/', events: ['tool.*'] });
    expect(await webhooks.emitSafely('tool.start', { wrong: 1 })).toBeUndefined();
    expect(await webhooks.emitSafely('no.such.type', {})).toBeUndefined();
    expect(await webhooks.emitSafely('tool.start', { n: 1n })).toBeUndefined();
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toMatch(/Lost the event tool\.start: /);
    const failed = await webhooks.getFailedDeliveries(id);
    expect(failed).toHaveLength(2);
    expect(failed[0]).toMatchObject({
      webhookId: id,
      event: 'tool.start',
      status: 'failed',
      attempts: 0,
      reason: expect.stringMatching(/Never committed: .*bigint/),
    });
    await expect(webhooks.retry(String(failed[0]?.id))).rejects.toThrow(/never committed\. Emit it again/);
    await webhooks.clearHistory();
    expect(await webhooks.getHistory()).toEqual([]);
  });

  it('survives a warn that throws or rejects', async () => {
    for (const warn of [
      () => {
        throw new Error('the logger is closed');
      },
      () => Promise.reject(new Error('the logger is gone')),
    ]) {
      const { webhooks } = startWebhooks({ warn: warn as () => void });
      expect(await webhooks.emitSafely('no.such.type', {})).toBeUndefined();
    }
    const { webhooks } = startWebhooks();
    await webhooks.close();
    expect(await webhooks.emitSafely('tool.start', toolStart())).toBeUndefined();
  });

  it('does not end a host application that does not await it', async () => {
    const home = temporaryHome();
    // It locks the folder, as a running server does.
    const { webhooks } = startWebhooks({ home });
    await webhooks.getAll();
    const source = new URL('../../src/index.ts', import.meta.url).href;
    const program = `import { emitWebhook } from ${JSON.stringify(source)};
      emitWebhook('tool.start', { callId: 'c', tool: 't', params: {} });
      emitWebhook('no.such.type', {});
      emitWebhook('tool.start', { n: 1n });
      emitWebhook('tool.start', undefined);
      emitWebhook(undefined);
      const waiting = setInterval(() => undefined, 1000);
      process.on('warning', ({ code }) => {
        if (code === 'CODEBUDDY_WEBHOOKS') clearInterval(waiting);
      });
      process.on('exit', () => console.log('alive'));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, CODEBUDDY_HOME: home },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const [code] = await once(child, 'close');
    expect(stderr).toMatch(/CODEBUDDY_WEBHOOKS.*Lost the event tool\.start: .*is in use by process/);
    expect(stdout).toBe('alive\n');
    expect(code).toBe(0);
  });
});

describe('the shared manager of a process', () => {
  afterEach(async () => {
    await getWebhookManager().close();
  });

  it('is created again after close, in the same folder; other options are refused', async () => {
    const home = temporaryHome();
    const warn = vi.fn();
    const first = getWebhookManager({ home, warn });
    expect(getWebhookManager()).toBe(first);
    expect(getWebhookManager({ home, warn: () => undefined })).toBe(first);
    expect(() => getWebhookManager({ home: temporaryHome() })).toThrow(/other options/);
    await first.register({ url: 'http://127.0.0.1:4999/', name: 'kept' });
    await first.close();
    const second = getWebhookManager();
    expect(second).not.toBe(first);
    expect((await second.getAll()).map(({ name }) => name)).toEqual(['kept']);
    expect((await emitWebhook('tool.start', toolStart()))?.deliveries).toHaveLength(1);
    await second.close();
    expect(() => getWebhookManager({ home: temporaryHome() })).not.toThrow();
  });
});

describe('version 1', () => {
  it('calls new WebhookManager(path) and getHistory(id) work', async () => {
    const receiver = await startReceiver();
    const home = temporaryHome();
    const webhooks = new WebhookManager(join(home, 'webhooks.json'));
    onTestFinished(() => webhooks.close());
    const [one, two] = [
      await webhooks.register({ url: receiver.url }),
      await webhooks.register({ url: receiver.url, name: 'second' }),
    ];
    await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
    expect((await webhooks.getHistory(one)).map(({ webhookId }) => webhookId)).toEqual([one]);
    expect((await webhooks.getHistory(two)).map(({ webhookId }) => webhookId)).toEqual([two]);
    expect(await webhooks.getHistory()).toHaveLength(2);
    expect(await webhooks.getFailedDeliveries(one)).toEqual([]);
  });

  it('calls that work differently now fail with the new form', async () => {
    expect(() => new WebhookManager('/tmp/hooks.json')).toThrow(/new WebhookManager\(\{ home: FOLDER \}\)/);
    const { webhooks } = startWebhooks();
    const id = webhooks.register({ url: 'http://127.0.0.1:4999/' }) as never;
    for (const call of [
      webhooks.get(id),
      webhooks.update(id, {}),
      webhooks.remove(id),
      webhooks.test(id),
      webhooks.retry(id),
    ])
      await expect(call).rejects.toThrow(/write await webhooks\.register/);
    expect(() => webhooks.formatWebhooks()).toThrow(/getAll/);
    await id;
  });
});
