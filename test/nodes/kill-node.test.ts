// Nodes as real processes: one is killed, or stopped for longer than its lease, while its runs work and wait.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CodeBuddyClient, type Permission } from '../../src/client/index.ts';
import { type ModelServer, startModelServer } from '../agent/model-server.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { type Server, serve, temporaryFolder } from '../cli/run-cli.ts';
import { postgresUrl } from '../postgres/postgres-url.ts';
import { waitFor } from '../wait-for.ts';

interface Node {
  readonly server: Server;
  readonly client: CodeBuddyClient;
}

async function startNode(model: ModelServer, databaseUrl: string): Promise<Node> {
  const folder = temporaryFolder();
  const [home, workspace] = [join(folder, 'home'), join(folder, 'workspace')];
  for (const path of [join(home, 'api'), workspace]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const config = { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } };
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify(config));
  const env = { CODEBUDDY_MODEL: '', CODEBUDDY_WORKSPACE: workspace, DATABASE_URL: databaseUrl };
  const server = await serve(home, ['--port', '0'], env);
  const client = new CodeBuddyClient({ home });
  onTestFinished(() => client.close());
  return { server, client };
}

/** Two nodes; the first one has a run that works, one that waits for approval, and one in the queue. */
async function startWithRuns() {
  const databaseUrl = await postgresUrl();
  const model = await startModelServer(({ messages }) =>
    messages[0]?.text === 'ask' && messages.length === 1
      ? calls('bash', { command: 'true' })
      : { kind: 'silence' },
  );
  const first = await startNode(model, databaseUrl);
  const second = await startNode(model, databaseUrl);
  const working = await first.client.runs.start({ prompt: 'work' });
  const asking = await first.client.runs.start({ prompt: 'ask' });
  const queued = await first.client.runs.start({ prompt: 'later', sessionId: working.sessionId });
  await waitFor('the other to wait', async () => {
    const [a, b] = [await second.client.runs.get(asking.id), await second.client.runs.get(working.id)];
    return a.status === 'waiting' && b.status === 'running' && model.requests.length === 2;
  });
  const { permissions } = await second.client.permissions.list();
  expect(permissions).toHaveLength(1);
  return { model, first, second, working, asking, queued, permissions, ids: [working.id, queued.id] };
}

async function becomeInterrupted({ client }: Node, ids: readonly string[]): Promise<void> {
  for (const id of ids)
    await waitFor(
      `run ${id} to be interrupted`,
      async () => (await client.runs.get(id)).status === 'interrupted',
      () => client.runs.get(id),
    );
}

async function runEvents({ client }: Node, runId: string): Promise<readonly string[]> {
  const { events } = await client.events.list({ runId, limit: 200 });
  return events.map(({ type }) => type);
}

/** The run still waits, for the same permission; a node decides it. */
async function decideAsked(
  { client }: Node,
  runId: string,
  permissions: readonly Permission[],
): Promise<void> {
  expect((await client.permissions.list()).permissions).toEqual(permissions);
  await waitFor('the decision', async () => {
    // Until the other node has taken over, none takes it.
    await client.permissions.decide(permissions[0]?.id ?? '', { decision: 'deny' });
    return true;
  });
  await waitFor('it to end', async () => (await client.runs.get(runId)).status === 'completed');
}

test('after kill -9 of a node, another one interrupts its runs and resumes them; one that waits goes on waiting', async () => {
  const { model, first, second, working, asking, queued, ids, permissions } = await startWithRuns();
  const followed = (async () => {
    const types: string[] = [];
    for await (const { type } of second.client.runs.events(working.id)) types.push(type);
    return types;
  })();
  const { key } = await first.client.keys.create({ name: 'k', scopes: ['read', 'prompt'] });
  const request = (node: Node): Promise<Response> =>
    fetch(`${node.server.url}/api/prompt`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'idempotency-key': 'once',
      },
      body: JSON.stringify({ prompt: 'wait for it' }),
    });
  const post = async (node: Node): Promise<number> => (await request(node)).status;
  const codeOf = async (node: Node): Promise<unknown> =>
    ((await (await request(node)).json()) as { readonly code?: unknown }).code;
  const cutOff = post(first).catch(() => 'cut off');
  await waitFor('the model call', () => model.requests.length === 3);
  await waitFor('the key to be in use on the other node', async () => (await post(second)) === 409);
  first.server.child.kill('SIGKILL');
  expect(await cutOff).toBe('cut off');
  await becomeInterrupted(second, ids);
  expect(await followed).toEqual(['session.start', 'run.queued', 'message.user', 'run.failed']);
  for (const id of ids) {
    const types = await runEvents(second, id);
    expect(types.filter((type) => type === 'run.failed')).toHaveLength(1);
  }
  model.reply(says('Done.'));
  await decideAsked(second, asking.id, permissions);
  // The killed node had begun the request, so it is not done again.
  const requests = model.requests.length;
  expect(await codeOf(second)).toBe('idempotency_unknown');
  expect(model.requests).toHaveLength(requests);
  await second.client.runs.resume(queued.id);
  await waitFor('it to end', async () => (await second.client.runs.get(queued.id)).status === 'completed');
});

test('a node that was stopped for longer than its lease writes nothing about its runs when it continues', async () => {
  const { model, first, second, working, asking, ids, permissions } = await startWithRuns();
  first.server.child.kill('SIGSTOP');
  await becomeInterrupted(second, ids);
  const before = await Promise.all(ids.map((id) => runEvents(second, id)));
  model.reply(says('Done.'));
  await decideAsked(second, asking.id, permissions);

  first.server.child.kill('SIGCONT');
  await waitFor('the node to join again', async () =>
    (await second.client.nodes.list()).nodes.every(({ alive }) => alive),
  );
  await waitFor(
    'the node to work again',
    async () => (await first.client.prompt({ prompt: 'new' })).response === 'Done.',
  );
  await waitFor('its model calls to end', () => model.requests.slice(0, 1).every((one) => one.isClosed()));
  expect(await runEvents(second, working.id)).toEqual(before[0]);
  expect((await first.client.runs.get(asking.id)).status).toBe('completed');
  expect((await first.client.runs.get(working.id)).status).toBe('interrupted');
  expect((await runEvents(second, asking.id)).filter((type) => type === 'run.complete')).toHaveLength(1);
});
