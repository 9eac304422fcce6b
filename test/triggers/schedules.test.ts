// Schedules: runs start at the times of the cron expression in its time zone, each once, also with several nodes and
// after a stop. The clock is the test's own.

import { expect, test } from 'vitest';
import type { TriggerInput } from '../../src/contract/trigger-input.ts';
import { lastDue, nextDue } from '../../src/triggers/schedule.ts';
import { waitFor } from '../wait-for.ts';
import { createTestClock, type RunningTriggers, startTriggers, type TestClock } from './start-triggers.ts';

const schedule = (cron: string, more: Partial<NonNullable<TriggerInput['schedule']>> = {}): TriggerInput => ({
  source: 'schedule',
  prompt: 'help at {{$time}}',
  schedule: { cron, ...more },
});

async function startSchedule(clock: TestClock, input: TriggerInput) {
  const running = await startTriggers({ clock });
  const { trigger } = await running.triggers.create(input);
  await isKept(running, trigger.id);
  return { ...running, trigger };
}

/** The time from which a schedule counts is in the store. */
async function isKept({ store }: Pick<RunningTriggers, 'store'>, id: string): Promise<void> {
  await waitFor('the schedule to be kept', async () =>
    (await store.triggers.states()).some(({ triggerId }) => triggerId === id),
  );
}

const dueTimes = async ({ calls }: Pick<RunningTriggers, 'calls'>, id: string): Promise<readonly string[]> =>
  (await calls(id)).map(({ outcome, deliveryId }) => `${outcome} ${deliveryId}`);

test('a run starts at each due time, once', async () => {
  const clock = createTestClock('2026-05-01T08:58:30Z');
  const running = await startSchedule(clock, schedule('*/1 * * * *'));
  const { trigger, agent, triggers } = running;
  expect(trigger.nextRunAt).toBe('2026-05-01T08:59:00.000Z');
  await waitFor('the first run', async () => {
    clock.advanceTo('2026-05-01T08:59:00Z');
    return (await running.calls(trigger.id)).length === 1;
  });
  expect((await triggers.get(trigger.id))?.nextRunAt).toBe('2026-05-01T09:00:00.000Z');
  await waitFor('the second run', async () => {
    clock.advanceTo('2026-05-01T09:00:05Z');
    return (await running.calls(trigger.id)).length === 2;
  });
  expect(await dueTimes(running, trigger.id)).toEqual([
    'accepted 2026-05-01T08:59:00.000Z',
    'accepted 2026-05-01T09:00:00.000Z',
  ]);
  const { items } = await agent.runs.list({ limit: 10 });
  expect(items.map(({ prompt }) => prompt)).toEqual([
    'help at "2026-05-01T09:00:00.000Z"',
    'help at "2026-05-01T08:59:00.000Z"',
  ]);
});

test.each([
  ['skip', 'ignored 2026-05-03T09:00:00.000Z', 0],
  ['once', 'accepted 2026-05-03T09:00:00.000Z', 1],
] as const)('missed times are handled as the schedule says: %s', async (missed, call, runs) => {
  const clock = createTestClock('2026-05-01T08:00:00Z');
  const running = await startSchedule(clock, schedule('0 9 * * *', { missed }));
  const { trigger, agent } = running;
  await running.triggers.close();
  // Three times are missed.
  const later = createTestClock('2026-05-03T15:00:00Z');
  clock.time = later.time;
  const again = await running.open(later);
  const list = async () => (await again.calls(trigger.id, { limit: 10 })).items;
  await waitFor('the missed times', async () => (await list()).length > 0);
  expect((await list()).map(({ outcome, deliveryId }) => `${outcome} ${deliveryId}`)).toEqual([call]);
  expect((await agent.runs.list({ limit: 10 })).items).toHaveLength(runs);
  // The next one is on time.
  await waitFor('the next time', async () => {
    later.advanceTo('2026-05-04T09:00:10Z');
    return (await list()).length === 2;
  });
  expect((await list())[0]).toMatchObject({ outcome: 'accepted', deliveryId: '2026-05-04T09:00:00.000Z' });
});

test('several nodes start one run for each due time', async () => {
  const clock = createTestClock('2026-05-01T08:59:30Z');
  const running = await startSchedule(clock, schedule('0 9 * * *'));
  const { trigger, agent } = running;
  const clocks = [1, 2, 3, 4].map(() => createTestClock('2026-05-01T08:59:30Z'));
  const opened = await Promise.all(clocks.map((one) => running.open(one)));
  await waitFor('the time to be kept', async () => {
    for (const one of [clock, ...clocks]) one.advanceTo('2026-05-01T09:00:00Z');
    return (await running.store.triggers.states()).some(({ state }) =>
      state.includes(String(Date.parse('2026-05-01T09:00:00Z'))),
    );
  });
  // Work under way ends before the triggers are closed.
  for (const one of [running.triggers, ...opened]) await one.close();
  expect((await dueTimes(running, trigger.id)).filter((one) => one.startsWith('accepted'))).toHaveLength(1);
  expect((await agent.runs.list({ limit: 10 })).items).toHaveLength(1);
});

test('a changed schedule counts from the change; a disabled one starts nothing', async () => {
  const clock = createTestClock('2026-05-01T10:00:00Z');
  const running = await startSchedule(clock, schedule('0 9 * * *'));
  const { trigger, triggers } = running;
  clock.time = Date.parse('2026-05-01T12:00:00Z');
  // 11:00 was before the change.
  await triggers.update(trigger.id, { schedule: { cron: '0 11 * * *', missed: 'once' } });
  await waitFor('the change to be kept', async () =>
    (await running.store.triggers.states()).some(({ state }) => state.includes('0 11')),
  );
  await triggers.update(trigger.id, { enabled: false });
  clock.advanceTo('2026-05-02T11:00:00Z');
  expect((await triggers.get(trigger.id))?.nextRunAt).toBeNull();
  await triggers.update(trigger.id, { enabled: true });
  await waitFor('the run', async () => {
    clock.advanceTo('2026-05-02T11:00:00Z');
    return (await running.calls(trigger.id)).length === 1;
  });
  expect(await dueTimes(running, trigger.id)).toEqual(['accepted 2026-05-02T11:00:00.000Z']);
});

test.each([
  [
    'set forward, a time that does not exist is due at the next',
    '30 2 * * *',
    '2026-03-28T12:00:00Z',
    ['2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z'],
  ],
  [
    'set back, a fixed time is due once',
    '30 2 * * *',
    '2026-10-24T12:00:00Z',
    ['2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
  ],
  [
    'set back, an interval continues',
    '*/30 * * * *',
    '2026-10-25T00:10:00Z',
    ['2026-10-25T00:30:00Z', '2026-10-25T01:00:00Z', '2026-10-25T01:30:00Z'],
  ],
] as const)('when clocks are %s', (_name, cron, from, times) => {
  let time = Date.parse(from);
  for (const due of times) {
    const next = nextDue({ cron, timeZone: 'Europe/Berlin' }, time) ?? 0;
    expect(new Date(next).toISOString()).toBe(new Date(due).toISOString());
    expect(lastDue({ cron, timeZone: 'Europe/Berlin' }, time, next)).toBe(next);
    expect(lastDue({ cron, timeZone: 'Europe/Berlin' }, time, next - 1)).toBeUndefined();
    time = next;
  }
});

test.each([
  ['/schedule/cron', { cron: '61 * * * *' }, 'Invalid value for minute: 61'],
  ['/schedule/cron', { cron: '* * * * * *' }, 'must have five fields'],
  ['/schedule/cron', { cron: '0 0 31 2 *' }, 'is never due'],
  ['/schedule/timeZone', { cron: '0 9 * * *', timeZone: 'Mars/Olympus' }, 'must be a time zone'],
])('a schedule that is wrong names %s', async (pointer, wrong, message) => {
  const { triggers } = await startTriggers({ clock: createTestClock('2026-05-01T08:00:00Z') });
  const error = await triggers.create({ source: 'schedule', prompt: 'x', schedule: wrong }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'validation_failed', errors: [{ pointer }] });
  expect(String(error)).toContain(message);
});
