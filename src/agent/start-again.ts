// Queues runs again that were accepted and had not begun when their process ended. Only runs of callers that do not wait
// for the answer, such as triggers, survive in this way: `RunRequest.afterRestart`.

import { unpackTraceContext } from '../base/trace-context.ts';
import type { EventLog } from '../events/event-log.ts';
import type { RunRow, SessionRow, Store } from '../store/store.ts';
import type { Driver } from './driver.ts';
import { LiveRun } from './live-run.ts';
import type { RunsElsewhere } from './nodes/runs-elsewhere.ts';
import type { RunQueue } from './run-queue.ts';
import { type RunRequest, toRun, toRunRequest, withoutPrompt } from './run-record.ts';
import { readSessionMemory } from './session-memory.ts';
import { agentOf } from './session-record.ts';

export interface StartAgainOptions {
  readonly store: Pick<Store, 'getSession'>;
  readonly log: Pick<EventLog, 'read'>;
  readonly queue: Pick<RunQueue, 'has' | 'readmit'>;
  readonly chooseFor: (
    agent: string,
    prompt: string,
    request: RunRequest,
    session: SessionRow,
  ) => Promise<{ readonly driver: Driver }>;
  /** Begins all runs that may begin now. */
  readonly workOn: () => void;
  /** Present if other nodes work on the store. */
  readonly elsewhere: () => Pick<RunsElsewhere, 'admitInTurn'> | undefined;
}

/** Returns a function that queues a run for which `mayStartAgain` holds. The caller owns the run. */
export function createStartAgain({
  store,
  log,
  queue,
  chooseFor,
  workOn,
  elsewhere,
}: StartAgainOptions): (row: RunRow) => Promise<void> {
  return async (row) => {
    const request = toRunRequest(row);
    const session = await store.getSession(row.sessionId);
    if (session === undefined) return;
    const run = toRun(row);
    const driver = await chooseFor(agentOf(session), run.prompt, request, session).then(
      (chosen) => chosen.driver,
      failing,
    );
    const [queued] = await log.read({ runId: row.id, types: ['run.queued'], order: 'desc', limit: 1 });
    if (queue.has(row.id)) return;
    const live = new LiveRun({
      record: withoutPrompt(run),
      request,
      driver,
      hop: request.afterRestart?.hop ?? 0,
      trace: unpackTraceContext(request.afterRestart?.trace ?? ''),
      isResumed: false,
      memory: readSessionMemory(session),
      promptMessageId: request.afterRestart?.promptMessageId,
      sessionBeganAt: session.createdAt,
    });
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
