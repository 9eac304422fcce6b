// What all nodes of one database share beside runs: API keys, answers to idempotency keys, and the cost of the day.

import { expect, test } from 'vitest';
import { ApiError, CodeBuddyClient } from '../../src/client/index.ts';
import { startMcpHttpServer } from '../agent/mcp-http-server.ts';
import { says } from '../agent/start-model-agent.ts';
import type { StartedApp } from '../http/start-app.ts';
import { waitFor } from '../wait-for.ts';
import { createGate, declareDead, hasStatus, startNodes } from './start-nodes.ts';

test('a key is in force on all nodes soon after it was created, and until it is revoked', async () => {
  const { first, second } = await startNodes(says('hi'));
  const { id, key } = await first.client.keys.create({ name: 'ci', scopes: ['read'] });
  const withKey = ({ url }: StartedApp): CodeBuddyClient => new CodeBuddyClient({ url, apiKey: key });
  const accepts = (app: StartedApp): Promise<boolean> =>
    withKey(app)
      .sessions.list()
      .then(
        () => true,
        (error: unknown) => {
          if (error instanceof ApiError && error.status === 401) return false;
          throw error;
        },
      );
  expect(await accepts(first)).toBe(true);
  await waitFor('the other node to know the key', () => accepts(second));
  const told = async ({ url }: StartedApp) =>
    (await fetch(`${url}/api/status`, { headers: { 'x-api-key': key } })).headers.get('ratelimit-policy');
  expect(await told(second)).toBeNull();
  await first.client.keys.update(id, { limits: { requestsPerMinute: 1_000_000 } });
  await waitFor('the other node to know its limits', async () => (await told(second)) !== null);
  for (const app of [first, second]) expect(await told(app)).toBe('"requests";q=1000000;w=60');
  await second.client.keys.revoke(id);
  expect(await accepts(second)).toBe(false);
  await waitFor('the first node to refuse the key', async () => !(await accepts(first)));
  // Both still know their own.
  for (const { client } of [first, second]) expect((await client.keys.list()).keys).toEqual([]);
});

test('the same Idempotency-Key sent to two nodes at once starts one run', async () => {
  const gate = createGate();
  const { first, second, model } = await startNodes(async () => {
    await gate.opened;
    return says('Done.');
  });
  const { key } = await first.client.keys.create({ name: 'ci', scopes: ['read', 'prompt'] });
  await waitFor('the other node to know the key', () =>
    new CodeBuddyClient({ url: second.url, apiKey: key }).sessions.list(),
  );
  const post = (app: StartedApp, idempotencyKey: string, prompt = 'go') =>
    fetch(`${app.url}/api/prompt`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'idempotency-key': idempotencyKey,
      },
      body: JSON.stringify({ prompt }),
    });
  const codes = async (answers: readonly Response[]): Promise<readonly unknown[]> =>
    Promise.all(
      answers.map(async (answer) =>
        answer.status === 200 ? 200 : ((await answer.json()) as { code: string }).code,
      ),
    );
  const both = [first, second].map((app) => post(app, 'one'));
  // One is refused at once, the other one works.
  const refused = await Promise.race(both);
  expect(await codes([refused])).toEqual(['idempotency_in_progress']);
  expect(refused.headers.get('retry-after')).toBe('1');
  await waitFor('the model call', () => model.requests.length === 1);
  expect(await codes([await post(first, 'one'), await post(second, 'one')])).toEqual([
    'idempotency_in_progress',
    'idempotency_in_progress',
  ]);
  gate.open();
  const done = (await Promise.all(both)).find(({ status }) => status === 200);
  const answer = await done?.json();
  for (const app of [first, second]) {
    const again = await waitFor('the claim to be released', async () => {
      const response = await post(app, 'one');
      return response.status === 200 && response;
    });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.json()).toEqual(answer);
    expect(await codes([await post(app, 'one', 'other')])).toEqual(['idempotency_conflict']);
  }
  expect(model.requests).toHaveLength(1);
  // A claim is released when the answer is stored, so a new key works at once.
  expect(await codes([await post(second, 'two')])).toEqual([200]);
});

test('a stream ticket of one node opens one stream, on any node', async () => {
  const nodes = await startNodes(says('hi'));
  const { first, second } = nodes;
  const { id, key } = await first.client.keys.create({ name: 'page', scopes: ['read'] });
  const issue = async (): Promise<string> => {
    const client = new CodeBuddyClient({ url: first.url, apiKey: key });
    return (await client.streamTickets.create()).ticket;
  };
  const open = async (app: StartedApp, ticket: string): Promise<number> => {
    const stop = new AbortController();
    const { status } = await fetch(`${app.url}/api/events?ticket=${ticket}`, {
      headers: { accept: 'text/event-stream' },
      signal: stop.signal,
    });
    stop.abort();
    return status;
  };
  await waitFor('the other node to know the key', async () => (await open(second, await issue())) === 200);
  const ticket = await issue();
  const answers = await Promise.all([first, second, second, first].map((app) => open(app, ticket)));
  expect(answers.sort()).toEqual([200, 401, 401, 401]);
  // A used ticket stays used when the node that took it dies or leaves.
  const used = await issue();
  expect(await open(second, used)).toBe(200);
  await declareDead(nodes, second, first);
  expect(await open(first, used)).toBe(401);
  const changed = await issue();
  const other = changed.at(-2) === 'A' ? 'B' : 'A';
  expect(await open(second, `${changed.slice(0, -2)}${other}${changed.at(-1)}`)).toBe(401);
  const revoked = await issue();
  await first.client.keys.revoke(id);
  await waitFor('the other node to refuse the key', () =>
    new CodeBuddyClient({ url: second.url, apiKey: key }).sessions.list().then(
      () => false,
      () => true,
    ),
  );
  expect(await open(second, revoked)).toBe(401);
});

test('the cost of the day is that of all nodes, and each threshold is reported once', async () => {
  const answer = { ...says('hi'), usage: { input: 100_000, output: 18_750 } };
  const { first, second } = await startNodes(answer, {
    models: ['openai/gpt-4.1'],
    costLimits: { day: 1 },
    costThresholds: [0.6],
  });
  // $0.35 a run.
  for (const { client } of [first, second, first]) await client.prompt({ prompt: 'go' });
  for (const { client } of [first, second])
    await expect(client.prompt({ prompt: 'more' })).rejects.toMatchObject({ code: 'cost_limit_reached' });
  const { events } = await second.client.events.list({ types: ['cost.threshold'] });
  expect(events.map(({ data }) => data)).toEqual([{ scope: 'day', threshold: 0.6, cost: 0.7 }]);
});

test('a session is not deleted under a run that another node starts', async () => {
  const { first, second } = await startNodes(says('ok'));
  for (let round = 0; round < 15; round++) {
    const { id: sessionId } = await first.client.sessions.create({ title: `${round}` });
    const [deleted, started] = await Promise.allSettled([
      first.client.sessions.delete(sessionId),
      second.client.runs.start({ prompt: 'go', sessionId }),
    ]);
    if (started.status === 'fulfilled') {
      expect(deleted).toMatchObject({ reason: { code: 'session_busy' } });
      await hasStatus(first.client, started.value.id, 'completed');
    } else {
      expect(started.reason).toMatchObject({ code: 'session_not_found' });
      expect(deleted.status).toBe('fulfilled');
    }
  }
});

test('an upload of many prompts to one session over two nodes keeps all of them', async () => {
  const { first, second } = await startNodes(says('ok'));
  const { id: sessionId } = await first.client.sessions.create({ title: 'many' });
  const runs = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      (n % 2 === 0 ? first : second).client.runs.start({ prompt: `prompt ${n}`, sessionId }),
    ),
  );
  for (const { id } of runs) await hasStatus(first.client, id, 'completed');
  const { messages } = await second.client.sessions.messages(sessionId, { limit: 100 });
  expect(messages).toHaveLength(24);
  await waitFor(
    'the end of the last run on its own node',
    async () => (await second.client.sessions.get(sessionId)).status === 'idle',
  );
});

test('an MCP server that one node adds works on the other, until one of them removes it', async () => {
  const tracker = await startMcpHttpServer();
  const { first, second } = await startNodes(says('hi'));
  await first.client.mcpServers.add({ name: 'tracker', server: { url: tracker.url } });
  await waitFor('the other node has it', async () => {
    const { mcpServers } = await second.client.mcpServers.list();
    return mcpServers.some(({ name }) => name === 'tracker');
  });
  expect(await second.client.tools.run('tracker__echo')).toMatchObject({ result: { content: 'session-1' } });
  await second.client.mcpServers.remove('tracker');
  await waitFor('it is gone', async () => (await first.client.mcpServers.list()).mcpServers.length === 0);
});
