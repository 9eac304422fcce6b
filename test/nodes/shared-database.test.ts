// Nodes as real processes on one PostgreSQL database: how they start, what an operator sees of them, and how they leave.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Node } from '../../src/client/index.ts';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { run, serve, start, temporaryFolder } from '../cli/run-cli.ts';
import { postgresUrl, startPostgres } from '../postgres/postgres-url.ts';
import { startTcpProxy } from '../postgres/tcp-proxy.ts';
import { waitFor } from '../wait-for.ts';

async function listNodes(home: string): Promise<readonly Node[]> {
  const { stdout, code, stderr } = await run(home, ['nodes', 'list', '--json']);
  expect(code, stderr).toBe(0);
  return (JSON.parse(stdout) as { readonly nodes: readonly Node[] }).nodes;
}

const stateOf = (nodes: readonly Node[], url: string): string | undefined =>
  nodes.find((node) => node.url === url)?.status;

test('two nodes are seen from either one; a stopped node has left, and a killed one is declared dead', async () => {
  const DATABASE_URL = await postgresUrl();
  const homes = [temporaryFolder(), temporaryFolder(), temporaryFolder()] as const;
  const [first, second, third] = await Promise.all([
    serve(homes[0], [], { DATABASE_URL }),
    serve(homes[1], [], { DATABASE_URL }),
    serve(homes[2], ['--node-url', 'http://third.example:3847'], { DATABASE_URL }),
  ]);
  const all = await waitFor(
    'the URLs of all nodes',
    async () => {
      const nodes = await listNodes(homes[0]);
      return nodes.every(({ url }) => url !== null) && nodes;
    },
    () => '',
  );
  expect(all.map(({ url }) => url).sort()).toEqual(
    [first.url, second.url, 'http://third.example:3847'].sort(),
  );
  expect(all.every(({ alive, leaseUntil }) => alive && leaseUntil !== null)).toBe(true);
  expect(all.filter(({ self }) => self).map(({ url }) => url)).toEqual([first.url]);

  const client = new CodeBuddyClient({ home: homes[0] });
  const node = await waitFor('the node to be ready', async () =>
    (await client.ready()).parts.find(({ name, ready }) => name === 'node' && ready),
  );
  expect(node.detail).toContain('holds its lease');
  client.close();

  second.child.kill('SIGTERM');
  expect((await second.finished).code).toBe(0);
  expect(stateOf(await listNodes(homes[0]), second.url)).toBe('left');
  third.child.kill('SIGKILL');
  await waitFor('the killed node to be declared dead', async () => {
    const nodes = await listNodes(homes[0]);
    return stateOf(nodes, 'http://third.example:3847') === 'dead';
  });
  const table = await run(homes[0], ['nodes', 'list']);
  expect(table.stdout).toMatch(/^ID +URL +VERSION +STATE +STARTED +LEASE UNTIL +WEBHOOKS +RUNS +LAG$/m);
  expect(table.stdout).toMatch(/ alive \(answers\) /);
  for (const state of ['left', 'dead'])
    expect(table.stdout.match(new RegExp(` ${state} `, 'g'))).toHaveLength(1);
});

test.each([
  [
    'logs',
    'warn',
    /^{"level":40,.*"msg":"A newer release has migrated the database.*Start the newer release\."}$/,
  ],
  ['prints', 'silent', /^codebuddy: A newer release has migrated the database.*Start the newer release\.$/],
])(
  'a server of an older release ends when a newer one has migrated the database, and %s one line',
  async (_what, level, line) => {
    const DATABASE_URL = await postgresUrl();
    const { finished } = await serve(temporaryFolder(), ['--log-level', level], { DATABASE_URL });
    const server = await startPostgres();
    await server.query(
      'UPDATE schema_version SET version = version + 1',
      new URL(DATABASE_URL).pathname.slice(1),
    );
    const { code, stderr } = await finished;
    expect(code).toBe(1);
    // Only this line.
    expect(stderr.trimEnd()).toMatch(line);
    expect(stderr.trimEnd()).not.toContain('\n');
  },
);

test('a config folder has one node', async () => {
  const DATABASE_URL = await postgresUrl();
  const home = temporaryFolder();
  const { child, finished } = await serve(home, [], { DATABASE_URL });
  const second = await run(home, ['serve', '--port', '0'], { env: { DATABASE_URL } });
  expect(second).toMatchObject({ code: 1, stdout: '' });
  expect(second.stderr).toMatch(/^codebuddy: .*node is in use by process \d+ since .*another --home\.\n$/);
  child.kill('SIGTERM');
  await finished;
  expect(existsSync(join(home, 'api', 'server.json'))).toBe(false);
});

test('a start waits for a database that does not answer yet, and says so once', async () => {
  const url = await postgresUrl();
  const proxy = await startTcpProxy((await startPostgres()).port);
  proxy.refuse(true);
  const home = temporaryFolder();
  const waiting = start(home, ['serve', '--json', '--port', '0'], { DATABASE_URL: proxy.through(url) });
  await waitFor('the line about the wait', async () =>
    waiting.output.stderr.includes('Trying again for up to 60 s.'),
  );
  proxy.refuse(false);
  await waiting.saw('"url"');
  expect(waiting.output.stderr.match(/Trying again/g)).toHaveLength(1);
  expect(waiting.output.stderr).not.toContain('"stack"');
});

test('a database that refuses ends the start at once, without a password in the output', async () => {
  const url = new URL(await postgresUrl());
  url.username = 'nobody';
  url.password = 'hunter22';
  const home = temporaryFolder();
  const { code, stdout, stderr } = await run(home, ['serve', '--port', '0', '--database', url.href]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^codebuddy: 127\.0\.0\.1:\d+\/test_\d+ cannot be opened: .*"nobody".*\n$/);
  expect(stderr).not.toContain('hunter22');
});
