import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startApp } from '../start-app.ts';

test('on SQLite there is one node, which owns all webhooks and runs', async () => {
  const { client, url, home } = await startApp();
  await client.webhooks.create({ url: 'http://127.0.0.1:20201/', events: ['webhook.test'] });
  await client.prompt({ prompt: 'list *.md' });
  const { nodes } = await client.nodes.list();
  expect(nodes).toEqual([
    {
      id: expect.stringMatching(/^nod_[0-9A-HJKMNP-TV-Z]{26}$/),
      url,
      version: expect.any(String),
      status: 'alive',
      alive: true,
      self: true,
      startedAt: expect.stringMatching(/Z$/),
      leaseUntil: null,
      owns: { lanes: 1, runs: 0 },
      lag: 0,
    },
  ]);
  const [node] = nodes;
  const { parts } = await client.ready();
  expect(parts).toContainEqual({
    name: 'node',
    ready: true,
    detail: `${node?.id}: the only node of its database`,
  });
  const { metrics } = await client.metrics();
  expect(metrics).toMatchObject({
    nodes: {
      self: node?.id,
      leaseSeconds: null,
      alive: 1,
      left: 0,
      dead: 0,
      lanes: 1,
      runs: 0,
      lagEvents: 0,
    },
  });
  const key = readFileSync(join(home, 'api', 'api-key'), 'utf8').trim();
  const text = await (await fetch(`${url}/metrics`, { headers: { 'x-api-key': key } })).text();
  for (const line of [
    `codebuddy_node_info{node="${node?.id}"} 1`,
    'codebuddy_node_lease_seconds +Inf',
    'codebuddy_nodes{state="alive"} 1',
    'codebuddy_nodes{state="left"} 0',
    'codebuddy_node_lanes 1',
    'codebuddy_node_lag_events 0',
  ])
    expect(text).toContain(`\n${line}\n`);
});

test('listing nodes needs a key with the scope read', async () => {
  const { client, url } = await startApp();
  const { key } = await client.keys.create({ name: 'reader', scopes: ['read'] });
  const status = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${url}/api/nodes`, { headers })).status;
  expect(await status({})).toBe(401);
  expect(await status({ 'x-api-key': key })).toBe(200);
});
