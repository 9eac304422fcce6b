// Requests with an Idempotency-Key whose node loses the database. A repeated request is done exactly if the first one has
// changed nothing.

import { expect, onTestFinished, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { startModelServer } from '../agent/model-server.ts';
import { says } from '../agent/start-model-agent.ts';
import { type StartedApp, startApp } from '../http/start-app.ts';
import { postgresUrl, startPostgres } from '../postgres/postgres-url.ts';
import { startTcpProxy, type TcpProxy } from '../postgres/tcp-proxy.ts';
import { TEST_LIMIT_MS, waitFor } from '../wait-for.ts';
import { createGate } from './start-nodes.ts';

interface Answer {
  readonly status: number;
  readonly isReplayed: boolean;
  readonly retryAfter: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Scene {
  readonly first: StartedApp;
  /** The way of the first node to the database. */
  readonly proxy: TcpProxy;
  /** Sends a request with one key to a node. */
  post(
    to: StartedApp,
    path: string,
    body: Readonly<Record<string, unknown>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  startAnother(): Promise<StartedApp>;
}

async function startScene(config: Readonly<Record<string, unknown>> = {}): Promise<Scene> {
  const url = `${await postgresUrl()}?max=4`;
  const proxy = await startTcpProxy((await startPostgres()).port);
  onTestFinished(() => proxy.refuse(false));
  const first = await startApp({ config, environment: { DATABASE_URL: proxy.through(url) } });
  const { key } = await first.client.keys.create({ name: 'ci', scopes: ['read', 'prompt'] });
  return {
    first,
    proxy,
    async post(to, path, body, headers = { prefer: 'respond-async' }) {
      const response = await fetch(`${to.url}${path}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          ...headers,
          'idempotency-key': 'once',
        },
        body: JSON.stringify(body),
      });
      return {
        status: response.status,
        isReplayed: response.headers.get('idempotency-replayed') === 'true',
        retryAfter: response.headers.get('retry-after'),
        body: (await response.json()) as Answer['body'],
      };
    },
    async startAnother() {
      const second = await startApp({ config, environment: { DATABASE_URL: url } });
      const { sessions } = new CodeBuddyClient({ url: second.url, apiKey: key });
      await waitFor('the other node to know the key', () => sessions.list());
      return second;
    },
  };
}

/** Takes the database away from the first node in the middle of a message with `text`. */
async function cutAt({ proxy }: Scene, ...[direction, text]: Parameters<TcpProxy['breakAt']>): Promise<void> {
  await proxy.breakAt(direction, text);
  proxy.refuse(true);
  proxy.breakConnections();
}

async function declaredDead(by: StartedApp): Promise<void> {
  await waitFor(
    'the first node to be declared dead',
    async () => (await by.client.nodes.list()).nodes.some(({ self, alive }) => !self && !alive),
    () => by.client.nodes.list(),
  );
}

/** The answer of a node that lasts: temporary errors, which have a Retry-After, are tried again. */
function answerOf({ post }: Scene, ...[to, path, body]: Parameters<Scene['post']>): Promise<Answer> {
  return waitFor('an answer', async () => {
    const answer = await post(to, path, body);
    return answer.retryAfter === null && answer;
  });
}

test('a key whose claim was not acknowledged is free again, also after its node was declared dead', async () => {
  const scene = await startScene();
  const { first, proxy, post } = scene;
  const second = await scene.startAnother();
  const ask = ['/api/prompt', { prompt: 'hello' }] as const;
  const cut = cutAt(scene, 'toClient', 'answer:');
  expect(await post(first, ...ask)).toMatchObject({
    status: 503,
    retryAfter: '1',
    body: { code: 'storage_unavailable' },
  });
  await cut;
  await declaredDead(second);
  // Only the first node knows that it did nothing.
  expect(await answerOf(scene, second, ...ask)).toMatchObject({
    status: 409,
    body: { code: 'idempotency_unknown' },
  });
  proxy.refuse(false);
  const { body, ...done } = await answerOf(scene, first, ...ask);
  expect({ ...done, code: body.code }).toEqual({ status: 202, isReplayed: false, retryAfter: null });
  expect(await answerOf(scene, second, ...ask)).toMatchObject({ status: 202, isReplayed: true, body });
  expect((await second.client.runs.list()).runs).toHaveLength(1);
});

test('a request whose node was declared dead before its work began can be repeated', async () => {
  const scene = await startScene();
  const { first, proxy, post } = scene;
  const second = await scene.startAnother();
  const ask = ['/api/prompt', { prompt: 'hello' }] as const;
  // The key is claimed, and nothing else reaches the database.
  const held = proxy.holdAfter('toClient', 'answer:');
  const refused = post(first, ...ask);
  await held;
  await declaredDead(second);
  await proxy.heal();
  expect(await refused).toMatchObject({
    status: 503,
    retryAfter: '1',
    body: { code: 'storage_unavailable', detail: expect.stringContaining('nothing was changed') },
  });
  const { body, ...done } = await answerOf(scene, first, ...ask);
  expect({ ...done, code: body.code }).toEqual({ status: 202, isReplayed: false, retryAfter: null });
  expect((await second.client.runs.list()).runs).toHaveLength(1);
});

test('a request whose commit was refused because its node was declared dead can be repeated on every node', async () => {
  const scene = await startScene();
  const { first, proxy, post } = scene;
  const second = await scene.startAnother();
  const ask = ['/api/prompt', { prompt: 'hello from afar' }] as const;
  const cut = cutAt(scene, 'toServer', 'hello from afar');
  const refused = post(first, ...ask);
  await cut;
  await declaredDead(second);
  proxy.refuse(false);
  expect(await refused).toMatchObject({
    status: 503,
    retryAfter: '1',
    body: { code: 'storage_unavailable', detail: expect.stringContaining('nothing was changed') },
  });
  // The first node gives the key free without another request to it.
  const { status, body } = await waitFor('the key to be free', async () => {
    const answer = await answerOf(scene, second, ...ask);
    return answer.status !== 409 && answer;
  });
  expect(status).toBe(202);
  expect(await answerOf(scene, first, ...ask)).toMatchObject({ status: 202, isReplayed: true, body });
  expect((await second.client.runs.list()).runs).toHaveLength(1);
});

test('a request whose run was lost with its node is not done again', async () => {
  const gate = createGate();
  const model = await startModelServer(async () => {
    await gate.opened;
    return says('Done.');
  });
  const scene = await startScene({
    models: ['local/m'],
    providers: { local: { baseURL: `${model.url}/v1` } },
  });
  const { first, proxy, post } = scene;
  const second = await scene.startAnother();
  const ask = ['/api/prompt', { prompt: 'hello' }, {}] as const;
  const lost = post(first, ...ask);
  await waitFor('the model call', () => model.requests.length === 1);
  const cutAgain = (): void => {
    proxy.refuse(true);
    proxy.breakConnections();
  };
  cutAgain();
  await declaredDead(second);
  proxy.refuse(false);
  expect(await lost).toMatchObject({ status: 503, body: { code: 'node_unavailable' } });
  const unknown = { status: 409, body: { code: 'idempotency_unknown' } };
  expect(await answerOf(scene, first, ...ask)).toMatchObject(unknown);
  // A later request with the key changes nothing. The key stays as it is.
  cutAgain();
  expect(await post(first, ...ask)).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } });
  await declaredDead(second);
  proxy.refuse(false);
  expect(await answerOf(scene, first, ...ask)).toMatchObject(unknown);
  expect(await answerOf(scene, second, ...ask)).toMatchObject(unknown);
  expect((await second.client.runs.list()).runs).toHaveLength(1);
  expect(model.requests).toHaveLength(1);
});

test('an answer that could not be stored because its node was declared dead is stored later', async () => {
  const scene = await startScene();
  const { first, proxy, post } = scene;
  const second = await scene.startAnother();
  const ask = ['/api/sessions', { title: 'one' }] as const;
  // The session was committed before.
  const cut = cutAt(scene, 'toServer', '/api/sessions/ses_');
  const answered = post(first, ...ask);
  await cut;
  await declaredDead(second);
  proxy.refuse(false);
  const { status, body } = await answered;
  expect(status).toBe(201);
  const again = { status: 201, isReplayed: true, body };
  expect(await answerOf(scene, first, ...ask)).toMatchObject(again);
  expect(await answerOf(scene, second, ...ask)).toMatchObject(again);
  expect((await second.client.sessions.list()).sessions).toHaveLength(1);
});

test('a request is not done again while it is not known whether its commit was made', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const scene = await startScene();
  const { first, proxy, post } = scene;
  const ask = ['/api/prompt', { prompt: 'hello' }] as const;
  const cut = cutAt(scene, 'toClient', 'COMMIT');
  const refused = post(first, ...ask);
  await cut;
  // After 30 s.
  expect(await refused).toMatchObject({
    status: 503,
    body: { code: 'storage_unavailable', detail: expect.stringContaining('not known yet') },
  });
  proxy.refuse(false);
  const unknown = { status: 409, body: { code: 'idempotency_unknown' } };
  expect(await answerOf(scene, first, ...ask)).toMatchObject(unknown);
  const second = await scene.startAnother();
  expect(await answerOf(scene, second, ...ask)).toMatchObject(unknown);
  expect((await second.client.runs.list()).runs).toHaveLength(1);
});
