// The log keeps events for a number of days; older ones are deleted in small steps, so that nobody waits for it.

import type { Store } from '../store/store.ts';

export interface RetentionOptions {
  readonly store: Pick<Store, 'pruneEvents' | 'pruneAnswers'>;
  /** Days an event is kept. @default 90 */
  readonly keepDays?: number;
  /** How often old events are looked for, in ms. @default 1 hour */
  readonly intervalMs?: number;
  /** When they are looked for first, in ms; not at once, a start has other things to do. @default 1 s */
  readonly firstAfterMs?: number;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
  /** Hears of a failed step; the next interval tries again. */
  readonly onError: (error: unknown) => void;
}

const dayMs = 86_400_000;
const rowsPerStep = 500;

/** Prunes soon and then at every interval; answers to an Idempotency-Key are kept for a day. Returns what stops it. */
export function startRetention({
  store,
  keepDays = 90,
  intervalMs = 3_600_000,
  firstAfterMs = 1000,
  now = Date.now,
  onError,
}: RetentionOptions): () => void {
  let stopped = false;
  let pause: NodeJS.Timeout | undefined;

  async function pruneAll(step: () => Promise<number>): Promise<void> {
    while (!stopped && (await step()) === rowsPerStep) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async function prune(): Promise<void> {
    try {
      await pruneAll(() => store.pruneEvents(now() - keepDays * dayMs, rowsPerStep));
      await pruneAll(() => store.pruneAnswers(now() - dayMs, rowsPerStep));
    } catch (error) {
      if (!stopped) onError(error);
    }
    if (!stopped) pause = setTimeout(prune, intervalMs).unref();
  }

  pause = setTimeout(prune, firstAfterMs).unref();
  return () => {
    stopped = true;
    clearTimeout(pause);
  };
}
