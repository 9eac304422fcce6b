// Ends the runs that other nodes left unfinished: those of dead nodes, and those that no node owns, for example after a
// move from SQLite. Runs that survive a restart are queued here instead:
// those that waited for an answer, and those of triggers that have not begun.

import { CodeBuddyError } from '../../base/errors.ts';
import { createTurns } from '../../base/turns.ts';
import { type RunStatus, unfinishedRunStatuses } from '../../contract/run.ts';
import type { EventLog, NewEvent } from '../../events/event-log.ts';
import type { Stop } from '../../store/ownership.ts';
import type { RunRow, Store, Write } from '../../store/store.ts';
import { sortUnfinished } from '../reopened-runs.ts';
import type { AgentNode } from './agent-node.ts';

export interface InheritedRunsOptions {
  readonly node: AgentNode;
  readonly store: Pick<Store, 'getRun' | 'listRuns' | 'questions' | 'write'>;
  readonly log: Pick<EventLog, 'append'>;
  /** Whether the run is in the queue of this node: it was resumed here. */
  readonly isOwn: (runId: string) => boolean;
  /** Queues a run that survives a restart. This node owns it. */
  readonly startAgain: (row: RunRow) => Promise<void>;
  /** The events and writes that mark runs as interrupted. */
  readonly interruption: (rows: readonly RunRow[]) => {
    readonly events: readonly NewEvent[];
    readonly writes: readonly Write[];
  };
}

export interface InheritedRuns {
  /** Begin to end the runs of dead nodes. */
  start(): void;
  /** End the runs that no node owns. */
  endOrphans(): Promise<void>;
  /**
   * End a run that this node may own, although it is not in its queue. Only release it if it has ended already.
   * @throws CodeBuddyError `storage_unavailable`, `run_not_resumable` if another node owns it
   */
  endStray(id: string): Promise<void>;
  close(): void;
}

/** Runs of one commit: their rows are read for it. */
const runsPerCommit = 20;
const unfinished: ReadonlySet<string> = new Set<RunStatus>(unfinishedRunStatuses);

export function takeOverRuns({
  node,
  store,
  log,
  isOwn,
  startAgain,
  interruption,
}: InheritedRunsOptions): InheritedRuns {
  async function interrupt(runIds: readonly string[]): Promise<void> {
    for (let at = 0; at < runIds.length; at += runsPerCommit)
      await interruptTogether(runIds.slice(at, at + runsPerCommit));
  }

  // One after the other: a run is found by the search at the start, by a take-over and by an answer. Once the first of
  // them has queued it, it may use its answer, or end, while another still believes that it waits.
  const turns = createTurns();
  const interruptTogether = (runIds: readonly string[]): Promise<void> =>
    turns.take('runs', () => interruptInTurn(runIds));

  async function interruptInTurn(runIds: readonly string[]): Promise<void> {
    const rows = await Promise.all(runIds.map((id) => store.getRun(id)));
    const left = rows.filter(
      (row): row is RunRow => row !== undefined && unfinished.has(row.status) && !isOwn(row.id),
    );
    const sorted = await sortUnfinished(store, left);
    for (const row of sorted.again) await startAgain(row);
    const { events, writes } = interruption(sorted.left);
    const released = runIds.filter((id) => !isOwn(id)).flatMap((id) => node.runs.release(id));
    if (events.length + released.length > 0) await log.append(events, [...writes, ...released]);
  }

  async function endOrphan(id: string): Promise<void> {
    if ((await node.runs.ownerOf(id)) !== undefined) return;
    try {
      await endStray(id);
    } catch (error) {
      // A dead node still owns it; its successor ends it.
      if (error instanceof CodeBuddyError && error.code === 'run_not_resumable') return;
      throw error;
    }
  }

  /** Owns the run before it looks, so that no other node ends or resumes it in between. */
  async function endStray(id: string): Promise<void> {
    if (isOwn(id)) return;
    await store.write(node.runs.claim(id));
    await interruptTogether([id]);
  }

  let stop: Stop | undefined;
  return {
    start() {
      stop = node.runs.onInherited(interrupt);
    },
    async endOrphans() {
      for (let beforeId: string | undefined; ; ) {
        const rows = await store.listRuns({
          limit: 50,
          statuses: unfinishedRunStatuses,
          ...(beforeId === undefined ? {} : { beforeId }),
        });
        for (const { id } of rows) if (!isOwn(id)) await endOrphan(id);
        beforeId = rows.at(-1)?.id;
        if (beforeId === undefined) return;
      }
    },
    endStray,
    close: () => stop?.(),
  };
}
