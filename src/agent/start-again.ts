// Queues runs of a process that has ended again. Runs that waited for an answer continue where they waited. Of those
// that had not begun, only the runs of callers that do not wait for the answer, such as triggers, survive in this way:
// `RunRequest.afterRestart`.

import { unpackTraceContext } from '../base/trace-context.ts';
import type { Run } from '../contract/run.ts';
import type { EventLog } from '../events/event-log.ts';
import type { RunRow, SessionRow, Store } from '../store/store.ts';
import type { Driver } from './driver.ts';
import type { WaitingRoom } from './inbox/waiting-room.ts';
import { LiveRun } from './live-run.ts';
import type { RunsElsewhere } from './nodes/runs-elsewhere.ts';
import { readOwnSteers } from './own-steers.ts';
import { readReopened } from './reopened-runs.ts';
import type { RunQueue } from './run-queue.ts';
import { type RunRequest, toRun, toRunRequest, withoutPrompt } from './run-record.ts';
import { readSessionMemory } from './session-memory.ts';
import { agentOf } from './session-record.ts';

export interface StartAgainOptions {
  readonly store: Pick<Store, 'getSession' | 'listMessages' | 'questions'>;
  readonly room: Pick<WaitingRoom, 'reopen' | 'forget'>;
  readonly log: Pick<EventLog, 'read'>;
  readonly queue: Pick<RunQueue, 'has' | 'readmit'>;
  readonly chooseFor: (
    agent: string,
    run: Pick<Run, 'prompt' | 'parts'>,
    request: RunRequest,
    session: SessionRow,
  ) => Promise<{ readonly driver: Driver }>;
  /** Begins all runs that may begin now. */
  readonly workOn: () => void;
  /** Present if other nodes work on the store. */
  readonly elsewhere: () => Pick<RunsElsewhere, 'admitInTurn'> | undefined;
  /** False once the server stops: the run is left to the next process. */
  readonly isAccepting: () => boolean;
}

/** Returns a function that queues a run of `sortUnfinished`. The caller owns the run. */
export function createStartAgain({
  store,
  room,
  log,
  queue,
  chooseFor,
  workOn,
  elsewhere,
  isAccepting,
}: StartAgainOptions): (row: RunRow) => Promise<void> {
  return async (row) => {
    const request = toRunRequest(row);
    const session = await store.getSession(row.sessionId);
    if (session === undefined) return;
    const run = toRun(row);
    const driver = await chooseFor(agentOf(session), run, request, session).then(
      (chosen) => chosen.driver,
      failing,
    );
    const [queued] = await log.read({ runId: row.id, types: ['run.queued'], order: 'desc', limit: 1 });
    const reopened = (await readReopened(store, row)) ?? [];
    const continues = reopened.length > 0;
    // A run that continues finds its messages in its conversation.
    const steers = continues ? [] : await readOwnSteers(store, { sessionId: row.sessionId, runId: row.id });
    const live = new LiveRun({
      record: withoutPrompt(run),
      request,
      driver,
      hop: reopened[0]?.hop ?? request.afterRestart?.hop ?? 0,
      trace: unpackTraceContext(request.afterRestart?.trace ?? ''),
      isResumed: continues,
      memory: readSessionMemory(session),
      promptMessageId: continues ? undefined : request.afterRestart?.promptMessageId,
      sessionBeganAt: session.createdAt,
      reopened,
    });
    for (const steer of steers) await live.steers.add(steer, async () => undefined);
    if (queue.has(row.id) || !isAccepting()) return;
    room.reopen(reopened);
    void live.ended.then(() => room.forget(live.id));
    queue.readmit(live);
    const others = elsewhere();
    if (others === undefined) live.admitted();
    else others.admitInTurn(live, queued?.sequence ?? 0, workOn);
    queueMicrotask(workOn);
  };
}

/** The agent or the model of the run may be gone: then the run fails with that reason. */
function failing(error: unknown): Driver {
  return { respond: () => Promise.reject(error) };
}
