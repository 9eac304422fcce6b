// Both stores give the same answers after the same writes, whatever these are and however they are grouped.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CodeBuddyError } from '../../src/base/errors.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { FoundMessage, Store, Write } from '../../src/store/store.ts';
import { postgresUrl, startPostgres } from '../postgres/postgres-url.ts';
import { openPostgres } from './stores.ts';
import { eventRow, temporaryPath } from './temporary-store.ts';

const sessionIds = fc.constantFrom('ses_1', 'ses_2', 'ses_3');
/** Runs and messages stay in their session. */
const sessionOf = (id: string): string => id.replace(/run|msg/, 'ses');
const runIds = fc.constantFrom('run_1', 'run_2', 'run_3');
const deliveryIds = fc.constantFrom('dlv_1', 'dlv_2', 'dlv_3');
const time = fc.integer({ min: 0, max: 50 });
const words = fc.constantFrom('a', 'ä\u0000', 'x\u0010y', '\ud83d', '😀', '"\\');
const details = fc
  .dictionary(
    fc.constantFrom('a', 'b', '__proto__'),
    fc.constantFrom(null, 1, 'x', { c: null }, { c: 1, d: [1] }),
  )
  .map((value) => JSON.stringify(value));

let events = 0;
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ sessionId: sessionIds, text: words }).map(({ sessionId, text }): Write => {
    const event = eventRow({ id: `evt_${++events}`, sessionId, data: JSON.stringify({ text }) });
    return { kind: 'appendEvent', event };
  }),
  fc
    .record({ id: sessionIds, title: words, createdAt: time, updatedAt: time, details })
    .map((session): Write => ({ kind: 'putSession', session })),
  fc
    .record(
      { id: sessionIds, updatedAt: time, title: words, details },
      { requiredKeys: ['id', 'updatedAt', 'details'] },
    )
    .map((patch): Write => ({ kind: 'patchSession', ...patch })),
  sessionIds.map((id): Write => ({ kind: 'deleteSession', id })),
  fc.record({ id: sessionIds, title: words }).map(
    (session): Write => ({
      kind: 'draftSession',
      session: { ...session, createdAt: 1, updatedAt: 1, details: '{}' },
    }),
  ),
  sessionIds.map((id): Write => ({ kind: 'publishSession', id })),
  fc
    .record({ id: sessionIds, isArchived: fc.boolean() })
    .map((archive): Write => ({ kind: 'archiveSession', ...archive })),
  sessionIds.map(
    (id): Write => ({
      kind: 'addSession',
      session: { id, title: 'chosen', createdAt: 1, updatedAt: 1, details: '{}', place: `ses_0${id}` },
    }),
  ),
  fc
    .record({ id: runIds, status: words, createdAt: time, updatedAt: time, details })
    .map((run): Write => ({ kind: 'putRun', run: { ...run, sessionId: sessionOf(run.id) } })),
  fc
    .record({ id: runIds, status: words, updatedAt: time, details })
    .map((patch): Write => ({ kind: 'patchRun', ...patch })),
  fc.constantFrom('msg_1', 'msg_2', 'msg_3').map(
    (id): Write => ({
      kind: 'addMessage',
      message: {
        id,
        sessionId: sessionOf(id),
        runId: null,
        role: 'user',
        createdAt: 1,
        content: '{"content":"some text"}',
      },
    }),
  ),
  fc
    .record({ name: words, sessionId: sessionIds })
    .map((named): Write => ({ kind: 'nameSession', ...named })),
  fc
    .record({ id: fc.constantFrom('key_1', 'key_2'), hash: fc.constantFrom('h1', 'h2'), name: words })
    .map((key): Write => ({ kind: 'putKey', key: { ...key, scopes: 'read', createdAt: 1 } })),
  fc.constantFrom('key_1', 'key_2').map((id): Write => ({ kind: 'deleteKey', id })),
  fc
    .record({
      id: fc.constantFrom('key_1', 'key_2'),
      limits: fc.constantFrom('{"promptsPerMinute":1}', null),
    })
    .map((limits): Write => ({ kind: 'setKeyLimits', ...limits })),
  fc
    .record({
      id: deliveryIds,
      webhookId: fc.constantFrom('w1', 'w2'),
      sequence: fc.constantFrom(1001, 1002),
    })
    .map(
      ({ id, webhookId, sequence }): Write => ({
        kind: 'addDeliveries',
        ...{ sequence, eventId: `evt ${sequence}`, eventType: 't', data: '{}' },
        outbox: {
          payload: { head: '{', tail: null },
          ...{ hop: 0, createdAt: 1, expiresAt: 2 },
          deliveries: [{ id, webhookId }],
        },
      }),
    ),
  fc
    .record({
      id: deliveryIds,
      webhookId: fc.constantFrom('w1', 'w2'),
      sequence: fc.constantFrom(1001, 1002),
      tries: time,
      ends: fc.boolean(),
    })
    .map(
      ({ ends, ...change }): Write => ({
        kind: 'changeDelivery',
        change: {
          ...change,
          ...{ status: ends ? 'success' : 'pending', attempts: 1, pauses: 0, attempt: '{}' },
          ...{ nextAttemptAt: ends ? null : 5, endedAt: ends ? 5 : null, reason: null },
        },
      }),
    ),
  deliveryIds.map((id): Write => ({ kind: 'requeueDelivery', id, expiresAt: 9 })),
);

/** Callers at the same time, each with a few writes; several times. */
const schedule = fc.array(
  fc.array(fc.array(write, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 }),
  {
    minLength: 1,
    maxLength: 4,
  },
);

/** The stores may order messages of the same moment differently. */
async function findText(store: Store, limit: number): Promise<unknown> {
  const { found, ...rest } = await store.search.find({
    items: [{ words: ['text'], isPrefix: false }],
    limit,
  });
  const byTime = (a: FoundMessage, b: FoundMessage): number =>
    b.message.createdAt - a.message.createdAt || (a.message.id < b.message.id ? -1 : 1);
  return { ...rest, found: [...found].sort(byTime) };
}

async function play(store: Store, rounds: readonly (readonly (readonly Write[])[])[]): Promise<unknown> {
  const outcomes: unknown[] = [];
  for (const callers of rounds) {
    const results = await Promise.allSettled(callers.map((writes) => store.write(writes)));
    outcomes.push(
      results.map((result, caller) => {
        if (result.status === 'fulfilled') return result.value.length;
        // With several faults, either is reported.
        return callers[caller]?.length === 1 ? isSessionMissing(result.reason) : 'refused';
      }),
    );
  }
  const limit = 1000;
  const runs = await store.listRuns({ limit });
  return {
    outcomes,
    events: (await store.readEvents({ limit })).map(({ sequence: _, ...event }) => event),
    sessions: (await store.listSessions({ limit })).map(parseDetails),
    archived: (await store.listSessions({ limit, archived: true })).map(parseDetails),
    inUse: (await store.listSessions({ limit, archived: false })).map(parseDetails),
    found: await findText(store, limit),
    runs: runs.map(parseDetails),
    messages: await Promise.all(['ses_1', 'ses_2', 'ses_3'].map((id) => store.listMessages(id, { limit }))),
    newestMessages: await Promise.all(
      ['ses_1', 'ses_2'].map((id) => store.listMessages(id, { limit: 3, maxText: 40, order: 'desc' })),
    ),
    named: await Promise.all(
      ['a', 'ä\u0000', '\ud83d'].map(async (name) => (await store.getNamedSession(name))?.id),
    ),
    keys: await store.listKeys(),
    deliveries: await store.listDeliveries({ limit }),
    deliveryFacts: await store.deliveryFacts({ beforeId: undefined, limit }),
    failed: [...(await store.countFailed({}))].sort((a, b) => (a.webhookId < b.webhookId ? -1 : 1)),
    payloads: await Promise.all(
      [1001, 1002].map(async (sequence) => Buffer.from((await store.getPayload(sequence)) ?? []).toString()),
    ),
    ended: await store.endedCounts(),
  };
}

function isSessionMissing(error: unknown): boolean {
  return error instanceof CodeBuddyError && error.code === 'session_not_found';
}

/** The order of members is not promised. */
function parseDetails<T extends { readonly details: string }>(row: T): unknown {
  return { ...row, details: JSON.parse(row.details) as unknown };
}

const emptyTables = `TRUNCATE events, sessions, messages, turns, runs, keys, answers, payloads, deliveries, webhook_states,
  run_webhooks, questions, session_names, message_words, unindexed_messages, file_changes, undos,
  undone_items; UPDATE log_head SET last = 0`;

test('both stores give the same answers after the same writes', async () => {
  const url = await postgresUrl();
  const postgres = await openPostgres(url);
  const server = await startPostgres();
  await fc.assert(
    fc.asyncProperty(schedule, async (rounds) => {
      await server.query(emptyTables, new URL(url).pathname.slice(1));
      const sqlite = await openSqliteStore({ path: temporaryPath() });
      try {
        expect(await play(postgres, rounds)).toEqual(await play(sqlite, rounds));
      } finally {
        await sqlite.close();
      }
    }),
    { numRuns: Number(process.env.SOAK_ROUNDS ?? 1) * 40 },
  );
});
