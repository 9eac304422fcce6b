// The owners of runs, and the runs that dead nodes left to this one.

import { callHost } from '../../../base/call-host.ts';
import type { RunOwners } from '../../ownership.ts';
import type { StoreLogger } from '../../store-logger.ts';
import type { Feed } from './feed.ts';
import type { Node } from './node.ts';
import { nodeIdIn, type Query } from './query.ts';
import { statements } from './statements.ts';

export interface RunOwnersOptions {
  readonly node: Node;
  readonly query: Query;
  readonly feed: Feed;
  readonly logger: StoreLogger | undefined;
}

const retryAfterMs = 1000;

/** The claim of a run. */
export const runClaim = (runId: string): string => `run:${runId}`;

export function createRunOwners({
  node,
  query,
  feed,
  logger,
}: RunOwnersOptions): RunOwners & { close(): void } {
  let interrupt: ((runIds: readonly string[]) => Promise<void>) | undefined;
  let isBusy = false;
  let closed = false;
  let notBefore = 0;

  async function passInherited(): Promise<void> {
    if (isBusy || closed || interrupt === undefined || node.epoch === 0 || performance.now() < notBefore)
      return;
    isBusy = true;
    try {
      const { rows } = await query(statements.inheritedRuns, [node.id]);
      if (rows.length > 0) await interrupt(rows.map(({ run_id }) => String(run_id)));
    } catch (error) {
      notBefore = performance.now() + retryAfterMs;
      if (!closed)
        callHost(() =>
          logger?.warn({ err: error }, 'the runs of a dead node could not be ended; trying again'),
        );
    } finally {
      isBusy = false;
    }
  }

  const stop = feed.onPolled(({ hasInherited }) => {
    if (hasInherited) void passInherited();
  });

  return {
    claim: (runId) => [{ kind: 'claimRun', runId }],
    release: (runId) => [{ kind: 'releaseRun', runId }],
    ownerOf: async (runId) => nodeIdIn(await query(statements.claimHolder, [runClaim(runId)])),
    onInherited(listener) {
      if (interrupt !== undefined) throw new TypeError('Inherited runs already have a handler');
      interrupt = listener;
      void passInherited();
      return () => {
        if (interrupt === listener) interrupt = undefined;
      };
    },
    close() {
      closed = true;
      stop();
    },
  };
}
