// Readiness of a node whose database does not answer.

import { expect, onTestFinished, test } from 'vitest';
import { startApp } from '../http/start-app.ts';
import { postgresUrl, startPostgres } from '../postgres/postgres-url.ts';
import { startTcpProxy } from '../postgres/tcp-proxy.ts';
import { waitFor } from '../wait-for.ts';

test('readiness names the part that does not answer, and does not wait for the database', async () => {
  const proxy = await startTcpProxy((await startPostgres()).port);
  const { client } = await startApp({ environment: { DATABASE_URL: proxy.through(await postgresUrl()) } });
  await waitFor('it to be ready', async () => (await client.ready()).status === 'ready');

  // The network is silent, so the statement times out only after 12 s.
  proxy.cut('toServer', 'toClient');
  onTestFinished(() => proxy.heal());
  const { status, parts } = await client.ready();
  expect(status).toBe('not_ready');
  expect(parts).toContainEqual({ name: 'store', ready: false, detail: 'no answer within 3 s' });
  for (const name of ['model', 'runs'])
    expect(parts).toContainEqual(expect.objectContaining({ name, ready: true }));
});
