// Which queued run begins next. API keys take turns, so that a key with a long queue does not keep the others waiting; the runs of one
// key, and those of one session, begin in the order in which they came.

import type { LiveRun } from './live-run.ts';

export interface RunTurns {
  /** The run that begins now, undefined if none may. `queue` is in the order of arrival. */
  next(queue: readonly LiveRun[], mayBegin: (one: LiveRun) => boolean): LiveRun | undefined;
}

export function createRunTurns(): RunTurns {
  /** When each key had its last turn. */
  const lastTurns = new Map<string | null, number>();
  let turn = 0;

  return {
    next(queue, mayBegin) {
      const sessions = new Set<string>();
      let best: LiveRun | undefined;
      let bestTurn = Number.POSITIVE_INFINITY;
      for (const one of queue) {
        const { sessionId } = one;
        if (sessions.has(sessionId)) continue;
        sessions.add(sessionId);
        const lastTurn = lastTurns.get(one.request.keyId) ?? 0;
        if (lastTurn >= bestTurn || !mayBegin(one)) continue;
        best = one;
        bestTurn = lastTurn;
      }
      if (best !== undefined) lastTurns.set(best.request.keyId, ++turn);
      return best;
    },
  };
}
