// Nodes that start as real processes: many at once on an empty database, and on schemas of other releases.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { CodeBuddyClient } from '../../../src/client/index.ts';
import { migrations, schemaVersion } from '../../../src/store/postgres/migrations.ts';
import { run, serve, temporaryFolder } from '../../cli/run-cli.ts';
import { type PostgresServer, startPostgresServer } from '../../postgres/postgres-server.ts';
import { TEST_LIMIT_MS, WAIT_LIMIT_MS, waitFor } from '../../wait-for.ts';
import { createDatabase, startCluster } from './cluster.ts';
import { follow } from './follower.ts';
import { startLoad } from './load.ts';
import type { ChaosNode } from './node.ts';
import { checkPromises } from './promises.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgresServer({ settings: { max_connections: 200 } });
});
afterAll(() => server.remove());

test('ten nodes start at once on an empty database, and work as one', {
  timeout: TEST_LIMIT_MS + 10 * WAIT_LIMIT_MS,
}, async () => {
  const cluster = await startCluster(server, { count: 10, connections: 3 });
  const [first] = cluster.nodes as readonly [ChaosNode];
  await waitFor(
    'all nodes to be seen alive',
    async () => (await first.nodes()).filter(({ alive }) => alive).length === 10,
    () => first.nodes(),
  );
  const followers = cluster.nodes.map(follow);
  await cluster.createWebhook('/plain');
  await cluster.createWebhook('/ordered', { ordered: true });
  const { events } = await first.client.events.list({ limit: 1, order: 'desc' });
  const load = startLoad(cluster.nodes);
  for (const node of cluster.nodes)
    await waitFor(
      `${node.name} to acknowledge prompts`,
      () => load.countOf(node) >= 3,
      () => ({ faults: load.faults, log: node.log().slice(-4000) }),
    );
  await load.end();
  await checkPromises({ cluster, load, followers, pauses: [], webhooksSince: events[0]?.sequence ?? 0 });
});

test('a database of a newer release refuses an older program with a clear message', async () => {
  const { url, name } = await createDatabase(server);
  const node = await serve(temporaryFolder(), [], { DATABASE_URL: url });
  node.child.kill('SIGTERM');
  await node.finished;
  await server.query(`UPDATE schema_version SET version = ${schemaVersion + 1}`, name);
  const refused = await run(temporaryFolder(), ['serve', '--port', '0'], { env: { DATABASE_URL: url } });
  expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(
    new RegExp(
      `^codebuddy: \\S+/${name}.* was written by a newer release \\(schema ${schemaVersion + 1}; this one knows up to ${schemaVersion}\\)\\. Update codebuddy-api\\.\\n$`,
    ),
  );
});

test('nodes that start at once on a database of an older release migrate it and keep its events', async () => {
  const { url, role, name } = await createDatabase(server);
  const older = Math.min(2, schemaVersion - 1);
  const steps = migrations.slice(0, older).join('\n');
  await server.query(
    `SET ROLE ${role}; BEGIN; ${steps}
     CREATE TABLE schema_version (version integer NOT NULL); INSERT INTO schema_version VALUES (${older});
     INSERT INTO events (sequence, id, type, timestamp, data) VALUES (1, 'evt_of_old', 'session.start', ${Date.now()}, '{"title":"old"}');
     UPDATE log_head SET last = 1; COMMIT`,
    name,
  );
  const homes = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
  const nodes = await Promise.all(homes.map((home) => serve(home, [], { DATABASE_URL: `${url}?max=3` })));
  expect(nodes).toHaveLength(3);
  const [row] = await server.query('SELECT version FROM schema_version', name);
  expect(row).toEqual({ version: schemaVersion });
  for (const home of homes) {
    const client = new CodeBuddyClient({ home });
    expect(await client.events.get('evt_of_old')).toMatchObject({ sequence: 1, data: { title: 'old' } });
    client.close();
  }
});
