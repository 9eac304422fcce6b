// Requests about a run whose owner does not answer, or is gone.

import { expect, test } from 'vitest';
import { calls, says } from '../agent/start-model-agent.ts';
import { openNode } from '../store/postgres/shared-stores.ts';
import { waitFor } from '../wait-for.ts';
import { hasStatus, startNodes } from './start-nodes.ts';

test('an owner that does not answer in 5 s: 202; an owner that is gone: 503', async () => {
  const { first, second, databaseUrl, sql } = await startNodes(({ messages }) =>
    messages.at(-1)?.role === 'user' ? calls('bash', { command: 'true' }) : says('Done.'),
  );
  const run = await second.client.runs.start({ prompt: 'go' });
  await hasStatus(first.client, run.id, 'waiting');
  const [permission] = (await first.client.permissions.list()).permissions;
  const { key } = await first.client.keys.create({ name: 'k', scopes: ['read', 'prompt', 'tools'] });
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(first.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const cancel = (): Promise<Response> => post(`/api/runs/${run.id}/cancel`, {});
  const decide = (): Promise<Response> => post(`/api/permissions/${permission?.id}`, { decision: 'allow' });

  // As if another node owned the run: one that hangs, then one that is dead and was not taken over from yet.
  const { ownership } = await openNode(databaseUrl);
  const hang = (): Promise<never> => new Promise(() => undefined);
  ownership.commands.handle('run.cancel', hang);
  ownership.commands.handle('permission.decide', hang);
  const [row] = await sql(`SELECT node_id FROM claims WHERE name = 'run:${run.id}'`);
  const give = (nodeId: unknown): Promise<unknown> =>
    sql(`UPDATE claims SET node_id = '${String(nodeId)}' WHERE name = 'run:${run.id}'`);
  await give(ownership.node.id);
  const [cancelled, decided] = await Promise.all([cancel(), decide()]);
  expect(cancelled.status).toBe(202);
  expect(cancelled.headers.get('location')).toBe(`/api/runs/${run.id}`);
  expect(await cancelled.json()).toMatchObject({ id: run.id, status: 'waiting' });
  expect(decided.status).toBe(202);
  expect(await decided.json()).toMatchObject({ id: permission?.id, status: 'pending' });

  await give('nod_gone');
  for (const answer of [await cancel(), await decide()]) {
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(await answer.json()).toMatchObject({
      code: 'node_unavailable',
      detail: expect.stringContaining(`run ${run.id} has stopped`),
    });
  }

  await give(row?.node_id);
  expect((await decide()).status).toBe(200);
  await hasStatus(first.client, run.id, 'completed');
  expect((await cancel()).status).toBe(409);
});

test('a run that no node owns is interrupted at the next start of a node', async () => {
  const nodes = await startNodes({ kind: 'silence' });
  const { first, second, sql } = nodes;
  const run = await first.client.runs.start({ prompt: 'go' });
  await hasStatus(second.client, run.id, 'running');
  await first.app.stop();
  await hasStatus(second.client, run.id, 'interrupted');
  // As after a move from another store, whose server had been killed.
  await sql(`UPDATE runs SET status = 'running' WHERE id = '${run.id}'`);
  const third = await nodes.startAnother();
  await hasStatus(third.client, run.id, 'interrupted');
  await waitFor('the claim to be released', async () => {
    const rows = await sql(`SELECT FROM claims WHERE name = 'run:${run.id}'`);
    return rows.length === 0;
  });
});
