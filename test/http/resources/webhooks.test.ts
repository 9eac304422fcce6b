// Webhooks end to end: the whole app, a real receiver, the typed client and the command line.

import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createApp } from '../../../src/app.ts';
import { CodeBuddyClient } from '../../../src/client/index.ts';
import { loadSettings } from '../../../src/config/load-settings.ts';
import { verifySignature, verifyWebhook } from '../../../src/webhooks/verify.ts';
import { run } from '../../cli/run-cli.ts';
import { waitFor } from '../../wait-for.ts';
import { temporaryFolder } from '../start-server-with-store.ts';

async function startApp() {
  const home = temporaryFolder();
  const { settings } = loadSettings({
    flags: { home, workspace: home, port: '0', models: 'offline' },
    environment: {},
  });
  const app = await createApp(settings);
  await app.start();
  const client = new CodeBuddyClient({ home });
  onTestFinished(async () => {
    client.close();
    await app.stop();
  });
  return { app, client, home, url: app.url };
}

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into payloads of every type.
  readonly json: any;
}

interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** Sets its answer from now on; the first one is 200. */
  status: number;
  /** Done after each answer. */
  afterwards: (request: Received) => void;
}

async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const one = { headers: request.headers, body, json: JSON.parse(body) };
    received.push(one);
    response.writeHead(receiver.status).end(`answer ${receiver.status}`);
    receiver.afterwards(one);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    status: 200,
    afterwards: () => undefined,
  };
  return receiver;
}

function typesOf({ received }: Receiver): readonly string[] {
  return received.map(({ json }) => json.type);
}

describe('over the API', () => {
  test('a webhook receives its event types, signed with the secret that was shown', async () => {
    const { client } = await startApp();
    const receiver = await startReceiver();
    const { id, secret, signingSecret, ...made } = await client.webhooks.create({
      url: receiver.url,
      events: ['run.complete'],
      headers: { authorization: 'Bearer mine' },
    });
    expect(secret).toBeTruthy();
    expect(await client.webhooks.get(id)).toMatchObject({ id, url: made.url, events: ['run.complete'] });
    const { sessionId } = await client.prompt({ prompt: 'help' });
    await waitFor('the webhook gets the run', () => receiver.received.length > 0);
    const [one] = receiver.received as [Received];
    expect(typesOf(receiver)).toEqual(['run.complete']);
    // A whole number in every language: 7, never 7.0.
    expect(one.body).toMatch(/"sequence":\d+,/);
    expect(one.json).toMatchObject({ sessionId, data: { finishReason: 'stop' } });
    expect(one.headers.authorization).toBe('Bearer mine');
    expect(verifyWebhook(one.body, one.headers, secret as string)).toBe(true);
    expect(verifySignature(one.body, String(one.headers['x-webhook-signature']), secret as string)).toBe(
      true,
    );
    const everywhere = JSON.stringify([
      await client.webhooks.list(),
      await client.deliveries.list(),
      await client.events.list(),
    ]);
    for (const hidden of [secret, signingSecret, 'Bearer mine']) expect(everywhere).not.toContain(hidden);
  });

  test('a failed delivery is explained, and arrives unchanged when it is retried', async () => {
    const { client, url } = await startApp();
    const receiver = await startReceiver();
    receiver.status = 500;
    const { id: webhookId } = await client.webhooks.create({
      url: receiver.url,
      events: ['run.complete'],
      retryCount: 0,
    });
    await client.prompt({ prompt: 'help' });
    const failed = async () => (await client.deliveries.list({ webhookId, status: 'failed' })).deliveries;
    await waitFor('the delivery has failed', async () => (await failed()).length === 1);
    const [{ id = '' } = {}] = await failed();
    const shown = await client.deliveries.get(id);
    expect(shown.attemptLog).toMatchObject([{ statusCode: 500, responseExcerpt: 'answer 500' }]);
    expect(shown.explanation.summary).toContain('500');
    expect((await client.status()).webhooks).toMatchObject({ enabled: true, failed: 1 });

    const { key } = await client.keys.create({ name: 'reader', scopes: ['read'] });
    const reader = new CodeBuddyClient({ url, apiKey: key });
    const seen = JSON.stringify([await reader.deliveries.list(), await reader.deliveries.get(id)]);
    expect(seen).toContain('"statusCode":500');
    expect(seen).not.toContain('answer 500');
    await expect(reader.deliveries.retry(id)).rejects.toMatchObject({ code: 'insufficient_scope' });
    reader.close();

    receiver.status = 200;
    expect(await client.deliveries.retry(id)).toMatchObject({ id, status: 'pending' });
    await waitFor(
      'the retry has arrived',
      async () => (await client.deliveries.get(id)).status === 'success',
    );
    const [first, last] = [receiver.received.at(0), receiver.received.at(-1)];
    expect(last?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(last?.body).toBe(first?.body);
    await client.deliveries.clear({ webhookId });
    await expect(client.deliveries.get(id)).rejects.toMatchObject({ code: 'delivery_not_found' });
  });

  test('a new webhook can receive earlier events', async () => {
    const { client } = await startApp();
    const receiver = await startReceiver();
    await client.prompt({ prompt: 'help' });
    const { id } = await client.webhooks.create({ url: receiver.url, events: ['run.*'], ordered: true });
    const { queued } = await client.webhooks.replay(id, { after: 0 });
    expect(queued).toBeGreaterThan(1);
    await waitFor('all of it has arrived', () => receiver.received.length >= queued);
    for (const { body } of receiver.received) expect(body).toMatch(/"sequence":\d+,/);
    const sequences = receiver.received.map(({ json }) => json.sequence);
    expect(sequences).toEqual(sequences.toSorted((left, right) => left - right));
    expect(typesOf(receiver)).toContain('run.complete');
  });

  test('a prompt may create a webhook for its own run only', async () => {
    const { client } = await startApp();
    const receiver = await startReceiver();
    const webhook = { url: receiver.url, events: ['run.*'], secret: 'a-secret-of-this-run' };
    const run = await client.runs.start({ prompt: 'help', webhook });
    await client.prompt({ prompt: 'help' });
    await waitFor('the webhook gets its run', () => typesOf(receiver).includes('run.complete'));
    await waitFor('its webhook is gone', async () => (await client.webhooks.list()).webhooks.length === 0);
    const events = await Promise.all(receiver.received.map(({ json }) => client.events.get(json.id)));
    expect(new Set(events.map(({ runId }) => runId))).toEqual(new Set([run.id]));
    const [one] = receiver.received as [Received];
    expect(verifySignature(one.body, String(one.headers['x-webhook-signature']), webhook.secret)).toBe(true);
  });

  test.each([
    [{ url: 'http://169.254.169.254/latest' }, '/url'],
    [{ url: 'https://user:password@example.org/' }, '/url'],
    [{ url: 'https://example.org/', events: ['nonsense'] }, '/events/0'],
    [{ url: 'https://example.org/', headers: { Host: 'x' } }, '/headers'],
    [{ url: 'https://example.org/', timeout: 1 }, '/timeout'],
  ])('%o is refused, naming %s, by prompts too', async (input, pointer) => {
    const { client } = await startApp();
    const refusal = (await client.webhooks.create(input).catch((error: unknown) => error)) as {
      status: number;
      errors: readonly { pointer: string }[];
    };
    expect(refusal.status).toBe(422);
    expect(refusal.errors[0]?.pointer.startsWith(pointer), JSON.stringify(refusal.errors)).toBe(true);
    if (Object.keys(input).some((name) => name !== 'url' && name !== 'events')) return;
    await expect(client.prompt({ prompt: 'help', webhook: input })).rejects.toMatchObject({
      status: 422,
      errors: [{ pointer: expect.stringMatching(new RegExp(`^/webhook${pointer}`)) }],
    });
    expect((await client.runs.list()).runs).toEqual([]);
  });

  test('a receiver that answers each event with a new one does not loop forever', async () => {
    const { client, url } = await startApp();
    const { key } = await client.keys.create({ name: 'receiver', scopes: ['tools'] });
    const receiver = await startReceiver();
    const answers: number[] = [];
    receiver.afterwards = async ({ headers }) => {
      const { status } = await fetch(`${url}/api/tools/list_directory`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          'x-codebuddy-hop': String(headers['x-codebuddy-hop']),
        },
        body: '{}',
      });
      answers.push(status);
    };
    await client.webhooks.create({ url: receiver.url, events: ['tool.complete'] });
    await client.tools.execute('list_directory');
    await waitFor(
      'the answers',
      () => answers.length === 3,
      () => answers,
    );
    // A call may be answered after the next one.
    expect(answers.sort()).toEqual([200, 200, 508]);
    expect(receiver.received.map(({ headers }) => headers['x-codebuddy-hop'])).toEqual(['1', '2', '3']);
  });
});

describe('on the command line', () => {
  test('a webhook is created, tested, shown, rotated and deleted', async () => {
    const { home } = await startApp();
    const receiver = await startReceiver();
    const made = await run(home, [
      'webhooks',
      'add',
      receiver.url,
      '--event',
      'tool.*',
      '--name',
      'mine',
      '--json',
    ]);
    expect(made, made.stderr).toMatchObject({ code: 0 });
    const { id, secret } = JSON.parse(made.stdout) as { id: string; secret: string };
    const tested = await run(home, ['webhooks', 'test', id]);
    expect(tested, tested.stderr).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Delivered dlv_'),
    });
    expect(typesOf(receiver)).toEqual(['webhook.test']);
    const shown = await run(home, ['webhooks', 'show', id]);
    expect(shown.stdout).toContain(receiver.url);
    expect(shown.stdout).not.toContain(secret);
    expect((await run(home, ['webhooks', 'update', id, '--no-ordered', '--name', 'yours'])).stdout).toContain(
      'yours',
    );
    expect((await run(home, ['webhooks', 'list'])).stdout).toMatch(new RegExp(`${id} +healthy .*yours`));
    const rotated = await run(home, ['webhooks', 'rotate', id, '--json']);
    expect((JSON.parse(rotated.stdout) as { secret: string }).secret).not.toBe(secret);
    expect((await run(home, ['webhooks', 'remove', id])).code).toBe(0);
    expect((await run(home, ['webhooks', 'show', id])).code).toBe(1);
  });

  test('a failed test says why, and deliveries names the next step', async () => {
    const { home, client } = await startApp();
    const receiver = await startReceiver();
    receiver.status = 404;
    const { id } = await client.webhooks.create({ url: receiver.url, retryCount: 0 });
    const tested = await run(home, ['webhooks', 'test', id]);
    expect(tested, tested.stderr).toMatchObject({ code: 1, stdout: expect.stringContaining('404') });
    const delivery = /dlv_\w+/.exec(tested.stdout)?.[0] ?? '';
    const explained = await run(home, ['deliveries', 'explain', delivery]);
    expect(explained.stdout).toContain('Next step:');
    expect((await run(home, ['deliveries', 'show', delivery])).stdout).toContain('answer 404');
    const listed = await run(home, ['deliveries', 'list', '--webhook', id, '--status', 'failed']);
    expect(listed.stdout).toContain(delivery);
    receiver.status = 200;
    expect((await run(home, ['deliveries', 'retry', '--failed', '--webhook', id])).stdout).toBe(
      'Queued 1 delivery again.\n',
    );
    await waitFor('it has arrived', async () => (await client.deliveries.get(delivery)).status === 'success');
    expect((await run(home, ['deliveries', 'retry'])).code).toBe(2);
  });
});
