// Events, calls of triggers, files of prompts and the history of files are kept for a number of days. Older ones are
// deleted in small steps, so that no request waits.

import type { Store } from '../store/store.ts';

export interface RetentionOptions {
  readonly store: Pick<Store, 'pruneEvents' | 'pruneAnswers' | 'triggers' | 'fileHistory' | 'files'>;
  /** How long events are kept, in days. @default 90 */
  readonly keepDays?: number;
  /** How much the contents of changed files may take in the store, in bytes. @default 256 MiB */
  readonly maxFileHistoryBytes?: number;
  /** The time between two prunings, in ms. @default 1 hour */
  readonly intervalMs?: number;
  /** The time until the first pruning, in ms. @default 1000 */
  readonly firstAfterMs?: number;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
  /** Asked before each pruning, where several processes could prune. @default always */
  readonly mayPrune?: () => Promise<boolean>;
  /** Called for a failed step. The next interval tries again. */
  readonly onError: (error: unknown) => void;
}

const dayMs = 86_400_000;
const rowsPerStep = 500;

/**
 * Prune soon and then at each interval. Calls of triggers, and files, are kept as long as events, answers to an Idempotency-Key for a
 * day. Returns a function that stops it.
 */
export function startRetention({
  store,
  keepDays = 90,
  maxFileHistoryBytes = 256 * 1024 * 1024,
  intervalMs = 3_600_000,
  firstAfterMs = 1000,
  now = Date.now,
  mayPrune = async () => true,
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
      if (await mayPrune()) {
        await pruneAll(() => store.pruneEvents(now() - keepDays * dayMs, rowsPerStep));
        await pruneAll(() => store.pruneAnswers(now() - dayMs, rowsPerStep));
        await pruneAll(() => store.files.prune(now() - keepDays * dayMs, rowsPerStep));
        await pruneAll(() => store.triggers.pruneCalls(now() - keepDays * dayMs, rowsPerStep));
        await pruneAll(() => store.triggers.pruneKeys(now() - keepDays * dayMs, rowsPerStep));
        const limits = { maxBytes: maxFileHistoryBytes, max: rowsPerStep };
        while (
          !stopped &&
          (await store.fileHistory.prune({ ...limits, before: now() - keepDays * dayMs })) > 0
        )
          await new Promise((resolve) => setImmediate(resolve));
      }
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
