// Shows whether long work lets others have their turn, on a machine of any speed.

import { vi } from 'vitest';

/**
 * Does work that looks at its clock again and again, by a clock on which each look takes `lookMs`. `turns`: the turns of
 * the event loop in which it looked.
 */
export async function watchTurns<T>(
  lookMs: number,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly turns: number }> {
  let now = 0;
  let turn = 0;
  const seen = new Set<number>();
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
    seen.add(turn);
    now += lookMs;
    return now;
  });
  let next = setImmediate(function count() {
    turn++;
    next = setImmediate(count);
  });
  try {
    return { result: await work(), turns: seen.size };
  } finally {
    clearImmediate(next);
    clock.mockRestore();
  }
}
