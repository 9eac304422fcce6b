// The order of a session's runs over all nodes: a run begins when all runs of its session that were queued before it
// have ended, on whichever node. The sequence of `run.queued` is the order, so no lock is needed: of two runs, exactly
// one was queued first, and the later one sees it.

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

/** The store is also polled, in case an event is missed. */
const lookAgainMs = 2000;

/** Resolves when it is the turn of a queued run. @throws if `signal` aborts */
export async function waitForTurn(options: SessionTurnOptions, queued: Queued): Promise<void> {
  if (await mayBegin(options, queued)) return;
  const { sessionId, signal } = queued;
  const done = new AbortController();
  let isOld = false;
  let lookAgain = (): void => undefined;
  const follow = async (): Promise<void> => {
    const ends = { sessionId, types: runEndEvents, signal: AbortSignal.any([signal, done.signal]) };
    for await (const _ of options.log.subscribe(ends)) {
      isOld = true;
      lookAgain();
    }
  };
  // Without it, the timer is left.
  follow().catch(() => undefined);
  const onAbort = (): void => lookAgain();
  signal.addEventListener('abort', onAbort);
  try {
    for (;;) {
      isOld = false;
      if (await mayBegin(options, queued)) return;
      signal.throwIfAborted();
      if (isOld) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, lookAgainMs);
        lookAgain = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      signal.throwIfAborted();
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    done.abort();
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
