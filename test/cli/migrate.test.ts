// `codebuddy migrate` with data that the real program has made, interrupted in every way, and read by the real program.

import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { createEventLog } from '../../src/events/log.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { emptyPostgresUrl, startPostgres } from '../postgres/postgres-url.ts';
import { startTcpProxy } from '../postgres/tcp-proxy.ts';
import { waitFor } from '../wait-for.ts';
import { startReceiver } from '../webhooks/recording-receiver.ts';
import { run, serve, start, temporaryFolder } from './run-cli.ts';
import { hasTerminal, onTerminal } from './terminal.ts';

const databaseOf = (home: string): string => join(home, 'api', 'codebuddy.db');

async function stop(server: {
  readonly child: { kill(signal: NodeJS.Signals): boolean };
  readonly finished: Promise<unknown>;
}): Promise<void> {
  server.child.kill('SIGTERM');
  await server.finished;
}

/** All that clients can read, as the API shows it. */
async function readAll(home: string) {
  const client = new CodeBuddyClient({ home });
  try {
    const { sessions } = await client.sessions.list();
    const details = sessions.map(async ({ id }) => ({
      messages: (await client.sessions.messages(id)).messages,
      exported: { ...(await client.sessions.export(id)), exportedAt: '' },
    }));
    return {
      sessions,
      details: await Promise.all(details),
      runs: (await client.runs.list()).runs,
      events: (await client.events.list({ limit: 200 })).events,
      keys: (await client.keys.list()).keys,
      deliveries: (await client.deliveries.list({ limit: 200 })).deliveries.map(
        ({ id, webhookId, eventId }) => ({
          id,
          webhookId,
          eventId,
        }),
      ),
    };
  } finally {
    client.close();
  }
}

test('a home moves with ids, sequence numbers, keys and pending deliveries, which are sent from there', async () => {
  const to = await emptyPostgresUrl();
  const home = temporaryFolder();
  const before = await serve(home);
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(503).end());
  const client = new CodeBuddyClient({ home });
  const webhook = await client.webhooks.create({ url: receiver.url, events: ['message.user'] });
  const { key } = await client.keys.create({
    name: 'kept \u0010',
    scopes: ['read'],
    limits: { promptsPerMinute: 9 },
  });
  for (const prompt of ['list *.md', 'read \u0010 and ü 🙂', 'list *.ts']) await client.prompt({ prompt });
  await receiver.received(3);
  client.close();

  const refused = await run(home, ['migrate', '--to', to]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/codebuddy\.db is in use by process \d+ since/);

  const seen = await readAll(home);
  await stop(before);
  const moved = await run(home, ['migrate', '--json'], { env: { DATABASE_URL: to } });
  expect(moved.code, moved.stderr).toBe(0);
  expect(JSON.parse(moved.stdout)).toMatchObject({
    from: databaseOf(home),
    rows: { events: seen.events.length, sessions: 3, keys: 1, deliveries: 3 },
    webhooks: 1,
    pendingDeliveries: 3,
    lastSequence: seen.events.at(-1)?.sequence,
  });
  expect(moved.stderr).toMatch(/^100 % +webhook states 1\/1$/m);

  receiver.answer((_request, response) => response.end('ok'));
  const sent = receiver.requests.length;
  const after = await serve(home, [], { DATABASE_URL: to });
  const shown = await readAll(home);
  expect(shown).toMatchObject(seen);
  const again = new CodeBuddyClient({ home });
  await again.prompt({ prompt: 'one more' });
  const { events } = await again.events.list({ after: seen.events.at(-1)?.sequence ?? 0, limit: 200 });
  expect(events[0]?.sequence).toBe((seen.events.at(-1)?.sequence ?? 0) + 1);
  await Promise.all(seen.deliveries.map(({ id }) => again.deliveries.retry(id).catch(() => undefined)));
  await waitFor('the pending deliveries', async () => {
    const { deliveries } = await again.deliveries.list({ webhookId: webhook.id, limit: 200 });
    return deliveries.length === 4 && deliveries.every(({ status }) => status === 'success');
  });
  again.close();
  const idOf = ({ headers }: (typeof receiver.requests)[number]): string => String(headers['webhook-id']);
  const bodies = new Map(receiver.requests.slice(0, sent).map((request) => [idOf(request), request.body]));
  const later = receiver.requests.slice(sent);
  expect([...bodies.keys()].sort()).toEqual(seen.deliveries.map(({ eventId }) => eventId).sort());
  for (const [id, body] of bodies)
    expect(later.find((request) => idOf(request) === id)?.body.toString()).toBe(body.toString());
  const reader = new CodeBuddyClient({ url: after.url, apiKey: key });
  expect((await reader.events.list()).events.length).toBeGreaterThan(0);
  reader.close();
  await stop(after);

  const twice = await run(home, ['migrate', '--to', to]);
  expect(twice).toMatchObject({ code: 1, stdout: '' });
  expect(twice.stderr).toMatch(/has data already \(events, .*\)\. Use an empty database\./);
});

test('a session that a client has named is found by its name after the move', async () => {
  const to = await emptyPostgresUrl();
  const home = temporaryFolder();
  const apiKey = (): string => readFileSync(join(home, 'api', 'api-key'), 'utf8').trim();
  const sessionOf = async (url: string): Promise<string | null> => {
    const response = await fetch(`${url}/v1/responses`, {
      method: 'POST',
      body: JSON.stringify({ input: 'help' }),
      headers: {
        authorization: `Bearer ${apiKey()}`,
        'content-type': 'application/json',
        'x-codebuddy-session': 'my project',
      },
    });
    expect(response.status).toBe(200);
    return response.headers.get('x-codebuddy-session');
  };
  const before = await serve(home);
  const session = await sessionOf(before.url);
  await stop(before);
  expect(await run(home, ['migrate', '--to', to])).toMatchObject({ code: 0 });
  const after = await serve(home, [], { DATABASE_URL: to });
  expect(await sessionOf(after.url)).toBe(session);
  await stop(after);
});

/** A home with many events, one of which has this text. */
async function makeLongHome(count: number, mark: string): Promise<string> {
  const home = temporaryFolder();
  const store = await openSqliteStore({ path: databaseOf(home) });
  const log = createEventLog({ store });
  for (let index = 0; index < count; index += 1000)
    await log.append(
      Array.from({ length: 1000 }, (_, offset) => ({
        type: 'error' as const,
        data: { code: 'x', message: `${index + offset}${index + offset === count / 2 ? mark : ''}` },
      })),
    );
  await log.close();
  await store.close();
  writeFileSync(join(home, 'webhooks.json'), '[{"id": "refused-one", "note": "stays as it is"}]', {
    mode: 0o600,
  });
  return home;
}

interface Row {
  readonly sequence: number;
  readonly id: string;
  readonly data: string;
}

test('killed in the middle, it continues; a server refuses the half-filled database meanwhile', async () => {
  const to = await emptyPostgresUrl();
  const postgres = await startPostgres();
  const proxy = await startTcpProxy(postgres.port);
  const name = new URL(to).pathname.slice(1);
  const count = 20_000;
  const home = await makeLongHome(count, 'HALFWAY');

  const reached = proxy.breakAt('toServer', 'HALFWAY');
  const killed = start(home, ['migrate', '--to', proxy.through(to)]);
  await reached;
  killed.child.kill('SIGKILL');
  await killed.finished;
  const [{ copied = 0 } = {}] = await postgres.query(
    "SELECT copied::int FROM move_progress WHERE name = 'events'",
    name,
  );
  expect(copied).toBe(count / 2);

  const early = await run(home, ['serve', '--port', '0', '--database', to]);
  expect(early.code).toBe(1);
  expect(early.stderr).toMatch(/is being filled by codebuddy migrate/);
  const doctor = await run(home, ['doctor', '--database', to]);
  expect(doctor.stdout).toMatch(/^FAIL database .* is being filled by codebuddy migrate;/m);

  const lost = proxy.breakAt('toServer', 'HALFWAY');
  const broken = await run(home, ['migrate', '--to', proxy.through(to)]);
  await lost;
  expect(broken.code).toBe(1);
  expect(broken.stderr).toMatch(/Run the same command again: it continues where it stopped\./);

  const resumed = await run(home, ['migrate', '--to', to]);
  expect(resumed.stderr).toMatch(/^Continuing the move to 127.* that was interrupted\.$/m);
  expect(resumed).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/20000 events.*1 webhook, .*All counts match/),
  });
  const file = new DatabaseSync(databaseOf(home), { readOnly: true });
  const text = 'SELECT sequence, id, data FROM events ORDER BY sequence';
  const expected = file.prepare(text).all() as unknown as readonly Row[];
  file.close();
  const found = await postgres.query(text, name);
  expect(found.map(({ sequence, id, data }) => [Number(sequence), id, data])).toEqual(
    expected.map(({ sequence, id, data }) => [sequence, id, data]),
  );
  expect(await postgres.query('SELECT last::int FROM log_head', name)).toEqual([{ last: count }]);
  expect(await postgres.query('SELECT id, run_id, entry FROM webhooks', name)).toEqual([
    { id: 'refused-one', run_id: null, entry: '{"id":"refused-one","note":"stays as it is"}' },
  ]);
});

test.skipIf(!hasTerminal).each([24, 40, 100])(
  'on a terminal of %i columns, the bar stays on one line, and Ctrl-C says how to continue',
  async (columns) => {
    const to = await emptyPostgresUrl();
    const proxy = await startTcpProxy((await startPostgres()).port);
    const home = await makeLongHome(8000, 'HALFWAY');
    const half = proxy.holdAfter('toServer', 'HALFWAY');
    const { type, saw, ended, text } = onTerminal(home, ['migrate', '--to', proxy.through(to)], {}, columns);
    await half;
    await saw('events');
    type('\x03');
    await saw('\r\nInterrupted. Run the same command again: it continues where it stopped.\r\n');
    expect(await ended).toBe(130);
    const [bars = ''] = text().split('\r\n');
    // The terminal itself shows ^C.
    const shown = bars.replace('^C', '').split('\r\x1b[K').slice(1);
    expect(shown.length).toBeGreaterThan(0);
    for (const bar of shown) expect(bar.length, bar).toBeLessThan(columns);
    expect(shown.every((bar) => bar.startsWith('['))).toBe(columns > 24);
    await proxy.heal();
    const resumed = await run(home, ['migrate', '--to', to]);
    expect(resumed).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/8000 events.*All counts match/),
    });
  },
);

test('a home that has changed since the interruption is moved from the start', async () => {
  const to = await emptyPostgresUrl();
  const proxy = await startTcpProxy((await startPostgres()).port);
  const home = await makeLongHome(4000, 'HALFWAY');
  void proxy.breakAt('toServer', 'HALFWAY');
  expect((await run(home, ['migrate', '--to', proxy.through(to)])).code).toBe(1);
  const server = await serve(home);
  const client = new CodeBuddyClient({ home });
  await client.prompt({ prompt: 'list *.md' });
  client.close();
  await stop(server);
  const again = await run(home, ['migrate', '--to', to, '--json']);
  expect(again.code, again.stderr).toBe(0);
  expect(again.stderr).toMatch(/has changed since the move .*, so it starts again/);
  expect(JSON.parse(again.stdout)).toMatchObject({ rows: { sessions: 1 } });
});

test.each([
  ['nothing to move to', ['migrate'], 2, /--to is missing: the URL of the PostgreSQL database/],
  [
    'not a URL',
    ['migrate', '--to', 'other.db'],
    2,
    /--to must look like postgres:\/\/db\.example\.org:5432\/codebuddy\./,
  ],
  [
    'no such file',
    ['migrate', '--from', 'none.db', '--to', 'postgres://me:hunter22@h/d'],
    1,
    /none\.db does not exist/,
  ],
  [
    'an unusable webhooks.json',
    ['migrate', '--webhooks', 'broken.json', '--to', 'postgres://h/d'],
    1,
    /broken\.json cannot be used: it is not JSON/,
  ],
])('refuses %s', async (_what, args, code, message) => {
  const home = temporaryFolder();
  mkdirSync(join(home, 'api'), { recursive: true });
  writeFileSync(databaseOf(home), '');
  writeFileSync(join(home, 'broken.json'), '{');
  const finished = await run(home, args);
  expect(finished.code).toBe(code);
  expect(finished.stderr).toMatch(message);
  expect(finished.stderr).not.toContain('hunter22');
  expect(statSync(databaseOf(home)).size, 'the file is left alone').toBe(0);
  expect(readFileSync(join(home, 'broken.json'), 'utf8')).toBe('{');
});
