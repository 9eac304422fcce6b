/**
 * Waiting in tests, with one limit for all of them. The limit bounds a hung test, so it is far above what a slow,
 * busy machine needs; it states no promise about speed. `expect.poll` uses the same limit (vitest.config.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

export const WAIT_LIMIT_MS = 60_000;
/** A test may wait for several things in turn. */
export const TEST_LIMIT_MS = 180_000;
/** The longer a test has waited, the less often it checks, because checks slow down the work that it waits for. */
const INTERVALS_MS = { shortest: 5, longest: 50, share: 0.2 };

/**
 * Call `check` until it returns something truthy, and return that. A `check` that throws is called again.
 * After {@link WAIT_LIMIT_MS} the error says what was waited for and what was seen last: the last error or value, or
 * what `saw` returns.
 * @example await waitFor('the second request', () => receiver.requests[1], () => receiver.requests)
 */
export async function waitFor<T>(
  what: string,
  check: () => T | Promise<T>,
  saw?: () => unknown,
): Promise<Exclude<Awaited<T>, undefined | null | false>> {
  const startedAt = performance.now();
  for (;;) {
    let last: unknown;
    try {
      const found = await check();
      if (found) return found as Exclude<Awaited<T>, undefined | null | false>;
      last = found;
    } catch (error) {
      last = error;
    }
    const waited = performance.now() - startedAt;
    if (waited > WAIT_LIMIT_MS) {
      const seen = inspect(saw === undefined ? last : await saw(), { depth: 4 });
      throw new Error(`waited ${WAIT_LIMIT_MS / 1000} s for ${what}; saw last: ${seen}`, { cause: last });
    }
    const { shortest, longest, share } = INTERVALS_MS;
    await sleep(Math.min(longest, Math.max(shortest, waited * share)));
  }
}
