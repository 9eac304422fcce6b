// The order of a session's runs over all nodes: a run begins when all runs of its session that were queued before it have
// ended, on whichever node. The sequence of `run.queued` is the order, so no lock is needed: of two runs, exactly one was
// queued first, and the later one sees it.

import { setTimeout as delay } from 'node:timers/promises';
import { runEndEvents } from '../../contract/event-catalogue.ts';
import { unfinishedRunStatuses } from '../../contract/run.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { Store } from '../../store/store.ts';

export interface SessionTurnOptions {
  readonly store: Pick<Store, 'listRuns'>;
  readonly log: Pick<EventLog, 'read' | 'subscribe'>;
  /** Whether this node has the run in its own queue, which keeps the order of those. */
  readonly isOwn: (runId: string) => boolean;
}

export interface Queued {
  readonly sessionId: string;
  /** The sequence of its `run.queued`. */
  readonly sequence: number;
  readonly signal: AbortSignal;
}

/** A look at the store stands behind the events, should one be missed. */
const lookAgainMs = 2000;

/** Resolves when it is the turn of a queued run. @throws if `signal` aborts */
export async function waitForTurn(options: SessionTurnOptions, queued: Queued): Promise<void> {
  const { sessionId, signal } = queued;
  if (await mayBegin(options, queued)) return;
  const ends = options.log.subscribe({ sessionId, types: runEndEvents, signal })[Symbol.asyncIterator]();
  try {
    let next: Promise<unknown> | undefined;
    while (!(await mayBegin(options, queued))) {
      next ??= ends.next().finally(() => {
        next = undefined;
      });
      await Promise.race([next, delay(lookAgainMs, undefined, { ref: false })]);
      signal.throwIfAborted();
    }
  } finally {
    await ends.return?.();
  }
}

/** The unfinished runs of a session that other nodes have. */
export async function runsElsewhere(
  { store, isOwn }: Pick<SessionTurnOptions, 'store' | 'isOwn'>,
  sessionId: string,
): Promise<readonly string[]> {
  const rows = await store.listRuns({ limit: 200, sessionId, statuses: unfinishedRunStatuses });
  return rows.map(({ id }) => id).filter((id) => !isOwn(id));
}

async function mayBegin(
  options: SessionTurnOptions,
  { sessionId, sequence, signal }: Queued,
): Promise<boolean> {
  try {
    for (const runId of await runsElsewhere(options, sessionId)) {
      const later = await options.log.read({ runId, types: ['run.queued'], after: sequence, limit: 1 });
      if (later.length === 0) return false;
    }
    return true;
  } catch {
    // The database is away. The run waits.
    signal.throwIfAborted();
    return false;
  }
}
