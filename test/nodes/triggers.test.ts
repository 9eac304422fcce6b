// Triggers on several nodes of one database: they share the triggers, recognize repeated calls of each other, and begin
// runs that another node has left.

import { expect, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import type { TriggerInput } from '../../src/contract/trigger-input.ts';
import { says } from '../agent/start-model-agent.ts';
import type { StartedApp } from '../http/start-app.ts';
import { github, pullRequest } from '../triggers/senders.ts';
import { waitFor } from '../wait-for.ts';
import { createGate, hasStatus, type StartedNodes, startNodes } from './start-nodes.ts';

const review = { id: 'reviews1', source: 'github', prompt: 'Review it.', data: [] } as const;

/** Creates the trigger. Returns a function that calls it four times at once, twice on each node; each call is accepted. */
async function createForBoth({ first, second }: StartedNodes, keys: Partial<TriggerInput>) {
  const { path, secret } = await first.client.triggers.create({ ...review, ...keys });
  await waitFor('the trigger on the other node', async () =>
    (await second.client.triggers.list()).triggers.some(({ id }) => id === review.id),
  );
  return async (number: number) => {
    const answers = await Promise.all(
      [first, second, first, second].map(({ url }, call) =>
        github({ url, path, secret }, pullRequest(number, { call })),
      ),
    );
    expect(answers.map(({ json }) => json.code ?? json.outcome)).toEqual(answers.map(() => 'accepted'));
    return answers.map(({ json }) => json);
  };
}

test('a call that is sent to all nodes at once starts one run, which each of them names', async () => {
  const nodes = await startNodes(() => says('Done.'));
  const { first, second } = nodes;
  const { path, secret } = await first.client.triggers.create(review);
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      github({ url: n % 2 === 0 ? first.url : second.url, path, secret }, pullRequest(1), {
        delivery: 'same',
      }),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
  expect(new Set(answers.map(({ json }) => json.runId)).size).toBe(1);
  expect((await second.client.runs.list()).runs).toHaveLength(1);
  const { calls } = await second.client.triggers.listCalls('reviews1', { limit: 200 });
  expect(calls.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(1);
  expect(calls).toHaveLength(40);
});

test('the first calls of a session key at two nodes at once share one session, as do the first requests of a chat', async () => {
  const nodes = await startNodes(() => says('Done.'));
  const { first, second } = nodes;
  const call = await createForBoth(nodes, { sessionKey: 'pull request {{number}}' });
  for (let number = 1; number <= 6; number++) {
    const answers = await call(number);
    expect(new Set(answers.map(({ runId }) => runId)).size).toBe(4);
    expect(new Set(answers.map(({ sessionId }) => sessionId)).size).toBe(1);
  }
  expect((await second.client.sessions.list({ origin: 'trigger' })).sessions).toHaveLength(6);

  const { key } = await first.client.keys.create({ name: 'chat', scopes: ['prompt', 'read'] });
  await waitFor('the key on the other node', () =>
    new CodeBuddyClient({ url: second.url, apiKey: key }).sessions.list(),
  );
  const chat = async ({ url }: StartedApp, name: string): Promise<string | null> => {
    const response = await fetch(`${url}/v1/responses`, {
      method: 'POST',
      body: JSON.stringify({ input: 'hi' }),
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'x-codebuddy-session': name,
      },
    });
    expect(response.status, await response.text()).toBe(200);
    return response.headers.get('x-codebuddy-session');
  };
  for (const name of ['a', 'b', 'c', 'd']) {
    const sessions = await Promise.all([first, second, first, second].map((app) => chat(app, name)));
    expect(new Set(sessions).size).toBe(1);
  }
  expect((await second.client.sessions.list({ origin: 'openai' })).sessions).toHaveLength(4);
});

test('changes of a trigger take effect on all nodes; limits hold over all', async () => {
  const { first, second } = await startNodes(() => says('Done.'));
  const { path, secret } = await first.client.triggers.create({ ...review, limits: { perHour: 3 } });
  const send = (url: string, number: number) => github({ url, path, secret }, pullRequest(number));
  const codes: string[] = [];
  for (let n = 0; n < 4; n++) {
    const { json } = await send([first.url, second.url][n % 2] ?? '', n);
    codes.push(json.code ?? json.outcome);
  }
  // At the turn of an hour one more is accepted.
  expect(codes.slice(0, 3)).toEqual(['accepted', 'accepted', 'accepted']);
  expect(['trigger_limit_reached', 'accepted']).toContain(codes[3]);
  await second.client.triggers.update('reviews1', { enabled: false });
  await waitFor('the change', async () => (await send(first.url, 9)).json.code === 'trigger_disabled');
  await first.client.triggers.remove('reviews1');
  await waitFor('the removal', async () => (await send(second.url, 10)).status === 404);
});

test('a run that a stopped node had accepted begins on another node, once', async () => {
  const gate = createGate();
  const nodes = await startNodes(
    async ({ messages }) => {
      if (JSON.stringify(messages).includes('block')) await gate.opened;
      return says('Done.');
    },
    { maxActiveRuns: 1 },
  );
  const { first, second } = nodes;
  const { path, secret } = await first.client.triggers.create(review);
  const blocking = await first.client.runs.start({ prompt: 'block' });
  await hasStatus(first.client, blocking.id, 'running');
  const { json } = await github({ url: first.url, path, secret }, pullRequest(1));
  await hasStatus(second.client, json.runId, 'queued');
  gate.open();
  await first.app.stop();
  await hasStatus(second.client, json.runId, 'completed');
  const { events } = await second.client.events.list({ runId: json.runId, types: 'run.complete' });
  expect(events).toHaveLength(1);
});

test('of calls with one coalescing key at two nodes at once, one run stays queued', async () => {
  const gate = createGate();
  const nodes = await startNodes(
    async () => {
      await gate.opened;
      return says('Done.');
    },
    { maxActiveRuns: 1 },
  );
  const { first, second } = nodes;
  const call = await createForBoth(nodes, { coalesceKey: '{{number}}' });
  for (const { client } of [first, second])
    await hasStatus(client, (await client.runs.start({ prompt: 'block' })).id, 'running');
  for (let number = 1; number <= 6; number++) {
    const answers = await call(number);
    const ids = answers.map(({ runId }) => runId);
    const runs = await Promise.all(ids.map((id) => second.client.runs.get(id)));
    const idsOf = (status: string): readonly string[] =>
      runs.filter((run) => run.status === status).map(({ id }) => id);
    expect([idsOf('queued').length, idsOf('cancelled').length]).toEqual([1, 3]);
    const { calls } = await second.client.triggers.listCalls(review.id, { limit: 200 });
    const last = calls.find(({ runId }) => runId === idsOf('queued')[0]);
    expect(idsOf('cancelled')).toContain(last?.replacedRunId);
  }
  gate.open();
});
