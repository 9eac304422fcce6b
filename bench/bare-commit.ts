// The bare counterparts of the store: plain node:sqlite on one thread, with the same tables, the same settings and rows
// of the same bytes.

import { fork } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { makeId } from '../src/base/ids.ts';
import { payloadTail } from '../src/store/delivery-store.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { prepareWrites, type Statements } from '../src/store/sqlite/statements.ts';
import { payloadParts } from '../src/webhooks/payload.ts';
import { lifetimeMs } from '../src/webhooks/retry-policy.ts';
import { quantile } from './rounds.ts';
import { newEvent } from './webhook-event.ts';

export interface BareStore {
  /** Runs `work` in one transaction, and returns when it is on the disk. */
  commit(work: (statements: Statements) => void): void;
  close(): void;
}

export async function openBareStore(path: string): Promise<BareStore> {
  // The store creates the tables.
  await (await openSqliteStore({ path })).close();
  const database = new DatabaseSync(path);
  database.exec('PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 400; PRAGMA cache_size = -16384');
  const statements = prepareWrites(database);
  return {
    commit(work) {
      database.exec('BEGIN IMMEDIATE');
      work(statements);
      database.exec('COMMIT');
    },
    close: () => database.close(),
  };
}

/** Mean of a commit of one event with `data`, in ms. */
export function meanCommitMs(store: BareStore, commits: number, data: object): number {
  const startedAt = performance.now();
  for (let n = 0; n < commits; n++) {
    store.commit(({ appendEvent }) => {
      const now = Date.now();
      appendEvent.run(makeId('evt', now), 'tool.start', now, 'ses_1', 'run_1', JSON.stringify(data));
    });
  }
  return (performance.now() - startedAt) / commits;
}

export interface PacedOptions {
  readonly path: string;
  readonly payloadText: string;
  readonly deliveries: number;
  readonly perSecond: number;
  readonly durationMs: number;
}

/** The p99 of a commit, in ms, of a process that only commits: an event, its payload and its deliveries. */
export function pacedCommitP99(options: PacedOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ['paced', JSON.stringify(options)], { execArgv: [] });
    child.once('message', (p99) => resolve(Number(p99)));
    child.once('exit', (code) => reject(new Error(`bench: the bare commits ended with ${code}`)));
  });
}

async function paced(options: PacedOptions): Promise<number> {
  const { path, payloadText, deliveries, perSecond, durationMs } = options;
  const store = await openBareStore(path);
  const times: number[] = [];
  const startedAt = performance.now();
  for (let n = 0; performance.now() - startedAt < durationMs; n++) {
    const at = performance.now();
    store.commit((statements) => addEvent(statements, payloadText, deliveries));
    times.push(performance.now() - at);
    await wait(Math.max(0, startedAt + ((n + 1) * 1000) / perSecond - performance.now()));
  }
  store.close();
  return quantile(times, 0.99);
}

function addEvent(
  { appendEvent, addPayload, addDelivery }: Statements,
  payloadText: string,
  deliveries: number,
): void {
  const event = newEvent(payloadText);
  const now = event.timestamp;
  const { lastInsertRowid } = appendEvent.run(event.id, event.type, now, null, null, event.data);
  const { head, tail } = payloadParts(event);
  addPayload.run(lastInsertRowid, event.id, head, tail ?? payloadTail(event.data), deliveries);
  for (let n = 0; n < deliveries; n++) {
    const webhook = `webhook-${String(n).padStart(4, '0')}`;
    addDelivery.run(lastInsertRowid, webhook, makeId('dlv', now), event.type, 0, now, now + lifetimeMs);
  }
}

if (process.argv[2] === 'paced' && process.send !== undefined) {
  process.send(await paced(JSON.parse(process.argv[3] ?? '{}') as PacedOptions));
  process.disconnect();
}
