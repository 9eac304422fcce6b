// Faults of the database and of the network: 503 meanwhile, recovery without reopening, nothing acknowledged is lost,
// and nothing is written twice.

import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openPostgresStore, type PostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import type { WriteGuard } from '../../../src/store/postgres/transaction.ts';
import { type PostgresServer, startPostgresServer } from '../../postgres/postgres-server.ts';
import { startTcpProxy, type TcpProxy } from '../../postgres/tcp-proxy.ts';
import { TEST_LIMIT_MS, WAIT_LIMIT_MS, waitFor } from '../../wait-for.ts';
import { newEvent, newSession } from '../temporary-store.ts';

/** Rounds of the tests with chance in them. `npm run test:soak` sets more. */
const rounds = Number(process.env.SOAK_ROUNDS ?? 3);
const timeout = TEST_LIMIT_MS + rounds * WAIT_LIMIT_MS;

let server: PostgresServer;
let databases = 0;
beforeAll(async () => {
  server = await startPostgresServer();
});
afterAll(() => server.remove());

async function newDatabase(): Promise<string> {
  const name = `faults_${++databases}`;
  await server.query(`CREATE DATABASE ${name}`);
  return server.url(name);
}

interface Opened {
  readonly store: PostgresStore;
  readonly proxy: TcpProxy;
  readonly url: string;
  /** What the log was told. */
  readonly told: string[];
}

/** A store that reaches its database through a proxy. */
async function openThroughProxy(
  options: Partial<Parameters<typeof openPostgresStore>[0]> = {},
): Promise<Opened> {
  const url = await newDatabase();
  const proxy = await startTcpProxy(server.port);
  const told: string[] = [];
  const store = await openPostgresStore({
    url: proxy.through(url),
    logger: { warn: (_fields, message) => told.push(message) },
    ...options,
  });
  onTestFinished(() => store.close());
  return { store, proxy, url, told };
}

/** A connection that locks, or does other things to the store. */
async function intruder(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

const unavailable = { code: 'storage_unavailable', status: 503, headers: { 'Retry-After': '1' } };

/** Writes one event after the other on several lines at once, and keeps what was answered. */
function writeAllTheTime(store: PostgresStore) {
  const acknowledged = new Map<string, number>();
  const refused = new Map<string, unknown>();
  let isEnding = false;
  const line = async (): Promise<void> => {
    while (!isEnding) {
      const event = newEvent();
      try {
        const [sequence] = await store.write([event]);
        acknowledged.set(event.event.id, sequence as number);
      } catch (error) {
        refused.set(event.event.id, error);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  };
  const lines = Array.from({ length: 8 }, line);
  return {
    acknowledged,
    refused,
    async end(): Promise<void> {
      isEnding = true;
      await Promise.all(lines);
    },
  };
}

type Writing = ReturnType<typeof writeAllTheTime>;

/** Each acknowledged event is there once, under its number; refused ones are not there. */
async function checkNothingLostOrDoubled(
  store: PostgresStore,
  { acknowledged, refused }: Writing,
): Promise<void> {
  const events = await store.readEvents({ limit: 1_000_000 });
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
  const kept = new Map(events.map(({ id, sequence }) => [id, sequence]));
  expect(kept.size).toBe(events.length);
  for (const [id, sequence] of acknowledged) expect([id, kept.get(id)]).toEqual([id, sequence]);
  for (const [id, error] of refused) {
    expect(error).toMatchObject(unavailable);
    if (String(error).includes('nothing was changed')) expect([id, kept.has(id)]).toEqual([id, false]);
  }
}

/** The log has a line when the database goes away, and one when it is back. */
const away = 'the database cannot be reached; it is tried again';
const back = 'the database is back';

async function untilOneMoreIsAcknowledged({ acknowledged }: Writing): Promise<void> {
  const before = acknowledged.size;
  await waitFor('an acknowledged write', () => acknowledged.size > before);
}

test.each(['stop', 'kill'] as const)('the server is restarted under load (%s)', { timeout }, async (how) => {
  const { store, told } = await openThroughProxy({ doubtLimitMs: 300, connectTimeoutMs: WAIT_LIMIT_MS });
  const writing = writeAllTheTime(store);
  for (let round = 0; round < rounds; round++) {
    await untilOneMoreIsAcknowledged(writing);
    await server[how]();
    const before = writing.refused.size;
    await waitFor('a refused write', () => writing.refused.size > before);
    await expect(store.readEvents({ limit: 1 })).rejects.toMatchObject(unavailable);
    await expect(store.probe()).rejects.toMatchObject(unavailable);
    await server.start();
    await untilOneMoreIsAcknowledged(writing);
  }
  await writing.end();
  await checkNothingLostOrDoubled(store, writing);
  expect(told).toEqual(Array.from({ length: rounds }, () => [away, back]).flat());
});

test('a standby is not used, not even to read, until it is promoted', async () => {
  const { store, url, told } = await openThroughProxy();
  await store.write([newEvent()]);
  await server.stop();
  await server.startAsStandby();
  const isReadOnly = { ...unavailable, message: 'The database is read-only now; nothing was changed.' };
  await waitFor('a write that is refused', () =>
    expect(store.write([newEvent()]))
      .rejects.toMatchObject(isReadOnly)
      .then(() => true),
  );
  await expect(store.readEvents({ limit: 1 })).rejects.toMatchObject(isReadOnly);
  await expect(store.probe()).rejects.toMatchObject(isReadOnly);
  await expect(openPostgresStore({ url })).rejects.toMatchObject({
    reason: 'unwritable',
    message: expect.stringMatching(/is read-only, because it is a standby\. Use the primary server\.$/),
  });
  await server.query('SELECT pg_promote()');
  const [sequence] = await waitFor('a write after the promotion', () => store.write([newEvent()]));
  expect((await store.readEvents({ limit: 9 })).map((event) => event.sequence)).toEqual([1, sequence]);
  expect(told).toEqual([away, back]);
});

test('a server that was restarted while the store was idle costs no error', async () => {
  const { store } = await openThroughProxy();
  await Promise.all(Array.from({ length: 5 }, () => store.readEvents({ limit: 1 })));
  await server.stop();
  await server.start();
  expect(await store.readEvents({ limit: 1 })).toEqual([]);
  expect(await store.write([newEvent()])).toEqual([1]);
});

test.each([
  ['its answer is lost', 'toClient', 'COMMIT'],
  ['it does not reach the server', 'toServer', 'takeNumbers'],
] as const)('a commit is made once if %s', { timeout }, async (_, direction, text) => {
  const { store, proxy } = await openThroughProxy();
  for (let round = 1; round <= rounds; round++) {
    const broken = proxy.breakAt(direction, text);
    const writes = [newEvent(), newEvent(), newEvent()].map((event) => store.write([event]));
    await broken;
    expect((await Promise.all(writes)).flat()).toEqual([round * 3 - 2, round * 3 - 1, round * 3]);
  }
  expect(await store.eventBounds()).toEqual({ first: 1, last: rounds * 3 });
});

test('a commit that reaches the server after it was given up changes nothing', async () => {
  const { store, proxy } = await openThroughProxy();
  const put = (state: string) => store.write([{ kind: 'putWebhookState', row: { webhookId: 'w1', state } }]);
  await put('first');
  proxy.hold();
  const write = put('second');
  await waitFor('the commit to be on its way', () => proxy.held().includes('\0commit\0'));
  proxy.loseClients();
  await write;
  await put('third');
  await proxy.heal();
  expect(await store.listWebhookStates()).toEqual([{ webhookId: 'w1', state: 'third' }]);
});

test.each([[['toServer', 'toClient']], [['toServer']], [['toClient']]] as const)(
  'a network that swallows what is sent %s is given up after the timeout',
  async (directions) => {
    const { store: patient, proxy, url } = await openThroughProxy();
    const told: string[] = [];
    const store = await waitFor('a store that gives up early', () =>
      openPostgresStore({
        url: proxy.through(url),
        logger: { warn: (_fields, message) => told.push(message) },
        statementTimeoutMs: 1000,
        connectTimeoutMs: 1000,
        doubtLimitMs: 100,
      }),
    );
    onTestFinished(() => store.close());
    const writing = writeAllTheTime(store);
    await untilOneMoreIsAcknowledged(writing);
    proxy.cut(...directions);
    await waitFor('a refused write', () => writing.refused.size > 0);
    await expect(store.readEvents({ limit: 1 })).rejects.toMatchObject(unavailable);
    await proxy.heal();
    await untilOneMoreIsAcknowledged(writing);
    await writing.end();
    await checkNothingLostOrDoubled(patient, writing);
    // In turn. A busy machine may take longer than the timeout, too.
    expect(told.length).toBeGreaterThanOrEqual(2);
    expect(told).toEqual(told.map((_, index) => (index % 2 === 0 ? away : back)));
  },
);

test('writes that wait while the outcome of a commit is looked up are refused at once', async () => {
  const { store, proxy } = await openThroughProxy();
  const broken = proxy.breakAt('toClient', 'COMMIT');
  proxy.refuse(true);
  const doubtful = store.write([newEvent()]);
  await broken;
  await waitFor('a refused write', () =>
    store.write([newEvent({ type: 'refused' })]).then(
      () => false,
      (error: unknown) => {
        expect(error).toMatchObject(unavailable);
        return true;
      },
    ),
  );
  proxy.refuse(false);
  expect(await doubtful).toEqual([1]);
  expect(await waitFor('writes to work', () => store.write([newEvent()]))).toEqual([2]);
});

test('a statement that takes too long fails with storage_unavailable and changes nothing', async () => {
  const { store, url } = await openThroughProxy();
  const hasty = await waitFor('a store that gives up early', () =>
    openPostgresStore({ url, statementTimeoutMs: 500 }),
  );
  onTestFinished(() => hasty.close());
  const client = await intruder(url);
  await client.query('BEGIN; UPDATE log_head SET last = last');
  // On a busy machine the store may give the connection up before the answer of the server comes.
  await waitFor('the answer of the server', () =>
    expect(hasty.write([newSession('ses_slow'), newEvent()]))
      .rejects.toMatchObject({ ...unavailable, message: 'The database took too long; nothing was changed.' })
      .then(() => true),
  );
  await client.query('ROLLBACK');
  expect(await store.getSession('ses_slow')).toBeUndefined();
  expect(await store.write([newEvent()])).toEqual([1]);
});

test('too many connections are waited out, up to a limit', async () => {
  const { store, url } = await openThroughProxy({ connectTimeoutMs: 3000 });
  await store.write([newEvent()]);
  const database = new URL(url).pathname.slice(1);
  // Without the right to more connections, as an ordinary user has.
  await server.query('CREATE ROLE modest LOGIN');
  await server.query(
    `GRANT ALL ON ALL TABLES IN SCHEMA public TO modest; GRANT ALL ON SCHEMA public TO modest`,
    database,
  );
  await server.query('ALTER ROLE modest CONNECTION LIMIT 3');
  const modestUrl = url.replace('//codebuddy@', '//modest@');
  const others = await Promise.all([intruder(modestUrl), intruder(modestUrl), intruder(modestUrl)]);
  const waiting = openPostgresStore({ url: `${modestUrl}?max=2`, connectTimeoutMs: 60_000 });
  let isOpen = false;
  void waiting.then(
    () => {
      isOpen = true;
    },
    () => undefined,
  );
  // On a busy machine the time may be over before the first answer of the server.
  await waitFor('the refusal', () =>
    expect(openPostgresStore({ url: `${modestUrl}?max=2`, connectTimeoutMs: 500 }))
      .rejects.toThrow('too many connections')
      .then(() => true),
  );
  expect(isOpen).toBe(false);
  for (const other of others) await other.end();
  const opened = await waiting;
  onTestFinished(() => opened.close());
  expect(await opened.write([newEvent()])).toEqual([2]);
});

test('writes that queue up while the server has too many connections do not wait one after the other', async () => {
  const waitMs = 5000;
  const { store, url } = await openThroughProxy({ connectTimeoutMs: waitMs });
  await server.query('CREATE ROLE crowded LOGIN SUPERUSER');
  const crowdedUrl = url.replace('//codebuddy@', '//crowded@');
  const crowded = await openPostgresStore({ url: `${crowdedUrl}?max=2`, connectTimeoutMs: waitMs });
  onTestFinished(() => crowded.close());
  await crowded.write([newEvent()]);
  await server.query('ALTER ROLE crowded NOSUPERUSER CONNECTION LIMIT 0');
  await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'crowded'");
  const refusedAt = async (): Promise<number> => {
    await expect(crowded.write([newEvent({ type: 'refused' })])).rejects.toMatchObject(unavailable);
    return performance.now();
  };
  const first = refusedAt();
  // Late enough to be in another group than the first one.
  await new Promise((resolve) => setTimeout(resolve, 100));
  const second = refusedAt();
  expect((await second) - (await first)).toBeLessThan(waitMs);
  await server.query('ALTER ROLE crowded SUPERUSER CONNECTION LIMIT -1');
  await waitFor('writes to work again', () => crowded.write([newEvent()]));
  expect((await store.eventBounds()).last).toBe(2);
});

/** Check each transaction that writes. */
function attach(store: PostgresStore, guard: WriteGuard): void {
  const nothing = (): void => undefined;
  store.attach({
    guard: () => guard,
    feed: { onAppended: () => nothing, onChange: () => nothing },
    appended: nothing,
    touched: nothing,
  });
}

test('a transaction that lost a deadlock is run again', async () => {
  const { store } = await openThroughProxy();
  let deadlocks = 0;
  attach(store, (session) =>
    ++deadlocks <= 2
      ? session.runText("DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$")
      : Promise.resolve(),
  );
  expect(await store.write([newEvent()])).toEqual([1]);
  expect(deadlocks).toBe(3);
});

test('nothing is written or changed if the guard refuses', async () => {
  const { store } = await openThroughProxy();
  attach(store, (session) => session.runText('SELECT 1 / 0 FROM log_head'));
  await expect(store.write([newSession('ses_1'), newEvent()])).rejects.toThrow();
  await expect(store.pruneEvents(10, 10)).rejects.toThrow();
  store.attach(undefined);
  expect(await store.getSession('ses_1')).toBeUndefined();
  expect(await store.write([newEvent()])).toEqual([1]);
});

test('writes that were accepted before the node was declared dead are refused, also after it has joined again', async () => {
  const { store } = await openThroughProxy();
  const gone: WriteGuard = (session) =>
    session.runText("DO $$ BEGIN RAISE EXCEPTION 'declared dead' USING ERRCODE = 'CB002'; END $$");
  const member: WriteGuard = () => Promise.resolve();
  let guard = member;
  const nothing = (): void => undefined;
  store.attach({
    guard: () => guard,
    feed: { onAppended: () => nothing, onChange: () => nothing },
    appended: nothing,
    touched: nothing,
  });
  // One group: the last two join it after the node was declared dead, and after it has joined again.
  const before = store.write([newEvent()]);
  guard = gone;
  const stale = store.write([newSession('ses_1'), newEvent()]);
  guard = member;
  const after = store.write([newEvent()]);
  expect(await before).toEqual([1]);
  await expect(stale).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(await after).toEqual([2]);
  expect(await store.getSession('ses_1')).toBeUndefined();
});

test('a full disk of the server fails with storage_full, in one line of the log, and is recovered from', async () => {
  const { store, url, told } = await openThroughProxy();
  const client = await intruder(url);
  await client.query(`CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER no_space BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION no_space()`);
  for (let attempt = 0; attempt < 3; attempt++)
    await expect(store.write([newEvent()])).rejects.toMatchObject({ code: 'storage_full', status: 507 });
  await client.query('DROP TRIGGER no_space ON events');
  expect(await store.write([newEvent()])).toEqual([1]);
  expect(told).toEqual([
    'the store cannot commit; writes are refused until it works again',
    'the store works again',
  ]);
});

test('prepared statements can be turned off by the URL', async () => {
  const url = await newDatabase();
  const store = await openPostgresStore({ url: `${url}?prepare=false&max=2` });
  onTestFinished(() => store.close());
  await store.write([newSession('ses_1'), newEvent({ sessionId: 'ses_1' })]);
  expect(await store.readEvents({ sessionId: 'ses_1', limit: 9 })).toHaveLength(1);
  const { rows } = await store.database.read({
    name: 'prepared',
    text: 'SELECT count(*) AS count FROM pg_prepared_statements',
  });
  expect(rows).toEqual([{ count: 0 }]);
});
