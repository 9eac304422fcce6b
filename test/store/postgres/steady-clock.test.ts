// The clock of leases: it never goes back, and counts suspensions.

import { expect, test } from 'vitest';
import { createSteadyClock } from '../../../src/store/postgres/nodes/steady-clock.ts';

test('the time of a suspension counts, although the monotonic clock leaves it out', () => {
  const time = { monotonic: 1000, wall: 1_700_000_000_000 };
  const clock = createSteadyClock(
    () => time.monotonic,
    () => time.wall,
  );
  const start = clock();
  const pass = (monotonic: number, wall: number): number => {
    time.monotonic += monotonic;
    time.wall += wall;
    return clock() - start;
  };
  expect(pass(100, 100)).toBe(100);
  // A correction by NTP.
  expect(pass(100, 300)).toBe(200);
  // The machine slept for a minute.
  expect(pass(50, 60_000)).toBe(60_200);
  // The wall clock was set back.
  expect(pass(50, -3_600_000)).toBe(60_250);
  expect(pass(50, 50)).toBe(60_300);
});
