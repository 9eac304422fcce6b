// Measures durable writes to PostgreSQL: rounds of 1 000 concurrent writes of an event beside a bare connection that
// inserts the same rows in commits of 200, and the latency of single writes beside that of bare commits of one row. The
// server is one of its own, with fsync, and its files are on the disk.

import { chmodSync } from 'node:fs';
import pg from 'pg';
import { makeId } from '../src/base/ids.ts';
import { openPostgresStore } from '../src/store/postgres/postgres-store.ts';
import type { EventRow, Store } from '../src/store/store.ts';
import { startPostgresServer } from '../test/postgres/postgres-server.ts';
import { type BenchResult, rowOf, wholeText } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { alternate, quantile } from './rounds.ts';

const concurrent = 1000;
const perCommit = 200;
const repeats = 5;
const warmUpRounds = 1;
const rounds = 7;
const singles = 200;

export function run(): Promise<BenchResult> {
  return onDisk(measure);
}

async function measure(folder: string): Promise<BenchResult> {
  // The server's own user must reach its folder.
  chmodSync(folder, 0o755);
  const server = await startPostgresServer({ parent: folder });
  try {
    await server.query('CREATE DATABASE ours');
    await server.query('CREATE DATABASE bare');
    const store = await openPostgresStore({ url: server.url('ours') });
    const schema = await openPostgresStore({ url: server.url('bare') });
    await schema.close();
    const client = new pg.Client({ connectionString: server.url('bare') });
    await client.connect();
    const ours = (): Promise<number> => rate(() => writeAll(store));
    const bare = (): Promise<number> => rate(() => insertAll(client));
    await alternate(warmUpRounds, ours, bare);
    const grouped = await alternate(rounds, ours, bare);
    const { last } = await store.eventBounds();
    if (last !== concurrent * repeats * (warmUpRounds + rounds))
      throw new Error(`the log holds ${last} events`);
    const single = await alternate(
      rounds,
      () => latencyP99(() => store.write([{ kind: 'appendEvent', event: newRow(0) }])),
      () => latencyP99(() => insert(client, [newRow(0)])),
    );
    await client.end();
    await store.close();
    return {
      name: 'append-postgres',
      rows: [
        rowOf({
          what: `${wholeText(concurrent)} durable writes at once to PostgreSQL / a bare loop of the same rows in commits of ${perCommit}`,
          measured: grouped.ratio,
          target: { atLeast: 0.5 },
          seen: `${wholeText(grouped.ours.median)} / s, bare ${wholeText(grouped.bare.median)} / s`,
        }),
        rowOf({
          what: 'p99 of a single durable write to PostgreSQL / p99 of one bare commit',
          measured: single.ratio,
          target: { atMost: 5 },
          seen: `${single.ours.median.toFixed(2)} ms, bare ${single.bare.median.toFixed(2)} ms`,
        }),
      ],
    };
  } finally {
    await server.remove();
  }
}

async function rate(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  for (let n = 0; n < repeats; n++) await work();
  return (concurrent * repeats * 1000) / (performance.now() - startedAt);
}

async function latencyP99(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < singles; n++) {
    const startedAt = performance.now();
    await work();
    times.push(performance.now() - startedAt);
  }
  return quantile(times, 0.99);
}

function newRow(n: number): Omit<EventRow, 'sequence'> {
  const data = { callId: `call_${n}`, tool: 'read_file', params: { path: `src/file-${n}.ts` } };
  return {
    id: makeId('evt'),
    type: 'tool.start',
    timestamp: Date.now(),
    sessionId: `ses_${n % 16}`,
    runId: `run_${n % 16}`,
    data: JSON.stringify(data),
  };
}

async function writeAll(store: Store): Promise<void> {
  await Promise.all(
    Array.from({ length: concurrent }, (_, n) => store.write([{ kind: 'appendEvent', event: newRow(n) }])),
  );
}

async function insertAll(client: pg.Client): Promise<void> {
  for (let from = 0; from < concurrent; from += perCommit)
    await insert(
      client,
      Array.from({ length: perCommit }, (_, n) => newRow(from + n)),
    );
}

/** One commit, with numbers from the same row. */
async function insert(client: pg.Client, rows: readonly Omit<EventRow, 'sequence'>[]): Promise<void> {
  await client.query({
    name: 'insert',
    text: `WITH head AS (UPDATE log_head SET last = last + $1::integer RETURNING last - $1::integer AS base)
      INSERT INTO events SELECT base + n, id, type, timestamp, session_id, run_id, data
      FROM head, unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[])
        WITH ORDINALITY AS r(id, type, timestamp, session_id, run_id, data, n)`,
    values: [
      rows.length,
      rows.map(({ id }) => id),
      rows.map(({ type }) => type),
      rows.map(({ timestamp }) => timestamp),
      rows.map(({ sessionId }) => sessionId),
      rows.map(({ runId }) => runId),
      rows.map(({ data }) => data),
    ],
  });
}
