// Runs: the work on one prompt each. A session has one working run at a time; others wait in line. Everything is in the
// store, so no run still counts as running after a stop or a crash, and an interrupted or failed run can be resumed.
//
// Over 400 lines: starting, resuming, performing and cancelling a run share its place in the queue. run-queue.ts,
// run-endings.ts and live-run.ts have the rest.

import { CodeBuddyError } from '../base/errors.ts';
import { makeId } from '../base/ids.ts';
import { passiveTracing } from '../base/passive-tracing.ts';
import type { RunFigures } from '../base/run-figures.ts';
import { isBlank, sendable, wellFormed, wellFormedDeep } from '../base/text.ts';
import { packTraceContext } from '../base/trace-context.ts';
import type { Span, Tracing } from '../base/tracing.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { PromptOptions } from '../contract/prompt.ts';
import type { Run } from '../contract/run.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import { isCutByText, maxPageText } from '../store/page-weight.ts';
import { sessionBusy } from '../store/session-busy.ts';
import type { RunRow, SessionRow, Store, Write } from '../store/store.ts';
import type { Driver, DriverContext, DriverResult } from './driver.ts';
import { createDriverContexts } from './driver-context.ts';
import type { Files } from './files/files.ts';
import { imagePointers, type PromptParts } from './files/prompt-parts.ts';
import type { AnswerTime } from './inbox/answer-time.ts';
import { checkCallerTools } from './inbox/caller-tools.ts';
import type { WaitingRoom } from './inbox/waiting-room.ts';
import { toPage } from './list-page.ts';
import { LiveRun, type NewLiveRun, type Stop } from './live-run.ts';
import { newMessageRow } from './message-record.ts';
import { type AgentNode, leaseIsGood, lostRun } from './nodes/agent-node.ts';
import { createRetries } from './nodes/retries.ts';
import { createRunsElsewhere } from './nodes/runs-elsewhere.ts';
import { createOutputCheck } from './output/output-check.ts';
import type { Permissions } from './permissions/permissions.ts';
import { createdOnce, findPrompted, unarchiving } from './prompted-session.ts';
import { createRunEndings, interruptedByClose } from './run-endings.ts';
import type { PromptRates, RunLimits } from './run-limits.ts';
import { RunQueue } from './run-queue.ts';
import {
  isUnfinished,
  newRun,
  notResumable,
  patchRun,
  type RunRecord,
  type RunRequest,
  runEnded,
  runNotFound,
  toRun,
  toRunRequest,
  toRunRow,
  viewRun,
  withoutPrompt,
} from './run-record.ts';
import type { Caller, Runs, StartedRun } from './run-service.ts';
import { endRunSpan, nameRunSpan, startRunSpan } from './run-span.ts';
import { dropUndos, readSessionMemory } from './session-memory.ts';
import { agentOf, newSessionRow, sessionNotFound, titleFrom } from './session-record.ts';
import type { Spending } from './spending.ts';
import { createStartAgain } from './start-again.ts';
import { createSteering } from './steering.ts';
import { requireStrictMode } from './strict-mode.ts';
import type { ToolBox } from './tools/tool-box.ts';
import { turnWrite } from './transcript.ts';
import type { PlannedPlace, Spaces } from './workspaces/spaces.ts';

/**
 * Chooses the driver that answers, and its model; null if only the agent knows its model.
 * @throws CodeBuddyError `validation_failed` for an unknown model, `not_supported_by_agent`, `agent_unavailable`
 */
export type ChooseDriver = (request: {
  /** The agent of the session. */
  readonly agent: string;
  readonly options: PromptOptions;
  /** The workspace of the session, if it is not that of the server. */
  readonly workspace: string | undefined;
}) => Promise<{ readonly driver: Driver; readonly model: string | null }>;

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
    requireNoUndo,
    tracing = passiveTracing,
  } = options;
  const queue = new RunQueue(limits);
  const retries = node && createRetries(node.node, (error) => onFault(error, 'of this node'));
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

  const start: Runs['start'] = (request) => createdOnce(request, () => startOnce(request));

  async function startOnce(request: Parameters<Runs['start']>[0]): Promise<StartedRun> {
    requireAccepting();
    const { mayUseTools = true, keyId = null } = request;
    const prompt = requireText(request.prompt);
    const runRequest: RunRequest = {
      options: wellFormedDeep(request.options),
      mayUseTools,
      keyId,
      ...(request.tools === undefined ? {} : { tools: wellFormedDeep(request.tools) }),
    };
    const session = await findPrompted(store, request);
    const agent = session === undefined ? agentForNew(runRequest.options.agent) : agentOf(session);
    requireSameAgent(agent, runRequest.options, session);
    const place =
      session === undefined
        ? await spaces.plan(runRequest.options, '/options')
        : await placeOf(session, runRequest.options, request.createSession);
    return startAt(request, { runRequest, prompt, agent, session, place }).catch(async (error: unknown) => {
      await place.undo();
      throw error;
    });
  }

  async function startAt(
    request: Parameters<Runs['start']>[0],
    {
      runRequest,
      prompt,
      agent,
      session: existing,
      place,
    }: {
      readonly runRequest: RunRequest;
      readonly prompt: string;
      readonly agent: string;
      readonly session: SessionRow | undefined;
      readonly place: PlannedPlace;
    },
  ): Promise<StartedRun> {
    const { hop = 0 } = request;
    let session = existing;
    const taken = await promptParts.take(prompt, request.parts ?? [], async () => {
      if (session !== undefined) return spaces.workspaceOf(session.id);
      await place.create();
      return (await spaces.spaceAt(place.details)).workspace;
    });
    const { parts } = taken;
    const { driver, model } = await chooseFor(agent, { prompt, parts }, runRequest, place.details.workspace);
    if (runRequest.tools !== undefined)
      checkCallerTools(runRequest.tools, (name) => tools.has(name, session?.id));
    const createdAt = now();
    const isNew = session === undefined;
    session ??= newSessionRow(
      titleFrom(request.history?.find(({ role }) => role === 'user')?.content ?? prompt),
      { agent, ...place.details, ...(request.origin === undefined ? {} : { origin: request.origin }) },
      createdAt,
      request.sessionId,
    );
    const back = unarchiving(session, hop);
    const memory = readSessionMemory(session);
    await spending.requireRoom(memory.cost);
    const ahead = isNew || elsewhere === undefined ? 0 : (await elsewhere.lookAt(session.id)).length;
    requireAccepting();
    const owner = { sessionId: session.id, runId: request.runId ?? makeId('run', createdAt) };
    const run = newRun({ ...owner, prompt, parts, model }, createdAt);
    const history = isNew ? wellFormedDeep(request.history ?? []) : [];
    // Created before the message of the prompt, because messages are read in the order of their ids.
    const earlier = history.map((one) =>
      newMessageRow({ ...one, sessionId: owner.sessionId, runId: null }, createdAt),
    );
    const message = newMessageRow({ ...owner, role: 'user', content: prompt, parts }, createdAt);
    const trace = tracing.current();
    const keptTrace = trace === undefined ? {} : { trace: packTraceContext(trace) };
    const keptRequest: RunRequest =
      request.survivesRestart === true
        ? { ...runRequest, afterRestart: { hop, promptMessageId: message.id, ...keptTrace } }
        : runRequest;
    const together = request.together?.(owner) ?? { events: [], writes: [] };
    const live = new LiveRun({
      record: withoutPrompt(run),
      request: keptRequest,
      driver,
      hop,
      trace,
      isResumed: false,
      memory,
      promptMessageId: message.id,
      sessionBeganAt: session.createdAt,
    });
    await place.create();
    return admit(live, run, {
      before: isNew
        ? [
            { type: 'session.start', data: { title: session.title }, ...owner, hop },
            ...place.events.map((event) => ({ ...event, ...owner, hop })),
          ]
        : back.events,
      after: [
        {
          type: 'message.user',
          data: { messageId: message.id, text: prompt, ...(parts.length === 0 ? {} : { parts }) },
          ...owner,
          hop,
        },
        ...together.events,
      ],
      ahead: isNew ? undefined : ahead,
      writes: [
        ...(isNew
          ? [
              {
                kind: session.place === undefined ? ('putSession' as const) : ('addSession' as const),
                session,
              },
            ]
          : back.writes),
        ...(request.names ?? []).map((name) => ({
          kind: 'nameSession' as const,
          name,
          sessionId: owner.sessionId,
        })),
        ...(isNew && request.claimedName !== undefined
          ? [
              {
                kind: 'claimSessionName' as const,
                name: request.claimedName,
                sessionId: owner.sessionId,
              },
            ]
          : []),
        ...taken.writes,
        ...earlier.map((row) => ({ kind: 'addMessage' as const, message: row })),
        // A new prompt ends the time in which an undo can be taken back.
        ...dropUndos(owner.sessionId, memory, createdAt),
        { kind: 'addMessage', message },
        { kind: 'putRun', run: toRunRow(run, keptRequest, createdAt) },
        ...together.writes,
      ],
    });
  }

  /** The place of a session that exists. */
  async function placeOf(
    session: SessionRow,
    given: PromptOptions,
    mayCreate: boolean | undefined,
  ): Promise<PlannedPlace> {
    await spaces.requireSame(given, session, mayCreate);
    const workspace = await spaces.requireReady(session);
    const nothing = async (): Promise<void> => undefined;
    return {
      details: workspace === undefined ? {} : { workspace },
      create: nothing,
      undo: nothing,
      events: [],
    };
  }

  async function resume(
    id: string,
    { hop = 0, mayUseTools = true, keyId = null }: Caller & { hop?: number } = {},
  ): Promise<StartedRun> {
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
    const session = await requireSession(row.sessionId);
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
  }

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

  /** Takes the place in the queue before the commit, so that two concurrent prompts cannot both take the last one. */
  async function admit(
    live: LiveRun,
    run: Run,
    parts: {
      /** Events before and after `run.queued`. */
      readonly before: readonly NewEvent[];
      readonly after: readonly NewEvent[];
      readonly writes: readonly Write[];
      /** The unfinished runs of the session on other nodes; undefined for a new session. */
      readonly ahead: number | undefined;
    },
  ): Promise<StartedRun> {
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
  }

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

  function requireAccepting(): void {
    if (!isAccepting)
      throw new CodeBuddyError('shutting_down', 'The server is shutting down and accepts no more prompts.');
  }

  /** Chooses the driver of a run. @throws CodeBuddyError `insufficient_scope`, `validation_failed` */
  async function chooseFor(
    agent: string,
    { prompt, parts = [] }: Pick<Run, 'prompt' | 'parts'>,
    { options, mayUseTools, tools: callerTools = [] }: RunRequest,
    workspace: string | undefined,
  ): ReturnType<ChooseDriver> {
    if (!mayUseTools) requireStrictMode(defaultMode, options);
    if (options.format !== undefined) createOutputCheck(options.format);
    const chosen = await chooseDriver({ agent, options, workspace });
    await chosen.driver.checkCaller?.({
      prompt,
      mayUseTools,
      options,
      tools: callerTools,
      permissionMode: options.permissionMode ?? defaultMode,
      images: imagePointers(parts),
    });
    return chosen;
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

  /** In the trace of its caller, whoever made room for the run. */
  function perform(live: LiveRun): Promise<void> {
    const span = startRunSpan(tracing, live, now());
    return tracing.within(span, () => performIn(span, live));
  }

  async function performIn(span: Span, live: LiveRun): Promise<void> {
    const { request, signal } = live;
    let end: { readonly result?: DriverResult; readonly cause?: unknown } = {};
    const startedAt = performance.now();
    live.startClock(request.options.timeoutMs ?? limits.defaultTimeoutMs, () =>
      stop(live, { kind: 'timeout' }),
    );
    try {
      if (node !== undefined) await leaseIsGood(node, signal);
      // Read again: the session's previous run may have changed its memory.
      const session = await store.getSession(live.sessionId);
      live.begin(
        new Date(now()).toISOString(),
        session === undefined ? live.memory : readSessionMemory(session),
      );
      if (session !== undefined) nameRunSpan(span, agentOf(session));
      await recordBeginning(live);
      signal.throwIfAborted();
      const context = contextOf(live);
      const result = await respond(live, context);
      await live.keeping;
      // It was stopped after the whole answer was shown, and before the answer was kept.
      if (signal.aborted && !isBlank(result.response))
        await context.keepPartial(result.response, result.model, result.reasoning);
      signal.throwIfAborted();
      end = { result };
      await endings.complete(live, result, performance.now() - startedAt);
    } catch (error) {
      end = { cause: error };
      // The end of a run is committed after its steps. If a step failed, its error was thrown above, unless the run was
      // stopped meanwhile.
      await live.keeping?.catch(() => undefined);
      await endings.fail(live, error);
    } finally {
      endRunSpan(tracing, span, live, end);
      queue.release(live);
      workOn();
    }
  }

  /** The changes of an agent that changes files by itself are found by comparing the files. */
  async function respond(live: LiveRun, context: DriverContext): Promise<DriverResult> {
    const { driver, sessionId, id: runId } = live;
    if (driver.changesFiles !== true) return driver.respond(context);
    const { fileHistory } = await spaces.spaceOf(sessionId);
    const program = await fileHistory.watchProgram({ sessionId, runId, tool: 'agent' });
    try {
      return await driver.respond(context);
    } finally {
      await program.end();
    }
  }

  /** A function of its own: a run that works must not keep its prompt in memory. */
  async function recordBeginning(live: LiveRun): Promise<void> {
    const turn = await promptTurn(live);
    if (live.isLost) throw lostRun();
    await store.write([patchRun(live.record, now()), ...turn]);
  }

  /** Adds the prompt to the transcript, when its run begins. */
  async function promptTurn(live: LiveRun): Promise<readonly Write[]> {
    const { promptMessageId: messageId } = live;
    if (messageId === undefined) return [];
    const { prompt, parts = [] } = await read(live.id);
    const turn = { kind: 'prompt' as const, messageId, text: sendable(prompt) };
    const sent = parts.length === 0 ? {} : { parts: await promptParts.toSend(parts) };
    return [turnWrite(live, { ...turn, ...sent }, now()).write];
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

  async function requireSession(id: string): Promise<SessionRow> {
    const session = await store.getSession(id);
    if (session === undefined) throw sessionNotFound(id);
    return session;
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

/** A session stays with its agent. @throws CodeBuddyError `session_agent_mismatch` */
function requireSameAgent(agent: string, options: PromptOptions, session: SessionRow | undefined): void {
  if (session === undefined || options.agent === undefined || options.agent === agent) return;
  throw new CodeBuddyError(
    'session_agent_mismatch',
    `options.agent must be left out or be ${agent}: the session ${session.id} belongs to that agent, not to ${JSON.stringify(options.agent)}. Start a new session to use another agent.`,
    {
      errors: [
        {
          in: 'body',
          pointer: '/options/agent',
          message: `must be left out or be ${agent}, the agent of the session`,
        },
      ],
    },
  );
}

/**
 * The prompt as well-formed text.
 * @throws CodeBuddyError `validation_failed` for a blank prompt, which models refuse
 */
function requireText(prompt: string): string {
  if (!isBlank(prompt)) return wellFormed(prompt);
  const message = 'must not be blank';
  throw new CodeBuddyError('validation_failed', `prompt ${message}.`, {
    errors: [{ in: 'body', pointer: '/prompt', message }],
  });
}
