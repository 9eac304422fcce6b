// Chooses the queued run that begins next. API keys take turns, so that a key with a long queue does not delay the
// others. The runs of one key, and those of one session, begin in the order of their arrival.

import type { LiveRun } from './live-run.ts';

export interface RunTurns {
  /** The run that begins now; undefined if none may. `queue` must be in the order of arrival. */
  next(queue: readonly LiveRun[], mayBegin: (run: LiveRun) => boolean): LiveRun | undefined;
}

export function createRunTurns(): RunTurns {
  /** The number of each key's last turn. */
  const lastTurns = new Map<string | null, number>();
  let turn = 0;

  return {
    next(queue, mayBegin) {
      const sessions = new Set<string>();
      let best: LiveRun | undefined;
      let bestTurn = Number.POSITIVE_INFINITY;
      for (const run of queue) {
        if (sessions.has(run.sessionId)) continue;
        sessions.add(run.sessionId);
        const lastTurn = lastTurns.get(run.request.keyId) ?? 0;
        if (lastTurn >= bestTurn || !mayBegin(run)) continue;
        best = run;
        bestTurn = lastTurn;
      }
      if (best !== undefined) lastTurns.set(best.request.keyId, ++turn);
      return best;
    },
  };
}
