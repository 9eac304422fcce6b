// Runs: the work on one prompt each. A session has one working run at a time; others wait in line. Everything is in the
// store, so no run still counts as running after a stop or a crash, and an interrupted or failed run can be resumed.
//
// A run is admitted by start-run.ts, resume-run.ts or start-again.ts, waits in run-queue.ts, works in perform-run.ts, and
// ends in run-endings.ts. live-run.ts has its states.

import { CodeBuddyError } from '../base/errors.ts';
import { passiveTracing } from '../base/passive-tracing.ts';
import type { RunFigures } from '../base/run-figures.ts';
import type { Tracing } from '../base/tracing.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { Run } from '../contract/run.ts';
import type { EventLog } from '../events/event-log.ts';
import { isCutByText, maxPageText } from '../store/page-weight.ts';
import { sessionBusy } from '../store/session-busy.ts';
import type { Store } from '../store/store.ts';
import { createAdmitRun } from './admit-run.ts';
import { type ChooseDriver, createChooseForRun } from './choose-for-run.ts';
import { createDriverContexts } from './driver-context.ts';
import type { Files } from './files/files.ts';
import type { PromptParts } from './files/prompt-parts.ts';
import type { AnswerTime } from './inbox/answer-time.ts';
import type { WaitingRoom } from './inbox/waiting-room.ts';
import { toPage } from './list-page.ts';
import type { LiveRun, Stop } from './live-run.ts';
import type { AgentNode } from './nodes/agent-node.ts';
import type { Retries } from './nodes/retries.ts';
import { createRunsElsewhere } from './nodes/runs-elsewhere.ts';
import { createPerformRun } from './perform-run.ts';
import type { Permissions } from './permissions/permissions.ts';
import { createResumeRun } from './resume-run.ts';
import { createRunEndings, interruptedByClose } from './run-endings.ts';
import type { PromptRates, RunLimits } from './run-limits.ts';
import { RunQueue } from './run-queue.ts';
import { isUnfinished, type RunRecord, runEnded, runNotFound, toRun, viewRun } from './run-record.ts';
import type { Runs } from './run-service.ts';
import type { Spending } from './spending.ts';
import { createStartAgain } from './start-again.ts';
import { createStartRun } from './start-run.ts';
import { createSteering } from './steering.ts';
import type { ToolBox } from './tools/tool-box.ts';
import type { Spaces } from './workspaces/spaces.ts';

export interface RunsOptions {
  readonly store: Store;
  readonly log: EventLog;
  readonly tools: ToolBox;
  readonly files: Files;
  readonly promptParts: PromptParts;
  readonly permissions: Permissions;
  readonly room: WaitingRoom;
  /** Of prompts that set none. */
  readonly answerTime: AnswerTime;
  readonly spending: Spending;
  readonly figures: RunFigures;
  readonly chooseDriver: ChooseDriver;
  /** The agent of a new session. @throws CodeBuddyError `validation_failed` for an unknown one */
  readonly agentForNew: (name: string | undefined) => string;
  readonly spaces: Pick<
    Spaces,
    'plan' | 'requireSame' | 'requireReady' | 'workspaceOf' | 'spaceOf' | 'spaceAt'
  >;
  readonly limits: RunLimits;
  /** @default none */
  readonly promptRates?: PromptRates | undefined;
  readonly defaultMode: PermissionMode;
  readonly now: () => number;
  /** Called for internal errors; details must not reach clients. */
  readonly onFault: (error: unknown, runId: string) => void;
  /** Present if other nodes work on the store. */
  readonly node: AgentNode | undefined;
  /** Present with `node`. They end with the runs. */
  readonly retries: Retries | undefined;
  /** @throws CodeBuddyError `session_busy` while an undo changes the session */
  readonly requireNoUndo: (sessionId: string) => void;
  /** @default no spans */
  readonly tracing?: Tracing | undefined;
}

export function createRuns(options: RunsOptions): Runs {
  const {
    store,
    log,
    tools,
    files,
    promptParts,
    permissions,
    room,
    answerTime,
    spending,
    figures,
    chooseDriver,
    agentForNew,
    spaces,
    limits,
    promptRates,
    defaultMode,
    now,
    onFault,
    node,
    retries,
    requireNoUndo,
    tracing = passiveTracing,
  } = options;
  const queue = new RunQueue(limits);
  const chooseFor = createChooseForRun({ chooseDriver, defaultMode });
  const endings = createRunEndings({ store, log, figures, now, onFault, node, retries });
  const elsewhere =
    node &&
    retries &&
    createRunsElsewhere({
      node,
      retries,
      store,
      log,
      queue,
      interruption: endings.interruption,
      cancel: (id, reason) => cancel(id, reason),
      withdraw: (id, reason) => withdraw(id, reason),
      startAgain: (row) => startAgain(row),
      lose,
      onFault,
    });
  const steering = createSteering({ store, log, queue, now, node });
  let isAccepting = true;
  const startAgain = createStartAgain({
    store,
    room,
    log,
    queue,
    chooseFor: async (agent, prompt, request, session) =>
      chooseFor(agent, prompt, request, await spaces.requireReady(session)),
    workOn: () => workOn(),
    elsewhere: () => elsewhere,
    isAccepting: () => isAccepting,
  });

  const contextOf = createDriverContexts({
    store,
    log,
    tools,
    permissions,
    room,
    answerTime,
    spending,
    figures,
    spaces,
    now,
    defaultMode,
    files,
    readPrompt: async (runId) => (await read(runId)).prompt,
    readParts: async (runId) => promptParts.toSend((await read(runId)).parts ?? []),
    isLive: (runId) => queue.has(runId),
    liveElsewhere: elsewhere?.idsOf,
    onWaitingChange(live) {
      if (isAccepting) workOn();
      else if (live.isWaiting) leaveOrInterrupt(live);
    },
    onFault,
    node,
  });

  const perform = createPerformRun({
    store,
    spaces,
    promptParts,
    endings,
    limits,
    tracing,
    node,
    now,
    contextOf,
    read,
    onTimeout: (live) => stop(live, { kind: 'timeout' }),
    onEnded(live) {
      queue.release(live);
      workOn();
    },
  });
  const admit = createAdmitRun({ log, queue, promptRates, node, elsewhere, requireNoUndo, workOn });
  const common = { store, spaces, spending, tracing, elsewhere, now, chooseFor, admit, requireAccepting };
  const start = createStartRun({ ...common, tools, promptParts, agentForNew });
  const resume = createResumeRun({ ...common, queue });

  function requireAccepting(): void {
    if (!isAccepting)
      throw new CodeBuddyError('shutting_down', 'The server is shutting down and accepts no more prompts.');
  }

  /** Begins all runs that may begin now. */
  function workOn(): void {
    while (isAccepting) {
      const live = queue.next();
      if (live === undefined) return;
      // `perform` ends the run itself and never rejects.
      void perform(live);
    }
  }

  /** Ends a queued or working run. */
  function stop(live: LiveRun, why: Stop): void {
    if (!live.stop(why) || !queue.leaveLine(live)) return;
    void endings.fail(live, undefined).finally(() => queue.release(live));
  }

  /** This node was declared dead: another one interrupts its runs. */
  function lose(): void {
    for (const live of queue.all()) {
      live.lose();
      if (!queue.leaveLine(live)) continue;
      void endings.fail(live, undefined).finally(() => queue.release(live));
    }
  }

  async function cancel(id: string, reason = 'cancelled by a client'): Promise<Run> {
    const live = queue.get(id);
    if (live === undefined || live.isLost) {
      const run = await read(id);
      if (elsewhere !== undefined && isUnfinished(run)) return elsewhere.cancel(id, reason);
      throw runEnded(run);
    }
    stop(live, { kind: 'cancelled', reason });
    await live.ended;
    return { ...(await read(id)), ...live.record };
  }

  async function withdraw(id: string, reason: string): Promise<boolean> {
    const live = queue.get(id);
    if (live === undefined || live.isLost) return (await elsewhere?.withdraw(id, reason)) ?? false;
    if (!queue.inLine().includes(live)) return false;
    stop(live, { kind: 'cancelled', reason });
    await live.ended;
    return true;
  }

  async function whileIdle<T>(
    sessionId: string,
    work: (stillIdle: () => Promise<void>) => Promise<T>,
  ): Promise<T> {
    const isIdleElsewhere = async (): Promise<void> => {
      if ((await elsewhere?.idsOf(sessionId))?.size) throw sessionBusy(sessionId);
    };
    await isIdleElsewhere();
    if (queue.isSessionBusy(sessionId)) throw sessionBusy(sessionId);
    queue.hold(sessionId);
    try {
      return await work(isIdleElsewhere);
    } finally {
      queue.letGo(sessionId);
      workOn();
    }
  }

  /** The server stops: the next process continues the run where it is, if it can. */
  function leaveOrInterrupt(live: LiveRun): void {
    stop(live, live.canBeLeft ? { kind: 'left' } : interruptedByClose);
  }

  /** @throws CodeBuddyError `run_not_found` */
  async function read(id: string): Promise<Run> {
    const row = await store.getRun(id);
    if (row === undefined) throw runNotFound(id);
    return toRun(row);
  }

  return {
    start,
    resume,
    async get(id) {
      // Taken before the row is read: if the run ends meanwhile, its final record is here.
      const live = queue.get(id);
      const row = await store.getRun(id);
      return row === undefined ? undefined : viewRun({ ...toRun(row), ...recordOf(live) }, now());
    },
    async list({ limit, after, sessionId, status }) {
      const rows = await store.listRuns({
        limit: limit + 1,
        maxText: maxPageText,
        ...(after === undefined ? {} : { beforeId: after }),
        ...(sessionId === undefined ? {} : { sessionId }),
        ...(status === undefined ? {} : { statuses: [status] }),
      });
      return toPage(
        rows.slice(0, limit).map((row) => {
          // The record in memory is newer, as in `get`; a filter by status goes by the store.
          const record = status === undefined ? recordOf(queue.get(row.id)) : undefined;
          return viewRun({ ...toRun(row), ...record }, now());
        }),
        rows.length > limit || isCutByText(rows),
      );
    },
    cancel,
    withdraw,
    steer: steering.steer,
    activeCount: () => queue.size,
    costToday: spending.today,
    stats() {
      return { ...figures.stats(), states: queue.countByStatus() };
    },
    whileIdle,
    isSessionBusy: (sessionId) => queue.isSessionBusy(sessionId),
    isLost: (runId) => queue.get(runId)?.isLost === true,
    async adopt(runId) {
      await elsewhere?.adopt(runId);
    },
    async recover() {
      if (elsewhere !== undefined) return elsewhere.recover();
      for (const row of await endings.recover()) await startAgain(row);
    },
    async close(graceMs) {
      isAccepting = false;
      const unfinished = queue.all();
      for (const live of queue.inLine()) leaveOrInterrupt(live);
      // The others have time to end, or to begin to wait.
      for (const live of queue.working()) if (live.isWaiting) leaveOrInterrupt(live);
      let timer: NodeJS.Timeout | undefined;
      const grace = new Promise((resolve) => {
        timer = setTimeout(resolve, graceMs);
      });
      await Promise.race([Promise.all(queue.working().map(({ ended }) => ended)), grace]);
      clearTimeout(timer);
      const rest = queue.all();
      for (const live of rest) stop(live, interruptedByClose);
      await Promise.all(rest.map(({ ended }) => ended));
      retries?.close();
      steering.close();
      await elsewhere?.close(unfinished.filter(({ isLeft }) => isLeft).map(({ id }) => id));
    },
  };
}

/** The live record, if it is newer than the store. For a lost run, the store is newer. */
function recordOf(live: LiveRun | undefined): RunRecord | undefined {
  return live?.isLost === false ? live.record : undefined;
}
