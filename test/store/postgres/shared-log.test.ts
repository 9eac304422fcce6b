// The event log over one PostgreSQL database with several nodes.

import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import type { EventLog, StreamItem } from '../../../src/events/event-log.ts';
import { createEventLog } from '../../../src/events/log.ts';
import { channelOf } from '../../../src/store/postgres/nodes/delta-relay.ts';
import { openOwnership } from '../../../src/store/postgres/nodes/open-ownership.ts';
import type { SharedStore } from '../../../src/store/postgres/open-shared-store.ts';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { errorEvent, messageOf, range, sequencesOf, take } from '../../events/temporary-log.ts';
import { postgresUrl } from '../../postgres/postgres-url.ts';
import { waitFor } from '../../wait-for.ts';
import { openNode } from './shared-stores.ts';

function logOf({ store, ownership }: Pick<SharedStore, 'store' | 'ownership'>): EventLog {
  const log = createEventLog({ store, deltas: ownership.deltas });
  onTestFinished(() => log.close());
  return log;
}

test('readers on three nodes get all events of all nodes in order', async () => {
  const url = await postgresUrl();
  const nodes = await Promise.all([1, 2, 3].map(() => openNode(url)));
  const logs = nodes.map(logOf);
  const perNode = 400;
  const readers = logs.map((log) => take(log.subscribe({ after: 0 }), perNode * logs.length));
  await Promise.all(
    logs.map(async (log, node) => {
      for (let n = 0; n < perNode; n += 4) {
        await Promise.all(range(n, n + 3).map((m) => log.append([errorEvent(`${node} ${m}`)])));
        if (n % 40 === 0) await sleep(3);
      }
    }),
  );
  for (const items of await Promise.all(readers)) {
    expect(sequencesOf(items)).toEqual(range(1, perNode * logs.length));
    expect(new Set(items.map((item) => (item.kind === 'event' ? messageOf(item.event) : 'gap'))).size).toBe(
      perNode * logs.length,
    );
  }
});

test('without notifications the poll finds all events', async () => {
  const url = await postgresUrl();
  const first = await openNode(url);
  const store = await openPostgresStore({ url: `${url}?max=3` });
  const { database } = store;
  const ownership = await openOwnership({
    database: {
      ...database,
      // A node whose pooler drops LISTEN.
      async connect() {
        const client = await database.connect();
        const query = client.query.bind(client) as (...args: unknown[]) => unknown;
        client.query = ((...args: unknown[]) =>
          query(...(String(args[0]).startsWith('LISTEN') ? ['SELECT 1'] : args))) as typeof client.query;
        return client;
      },
    },
  });
  store.attach(ownership.storeNode);
  onTestFinished(async () => {
    await ownership.close();
    await store.close();
  });
  const deaf = logOf({ store, ownership });
  const log = logOf(first);
  const reader = take(deaf.subscribe({ after: 0 }), 30);
  for (let n = 0; n < 10; n++) await log.append(range(1, 3).map((m) => errorEvent(`${n} ${m}`)));
  expect(sequencesOf(await reader)).toEqual(range(1, 30));
});

const runId = 'run_1';
const sessionId = 'ses_1';

function publish(log: EventLog, text: string): void {
  log.publish({ type: 'message.delta', runId, sessionId, data: { text } });
}

test('deltas reach readers on another node, whole and before the event that ends them', async () => {
  const url = await postgresUrl();
  const nodes = [await openNode(url), await openNode(url)] as const;
  const [log, other] = [logOf(nodes[0]), logOf(nodes[1])];
  const items = other.subscribe({ after: 0, runId, deltas: true })[Symbol.asyncIterator]();
  await log.append([errorEvent('begin', { runId, sessionId })]);
  expect((await items.next()).value).toMatchObject({ kind: 'event' });
  // The first node learns of the reader soon. Deltas before that are for nobody.
  const heard = items.next();
  let isHeard = false;
  void heard.then(() => {
    isHeard = true;
  });
  await waitFor('the first delta', () => {
    if (!isHeard) publish(log, '.');
    return isHeard;
  });
  expect((await heard).value).toMatchObject({ kind: 'delta' });
  const pieces = [
    ...range(1, 200).map((n) => `piece ${n} \u0000\ud83d\ude80 "quoted"\n`),
    'x'.repeat(20_000),
    '🚀'.repeat(5000),
  ];
  for (const piece of pieces) {
    publish(log, piece);
    if (piece.length % 3 === 0) await sleep(2);
  }
  await log.append([errorEvent('end', { runId, sessionId })]);
  let text = '';
  for (let item: StreamItem | undefined; item?.kind !== 'event'; ) {
    item = (await items.next()).value as StreamItem;
    if (item.kind === 'delta') text += item.delta.data.text;
  }
  const [got, wanted] = [text.replace(/^\.*/, ''), pieces.join('')];
  expect({ length: got.length, end: got.slice(-20) }).toEqual({
    length: wanted.length,
    end: wanted.slice(-20),
  });
  expect(got).toBe(wanted);
  await items.return?.();
});

test('deltas are sent only while someone on another node reads them', async () => {
  const url = await postgresUrl();
  const nodes = [await openNode(url), await openNode(url)] as const;
  const [log, other] = [logOf(nodes[0]), logOf(nodes[1])];
  const listener = new pg.Client({ connectionString: url });
  await listener.connect();
  onTestFinished(() => listener.end());
  const texts: string[] = [];
  listener.on('notification', ({ payload = '' }) => {
    const message = JSON.parse(payload) as { kind: string; deltas?: [number, { data: { text: string } }][] };
    for (const [, delta] of message.deltas ?? []) texts.push(delta.data.text);
  });
  await listener.query(`LISTEN "${channelOf(nodes[1].ownership.node.id)}"`);
  publish(log, 'for nobody');
  // One of another run is not sent, either.
  const stop = new AbortController();
  const reading = take(other.subscribe({ runId, deltas: true, signal: stop.signal }), 1);
  await waitFor('a delta that is sent', () => {
    log.publish({ type: 'message.delta', runId: 'run_2', sessionId, data: { text: 'of another run' } });
    publish(log, 'wanted');
    return texts.length > 0;
  });
  await reading;
  expect(new Set(texts.map((text) => text.replaceAll('wanted', '')))).toEqual(new Set(['']));
  stop.abort();
});
