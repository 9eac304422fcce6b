// A server on a restored backup whose sequence was raised, as docs/scaling.md says: it does not reuse numbers that
// clients have seen, and a client can continue after any of them.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { postgresUrl, startPostgres } from '../postgres/postgres-url.ts';
import { serve, temporaryFolder } from './run-cli.ts';

test.each(['SQLite', 'PostgreSQL'])('on %s, numbers continue after those of the backup', async (kind) => {
  const home = temporaryFolder();
  const url = kind === 'PostgreSQL' ? await postgresUrl() : undefined;
  const database = ['--database', url ?? join(home, 'api', 'codebuddy.db')];
  const before = await serve(home, database);
  const old = new CodeBuddyClient({ home });
  await old.prompt({ prompt: 'help' });
  const { events } = await old.events.list({ limit: 200 });
  old.close();
  before.child.kill('SIGTERM');
  await before.finished;

  if (url === undefined) {
    const file = new DatabaseSync(join(home, 'api', 'codebuddy.db'));
    file.exec("UPDATE sqlite_sequence SET seq = seq + 1000000 WHERE name = 'events'");
    file.close();
  } else {
    const server = await startPostgres();
    await server.query('UPDATE log_head SET last = last + 1000000', new URL(url).pathname.slice(1));
  }

  await serve(home, database);
  const client = new CodeBuddyClient({ home });
  const last = events.at(-1)?.sequence ?? 0;
  // A number from the time after the backup.
  const stream = client.events.stream({ after: last + 500 })[Symbol.asyncIterator]();
  const { runId } = await client.prompt({ prompt: 'help' });
  const seen: unknown[] = [];
  while (seen.at(-1) !== 'run.complete') {
    const { value } = await stream.next();
    seen.push(value?.type);
    expect(value).toMatchObject({ runId, sequence: last + 1_000_000 + seen.length });
  }
  await stream.return?.(undefined);
  const all = (await client.events.list({ limit: 200 })).events;
  expect(all.map(({ id }) => id)).toEqual(expect.arrayContaining(events.map(({ id }) => id)));
  expect(new Set(all.map(({ sequence }) => sequence)).size).toBe(all.length);
  client.close();
});
