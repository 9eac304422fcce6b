// Old events and answers are pruned in small steps, after the start and at each interval. A failure is reported and
// tried again.

import { expect, onTestFinished, test } from 'vitest';
import { type RetentionOptions, startRetention } from '../../src/events/retention.ts';
import { errorEvent, openLog, range } from './temporary-log.ts';

const dayMs = 86_400_000;

test('events older than keepDays and answers older than a day are pruned; others stay', async () => {
  const opened = await openLog();
  const { log, store } = opened;
  const end = opened.clock;
  opened.clock = end - 8 * dayMs;
  await log.append(range(1, 1200).map((n) => errorEvent(`old ${n}`)));
  opened.clock = end - 6 * dayMs;
  await log.append([errorEvent('young')]);
  const answer = { fingerprint: 'f', status: 200, headers: '{}', body: '' };
  await store.write([
    { kind: 'putAnswer', answer: { ...answer, key: 'old', createdAt: end - dayMs - 1 } },
    { kind: 'putAnswer', answer: { ...answer, key: 'young', createdAt: end - dayMs + 1 } },
  ]);

  const steps: number[] = [];
  await new Promise<void>((resolve, reject) => {
    const stop = startRetention({
      store: {
        async pruneEvents(before, max) {
          const pruned = await store.pruneEvents(before, max);
          steps.push(pruned);
          return pruned;
        },
        async pruneAnswers(before, max) {
          const pruned = await store.pruneAnswers(before, max);
          return pruned;
        },
        files: store.files,
        triggers: {
          ...store.triggers,
          async pruneKeys(before, max) {
            const pruned = await store.triggers.pruneKeys(before, max);
            return pruned;
          },
        },
        fileHistory: {
          ...store.fileHistory,
          async prune(limits) {
            const pruned = await store.fileHistory.prune(limits);
            if (pruned === 0) resolve();
            return pruned;
          },
        },
      },
      keepDays: 7,
      firstAfterMs: 0,
      now: () => end,
      onError: reject,
    });
    onTestFinished(stop);
  });
  expect(steps).toEqual([500, 500, 200]);
  expect(await log.bounds()).toEqual({ first: 1201, last: 1201 });
  expect(await store.getAnswer('old')).toBeUndefined();
  expect(await store.getAnswer('young')).toBeDefined();
});

test('a failed step is reported, and the next interval tries again', async () => {
  const { store } = await openLog();
  await store.close();
  const errors: unknown[] = [];
  await new Promise<void>((resolve) => {
    const options: RetentionOptions = {
      store,
      firstAfterMs: 0,
      intervalMs: 5,
      onError(error) {
        errors.push(error);
        if (errors.length === 2) resolve();
      },
    };
    onTestFinished(startRetention(options));
  });
  expect(errors[0]).toMatchObject({ code: 'storage_unavailable' });
});
