// Requests that were answered with `idempotency_unknown`. A client may get that answer only if an attempt before was told
// that the outcome of its commit is not known, or if the node was lost while the request was under way. If it still runs,
// it knows whether it has changed something: not all attempts before may have been told that nothing was changed.

import type { Attempt } from './attempts.ts';
import type { Happening } from './cluster.ts';
import type { ChaosNode } from './node.ts';

export interface UnknownOutcome {
  readonly node: ChaosNode;
  /** The id of the node when the request began. */
  readonly nodeId: string;
  readonly attempts: readonly Attempt[];
  /** When the answer came, Unix ms. */
  readonly answeredAt: number;
}

/** A text for each outcome that the server must have known. `deaths`: of all nodes that were declared dead. */
export function needlessUnknowns(
  outcomes: readonly UnknownOutcome[],
  deaths: readonly Happening[],
): readonly string[] {
  return outcomes.flatMap(({ node, nodeId, attempts, answeredAt }) => {
    const startedAt = attempts[0]?.at ?? answeredAt;
    const isMeanwhile = (at: number): boolean => at >= startedAt && at <= answeredAt;
    const hasEnded = node.endedAt.some(isMeanwhile);
    const wasDeclaredDead = deaths.some((death) => death.nodeId === nodeId && isMeanwhile(death.at));
    const earlier = attempts.slice(0, -1);
    const wasUndone = earlier.every(saysThatNothingChanged);
    return hasEnded || earlier.some(saysThatNothingIsKnown) || (wasDeclaredDead && !wasUndone)
      ? []
      : [`${node.name}: idempotency_unknown at ${answeredAt} after ${JSON.stringify(attempts)}`];
  });
}

/** The database was away too long after the commit was sent. */
function saysThatNothingIsKnown({ status, detail }: Attempt): boolean {
  return status === 503 && detail?.includes('whether it was saved is not known yet') === true;
}

function saysThatNothingChanged({ status, detail }: Attempt): boolean {
  return status === 429 || (status === 503 && detail?.includes('nothing was changed') === true);
}
