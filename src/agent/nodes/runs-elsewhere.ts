// Runs on a store that other nodes use, too: their order with the runs of other nodes, cancelling those, and
// ending those that dead nodes left.

import { startIdsAfter } from '../../base/ids.ts';
import type { Run } from '../../contract/run.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { RunRow, Store } from '../../store/store.ts';
import type { LiveRun } from '../live-run.ts';
import type { RunQueue } from '../run-queue.ts';
import { isUnfinished, notResumable, runEnded, runNotFound, toRun } from '../run-record.ts';
import { type AgentNode, askOwner, commandKinds, leftRunsTopic, nodeUnavailable } from './agent-node.ts';
import { type InheritedRunsOptions, takeOverRuns } from './inherited-runs.ts';
import type { Retries } from './retries.ts';
import { runsElsewhere, waitForTurn } from './session-turn.ts';

export interface RunsElsewhereOptions extends Pick<InheritedRunsOptions, 'interruption' | 'startAgain'> {
  readonly node: AgentNode;
  readonly retries: Retries;
  readonly store: Store;
  readonly log: EventLog;
  /** The runs of this node. */
  readonly queue: Pick<RunQueue, 'get'>;
  /** Cancels a run of this node. */
  readonly cancel: (id: string, reason: string) => Promise<unknown>;
  /** Cancels a run of this node that has not begun. */
  readonly withdraw: (id: string, reason: string) => Promise<boolean>;
  /** Gives up all runs of this node. */
  readonly lose: () => void;
  readonly onFault: (error: unknown, runId: string) => void;
}

export interface RunsElsewhere {
  /** @throws CodeBuddyError `run_ended`, `node_unavailable` */
  cancel(id: string, reason: string): Promise<Run>;
  /** Cancels a run of another node that has not begun. False if that is not possible. */
  withdraw(id: string, reason: string): Promise<boolean>;
  /**
   * Own a run that has ended, to resume it.
   * @throws CodeBuddyError `run_not_resumable` if another node was faster
   */
  claimEnded(row: RunRow): Promise<void>;
  /** End a run that this node may own, but does not work on: its start or its resumption failed. */
  endStray(id: string): void;
  /** See `Runs.adopt`. */
  adopt(id: string): Promise<void>;
  /**
   * The unfinished runs of a session that other nodes have. New ids of this node sort after those of the session, even if
   * the clock of another node is ahead.
   */
  lookAt(sessionId: string): Promise<readonly string[]>;
  /** The unfinished runs of a session that other nodes have. */
  idsOf(sessionId: string): Promise<ReadonlySet<string>>;
  /** Admits a run once the runs of its session that were queued before it have ended. */
  admitInTurn(run: LiveRun, sequence: number, onAdmitted: () => void): void;
  /** Begins to end the runs that nodes left. */
  recover(): void;
  /** @param left queued runs that other nodes may take */
  close(left: readonly string[]): Promise<void>;
}

export function createRunsElsewhere(options: RunsElsewhereOptions): RunsElsewhere {
  const { node, retries, store, log, queue, interruption, startAgain, cancel, withdraw, lose, onFault } =
    options;
  const isOwn = (runId: string): boolean => queue.get(runId)?.isLost === false;
  const stops = [
    node.node.onLost(lose),
    node.commands.handle(commandKinds.cancel, async (data) => {
      const { id, reason } = data as { id: string; reason: string };
      await cancel(id, reason);
      return null;
    }),
    node.commands.handle(commandKinds.withdraw, async (data) => {
      const { id, reason } = data as { id: string; reason: string };
      return withdraw(id, reason);
    }),
    store.feed?.onChange(leftRunsTopic, () => endOrphans()) ?? (() => undefined),
  ];
  const inherited = takeOverRuns({ node, store, log, isOwn, startAgain, interruption });
  let ending: Promise<void> = Promise.resolve();
  let isReady = false;

  /** One search at a time. */
  function endOrphans(): void {
    if (!isReady) return;
    ending = ending
      .then(() => inherited.endOrphans())
      .catch((error: unknown) => onFault(error, 'of no node'));
  }

  async function read(id: string): Promise<Run> {
    const row = await store.getRun(id);
    if (row === undefined) throw runNotFound(id);
    return toRun(row);
  }

  async function lookAt(sessionId: string): Promise<readonly string[]> {
    const [runs, events] = await Promise.all([
      runsElsewhere({ store, isOwn }, sessionId),
      log.read({ sessionId, order: 'desc', limit: 1 }),
    ]);
    startIdsAfter(events.map(({ id }) => id));
    return runs;
  }

  function endStray(id: string): void {
    retries.keepTrying(() => inherited.endStray(id));
  }

  return {
    async cancel(id, reason) {
      const outcome = await askOwner(node, id, { kind: commandKinds.cancel, data: { id, reason } });
      if (outcome.status === 'failed') throw outcome.error;
      const run = await read(id);
      if (outcome.status !== 'dead') return run;
      throw isUnfinished(run) ? nodeUnavailable(id) : runEnded(run);
    },
    async withdraw(id, reason) {
      const outcome = await askOwner(node, id, { kind: commandKinds.withdraw, data: { id, reason } });
      return outcome.status === 'done' && outcome.answer === true;
    },
    async claimEnded({ id, status }) {
      await store.write(node.runs.claim(id));
      const row = await store.getRun(id);
      if (row?.status === status) return;
      if (queue.get(id) === undefined) endStray(id);
      throw row === undefined ? runNotFound(id) : notResumable(id, `it is ${row.status}`);
    },
    endStray,
    adopt: (id) => inherited.endStray(id),
    lookAt,
    idsOf: async (sessionId) => new Set(await runsElsewhere({ store, isOwn }, sessionId)),
    admitInTurn(run, sequence, onAdmitted) {
      const { sessionId, signal } = run;
      const turn = waitForTurn({ store, log, isOwn }, { sessionId, sequence, signal });
      turn
        // Without it, only the order of ids may differ from that of the runs.
        .then(() => lookAt(sessionId).catch(() => undefined))
        .then(
          () => {
            run.admitted();
            onAdmitted();
          },
          (error: unknown) => {
            // A run that was stopped has ended already.
            if (!signal.aborted) onFault(error, run.id);
          },
        );
    },
    recover() {
      inherited.start();
      isReady = true;
      endOrphans();
    },
    async close(left) {
      isReady = false;
      for (const stop of stops) stop();
      inherited.close();
      await ending;
      if (left.length === 0) return;
      const released = left.flatMap((id) => node.runs.release(id));
      await store
        .write([...released, { kind: 'touch', topic: leftRunsTopic }])
        // The next start of a node finds them, too.
        .catch((error: unknown) => onFault(error, 'of this node'));
    },
  };
}
