// One queue of work for each id: it is done one after the other, so that two changes at once never undo each other. Slow
// checks, such as a name lookup, belong before the turn, not in it.

export interface Turns {
  /** Runs `work` when all earlier work for this id has ended, whether or not it failed. */
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
      // The caller gets the error; the next turn starts anyway.
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
