// Resumes an interrupted or failed run: the same run continues at its last completed step, with the rights of the caller
// that resumes it.

import type { Tracing } from '../base/tracing.ts';
import type { Run } from '../contract/run.ts';
import type { RunRow, SessionRow, Store } from '../store/store.ts';
import type { AdmitRun } from './admit-run.ts';
import type { ChooseForRun } from './choose-for-run.ts';
import { LiveRun, type NewLiveRun } from './live-run.ts';
import type { RunsElsewhere } from './nodes/runs-elsewhere.ts';
import { unarchiving } from './prompted-session.ts';
import type { RunQueue } from './run-queue.ts';
import {
  notResumable,
  patchRun,
  type RunRequest,
  runNotFound,
  toRun,
  toRunRequest,
  withoutPrompt,
} from './run-record.ts';
import type { Runs, StartedRun } from './run-service.ts';
import { readSessionMemory } from './session-memory.ts';
import { agentOf, sessionNotFound } from './session-record.ts';
import type { Spending } from './spending.ts';
import type { Spaces } from './workspaces/spaces.ts';

export interface ResumeRunOptions {
  readonly store: Pick<Store, 'getRun' | 'listRuns' | 'getSession'>;
  readonly queue: Pick<RunQueue, 'get' | 'has'>;
  readonly spaces: Pick<Spaces, 'requireReady'>;
  readonly spending: Pick<Spending, 'requireRoom'>;
  readonly tracing: Pick<Tracing, 'current'>;
  readonly elsewhere: Pick<RunsElsewhere, 'claimEnded' | 'endStray'> | undefined;
  readonly now: () => number;
  readonly chooseFor: ChooseForRun;
  readonly admit: AdmitRun;
  /** @throws CodeBuddyError `shutting_down` */
  readonly requireAccepting: () => void;
}

export function createResumeRun({
  store,
  queue,
  spaces,
  spending,
  tracing,
  elsewhere,
  now,
  chooseFor,
  admit,
  requireAccepting,
}: ResumeRunOptions): Runs['resume'] {
  async function admitAgain(
    row: RunRow,
    {
      model,
      session,
      ...parts
    }: Pick<NewLiveRun, 'request' | 'driver' | 'hop' | 'memory'> & {
      model: string | null;
      session: SessionRow;
    },
  ): Promise<StartedRun> {
    requireAccepting();
    if (queue.has(row.id)) throw notResumable(row.id, 'it was resumed already');
    const run: Run = {
      ...toRun(row),
      status: 'queued',
      model,
      finishReason: null,
      error: null,
      endedAt: null,
    };
    const live = new LiveRun({
      ...parts,
      record: withoutPrompt(run),
      trace: tracing.current(),
      isResumed: true,
      promptMessageId: undefined,
      sessionBeganAt: session.createdAt,
    });
    const back = unarchiving(session, parts.hop);
    return admit(live, run, {
      before: back.events,
      after: [],
      ahead: 0,
      writes: [...back.writes, patchRun(live.record, now(), { request: parts.request })],
    });
  }

  return async (id, { hop = 0, mayUseTools = true, keyId = null } = {}) => {
    requireAccepting();
    // The caller may see the committed end of the run before the queue has released it.
    const ending = queue.get(id);
    if (ending?.isEnding || ending?.isLost) await ending.ended;
    const row = await store.getRun(id);
    if (row === undefined) throw runNotFound(id);
    const [last] = await store.listRuns({ limit: 1, sessionId: row.sessionId });
    const isResumable = !queue.has(id) && (row.status === 'interrupted' || row.status === 'failed');
    if (!isResumable) throw notResumable(id, `it is ${queue.get(id)?.record.status ?? row.status}`);
    if (last?.id !== id) throw notResumable(id, 'the session has a later run');
    const session = await store.getSession(row.sessionId);
    if (session === undefined) throw sessionNotFound(row.sessionId);
    const { options, tools: callerTools } = toRunRequest(row);
    const request: RunRequest = {
      options,
      mayUseTools,
      keyId,
      ...(callerTools === undefined ? {} : { tools: callerTools }),
    };
    const workspace = await spaces.requireReady(session);
    const { driver, model } = await chooseFor(agentOf(session), toRun(row), request, workspace);
    const memory = readSessionMemory(session);
    if (memory.undos?.runIds?.includes(id) === true) throw notResumable(id, 'its prompt was undone');
    await spending.requireRoom(memory.cost);
    // No other node can resume it from here on.
    await elsewhere?.claimEnded(row);
    try {
      return await admitAgain(row, { request, driver, hop, model, memory, session });
    } catch (error) {
      if (!queue.has(id)) elsewhere?.endStray(id);
      throw error;
    }
  };
}
