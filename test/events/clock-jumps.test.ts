// A clock that was ahead and is set back: no shown time is in the future, nothing waits for the old clock, and the
// order is kept.

import { describe, expect, it } from 'vitest';
import { createSessions } from '../../src/agent/sessions.ts';
import { isId, makeId, startIdsAfter } from '../../src/base/ids.ts';
import { createEventLog } from '../../src/events/log.ts';
import { openKeys } from '../../src/keys/key-service.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { newEvent } from '../store/temporary-store.ts';
import { startReceiver } from '../webhooks/recording-receiver.ts';
import { startWebhooks, temporaryHome, toolStart } from '../webhooks/start-webhooks.ts';

const nowhere = { details: {}, create: async () => undefined, undo: async () => undefined, events: [] };

const day = 86_400_000;
const year = 365 * day;

/** All RFC 3339 times in a value. */
function timesIn(value: unknown): readonly string[] {
  return JSON.stringify(value).match(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g) ?? [];
}

describe('webhooks, if the clock went a year ahead and back', () => {
  it.each(['while they run', 'before they are started again'])(
    '%s, show no time in the future',
    async (when) => {
      let wallOffset = 0;
      const clock = { wall: () => Date.now() + wallOffset };
      const receiver = await startReceiver();
      receiver.answer(({ path }, response) => {
        if (path === '/busy') response.writeHead(429, { 'retry-after': '3600' }).end();
        else response.writeHead(path === '/fine' ? 200 : 500).end();
      });
      const home = temporaryHome();
      let { webhooks } = startWebhooks({ home, clock });
      const base = new URL(receiver.url).origin;
      wallOffset = year;
      for (const path of ['fine', 'busy', 'bad'])
        await webhooks.register({ id: `webhook-${path}`, url: `${base}/${path}`, retryDelay: 3_600_000 });
      await webhooks.emit('tool.start', toolStart());
      await expect
        .poll(
          async () => (await webhooks.getHistory()).filter(({ attemptLog }) => attemptLog.length > 0).length,
        )
        .toBe(3);
      wallOffset = 0;
      if (when !== 'while they run') {
        await webhooks.close();
        ({ webhooks } = startWebhooks({ home, clock }));
      }
      const history = await webhooks.getHistory();
      const shown = { history, webhooks: await webhooks.getAll() };
      // Due times and expiry are in the near future, all others in the past.
      const latest = Date.now() + 5 * day;
      for (const time of timesIn(shown)) expect(Date.parse(time), JSON.stringify(shown)).toBeLessThan(latest);
      for (const delivery of history) {
        const { createdAt, endedAt, attemptLog } = delivery;
        for (const time of [createdAt, endedAt, ...attemptLog.map(({ at }) => at)])
          if (time !== null)
            expect(Date.parse(time), JSON.stringify(delivery)).toBeLessThanOrEqual(Date.now());
      }
      const waiting = history.find(({ webhookId }) => webhookId === 'webhook-bad');
      expect(Date.parse(waiting?.nextAttemptAt ?? '') - Date.now()).toBeLessThan(2 * 3_600_000);
      for (const { state } of shown.webhooks) {
        for (const time of [state.failingSince, state.lastSuccessAt, state.disabledAt])
          if (time !== null) expect(Date.parse(time)).toBeLessThanOrEqual(Date.now());
        if (state.pausedUntil !== null)
          expect(Date.parse(state.pausedUntil) - Date.now()).toBeLessThanOrEqual(day + 1000);
      }
    },
  );
});

describe('sessions, messages and keys of a clock that was ahead', () => {
  it('are shown with a creation time that is not in the future', async () => {
    const path = `${temporaryHome()}/a.db`;
    let now = Date.now() + year;
    const store = await openSqliteStore({ path });
    const log = createEventLog({ store });
    const agents = { forNewSession: () => 'builtin' };
    const mcpServers = { set: async () => undefined, remove: async () => undefined, describe: () => [] };
    const sessions = createSessions({
      store,
      log,
      agents,
      mcpServers,
      now: () => now,
      workspace: '/',
      spaces: { plan: async () => nowhere },
      worktrees: undefined,
      isBusy: () => false,
    });
    const keys = await openKeys({ store, fixed: [], now: () => now });
    const { id } = await sessions.create({ title: 'early' });
    await keys.create({ name: 'early', scopes: ['read'] });
    now = Date.now();
    const shown = [await sessions.get(id), await sessions.list({ limit: 10 }), await keys.list()];
    const times = timesIn(shown);
    expect(times.length).toBeGreaterThan(4);
    for (const time of times) expect(Date.parse(time)).toBeLessThanOrEqual(now);
    await log.close();
    await store.close();
  });
});

/** Not that of the clock: other tests of this process may have left later ids. */
function anHourAfter(id: string): string {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  let time = 3_600_000;
  for (const [place, digit] of [...id.slice(4, 14)].reverse().entries())
    time += digits.indexOf(digit) * 32 ** place;
  let text = '';
  for (; text.length < 10; time = Math.floor(time / 32)) text = `${digits[time % 32]}${text}`;
  return `${id.slice(0, 4)}${text}${id.slice(14)}`;
}

describe('ids', () => {
  it('of a later process sort after those of a clock that was ahead', async () => {
    const path = `${temporaryHome()}/a.db`;
    const store = await openSqliteStore({ path });
    // Left by an earlier process.
    const future = anHourAfter(makeId('ses'));
    expect(isId('ses', future)).toBe(true);
    await store.write([
      {
        kind: 'putSession',
        session: { id: future, title: '', createdAt: 0, updatedAt: 0, details: '{}' },
      },
    ]);
    expect(makeId('ses') < future).toBe(true);
    startIdsAfter(await store.newestIds());
    const next = makeId('ses');
    expect(next > future, `${next} after ${future}`).toBe(true);
    expect(makeId('msg').slice(4) > next.slice(4)).toBe(true);
    startIdsAfter(['not an id', 'run_00000000000000000000000000']);
    expect(makeId('ses') > next).toBe(true);
    await store.close();
  });
});

describe('pruning', () => {
  it('removes old events behind newer ones, and keeps recent events', async () => {
    const path = `${temporaryHome()}/a.db`;
    const store = await openSqliteStore({ path });
    const real = Date.now();
    const append = (number: number, timestamp: number): Promise<unknown> =>
      store.write(Array.from({ length: number }, () => newEvent({ timestamp })));
    await append(30, real + year);
    await append(5, real - 100 * day);
    await append(5, real + year);
    await append(3, real);
    const cutoff = real - 90 * day;
    let pruned = 0;
    for (let step = 0; step < 20; step++) pruned += await store.pruneEvents(cutoff, 10);
    expect(pruned).toBe(35);
    expect((await store.readEvents({ after: 0, limit: 100 })).length).toBe(8);
    await store.close();
  });
});
