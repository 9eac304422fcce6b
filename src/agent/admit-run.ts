// Admits a run: it has its place in the queue, and its first events are in the log.

import { CodeBuddyError } from '../base/errors.ts';
import type { Run } from '../contract/run.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import type { Write } from '../store/store.ts';
import type { LiveRun } from './live-run.ts';
import { type AgentNode, lostRun } from './nodes/agent-node.ts';
import type { RunsElsewhere } from './nodes/runs-elsewhere.ts';
import type { PromptRates } from './run-limits.ts';
import type { RunQueue } from './run-queue.ts';
import type { StartedRun } from './run-service.ts';

export interface AdmissionParts {
  /** Events before and after `run.queued`. */
  readonly before: readonly NewEvent[];
  readonly after: readonly NewEvent[];
  readonly writes: readonly Write[];
  /** The unfinished runs of the session on other nodes; undefined for a new session. */
  readonly ahead: number | undefined;
}

/**
 * Takes the place in the queue before the commit, so that two concurrent prompts cannot both take the last one.
 * @throws CodeBuddyError `too_many_runs`, `too_many_waiting_runs`, `session_busy`
 */
export type AdmitRun = (live: LiveRun, run: Run, parts: AdmissionParts) => Promise<StartedRun>;

export interface AdmitRunOptions {
  readonly log: Pick<EventLog, 'append'>;
  readonly queue: Pick<RunQueue, 'admit' | 'release'>;
  readonly promptRates: PromptRates | undefined;
  readonly node: AgentNode | undefined;
  readonly elsewhere: Pick<RunsElsewhere, 'admitInTurn' | 'endStray'> | undefined;
  readonly requireNoUndo: (sessionId: string) => void;
  /** Begins all runs that may begin now. */
  readonly workOn: () => void;
}

export function createAdmitRun({
  log,
  queue,
  promptRates,
  node,
  elsewhere,
  requireNoUndo,
  workOn,
}: AdmitRunOptions): AdmitRun {
  /** Counts the prompt of the key, unless the queue is full. */
  function takePlace(live: LiveRun): {
    readonly position: number;
    readonly giveBack: (() => void) | undefined;
  } {
    const { keyId } = live.request;
    const giveBack = keyId === null ? undefined : promptRates?.take(keyId);
    try {
      return { position: queue.admit(live), giveBack };
    } catch (error) {
      giveBack?.();
      throw error;
    }
  }

  return async (live, run, parts) => {
    const { owner, hop } = live;
    requireNoUndo(live.sessionId);
    const place = takePlace(live);
    const position = place.position + (parts.ahead ?? 0);
    try {
      const queued: NewEvent = { type: 'run.queued', data: { position }, ...owner, hop };
      const claim = node?.runs.claim(live.id) ?? [];
      const logged = await log.append([...parts.before, queued, ...parts.after], [...parts.writes, ...claim]);
      if (live.isLost) throw lostRun();
      if (elsewhere === undefined || parts.ahead === undefined) live.admitted();
      else elsewhere.admitInTurn(live, logged[parts.before.length]?.sequence ?? 0, workOn);
      // In a later turn of the event loop: a reader that follows from `afterSequence` must not miss events of the run.
      queueMicrotask(workOn);
      const first = logged[0]?.sequence ?? 1;
      return { run, afterSequence: first - 1, result: live.result, asked: live.asked, waits: live.waits };
    } catch (error) {
      queue.release(live);
      place.giveBack?.();
      // The commit may have been made although it failed.
      if (!live.isLost) elsewhere?.endStray(live.id);
      live.reject(new CodeBuddyError('internal_error', 'The run could not be started.', { cause: error }));
      throw error;
    }
  };
}
