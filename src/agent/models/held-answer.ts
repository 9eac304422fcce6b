// The answer of a model call that begins while the last step is still being committed. Its text and reasoning are held
// back until that commit is durable: otherwise a client could see text that follows a step which a crash then loses. If
// the commit fails, the call is aborted with its error.

import type { OnText } from './model-chain.ts';

export interface HeldAnswer {
  /** For the model call. */
  readonly signal: AbortSignal;
  readonly onText: OnText;
  /**
   * Call it when the model call has ended, however it ended. Resolves when the commit is durable and the text was
   * passed on. @throws the error of the commit; the reason of `signal`
   */
  readonly release: () => Promise<void>;
}

export interface HoldOptions {
  /** The commit to wait for; undefined if there is none. */
  readonly commit: Promise<unknown> | undefined;
  /** Aborts when the run ends. Text that is held back then is not shown. */
  readonly signal: AbortSignal;
  readonly onText: OnText;
}

export function holdAnswer({ commit, signal, onText }: HoldOptions): HeldAnswer {
  if (commit === undefined) return { signal, onText, release: async () => undefined };
  const failed = new AbortController();
  let held: Parameters<OnText>[] | undefined = [];
  const durable = commit.then(
    () => {
      const texts = held ?? [];
      held = undefined;
      if (!signal.aborted) for (const piece of texts) onText(...piece);
    },
    (error: unknown) => {
      failed.abort(error);
      throw error;
    },
  );
  // `release` reports it.
  durable.catch(() => undefined);
  return {
    signal: AbortSignal.any([signal, failed.signal]),
    onText(...piece) {
      if (held === undefined) onText(...piece);
      else held.push(piece);
    },
    async release() {
      await durable;
      // The whole answer may have been held back.
      signal.throwIfAborted();
    },
  };
}
