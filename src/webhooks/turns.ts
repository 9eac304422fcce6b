// One queue for each webhook: what changes it happens one after the other, so that two changes at once never undo each other. Slow checks,
// such as looking up a name, come before the turn, not in it.

export interface Turns {
  /** Runs `work` when all earlier work for this id has ended, however it ended. */
  take<T>(id: string, work: () => Promise<T>): Promise<T>;
  /** Resolves when no work is left. */
  idle(): Promise<void>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return {
    take(id, work) {
      const before = last.get(id) ?? Promise.resolve();
      const turn = before.then(work);
      // Whoever asked for it hears how it ended; the next turn does not care.
      const ended: Promise<unknown> = turn
        .catch(() => undefined)
        .then(() => {
          if (last.get(id) === ended) last.delete(id);
        });
      last.set(id, ended);
      return turn;
    },
    async idle() {
      while (last.size > 0) await Promise.all(last.values());
    },
  };
}
