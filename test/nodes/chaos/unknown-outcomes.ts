// Requests that were answered with `idempotency_unknown`. A client may get that answer only if the node was lost while the
// request was under way, and no attempt before was told that nothing was changed.

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
    const wasUndone = attempts.slice(0, -1).every(saysThatNothingChanged);
    return hasEnded || (wasDeclaredDead && !wasUndone)
      ? []
      : [`${node.name}: idempotency_unknown at ${answeredAt} after ${JSON.stringify(attempts)}`];
  });
}

function saysThatNothingChanged({ status, detail }: Attempt): boolean {
  return status === 429 || (status === 503 && detail?.includes('nothing was changed') === true);
}
