// Runs: the work on one prompt each. One at a time per session, others wait in line; all of it is in the store, so a stop or a
// crash leaves no run that pretends to be running, and one that was cut off can be resumed.

import { CodeBuddyError } from '../base/errors.ts';
import { createRunFigures, type RunStats } from '../base/run-figures.ts';
import { isBlank, sendable, wellFormed, wellFormedDeep } from '../base/text.ts';
import type { Page, PageRequest } from '../contract/page.ts';
import type { Permission } from '../contract/permission.ts';
import { type PermissionMode, permissionModes } from '../contract/permission-mode.ts';
import type { PromptOptions } from '../contract/prompt.ts';
import type { PromptResult } from '../contract/prompt-result.ts';
import { type Run, type RunStateCounts, type RunStatus, unfinishedRunStatuses } from '../contract/run.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import { makeId } from '../events/ids.ts';
import { isCutByText, maxPageText } from '../store/page-weight.ts';
import type { SessionRow, Store, Write } from '../store/store.ts';
import type { Driver, DriverResult } from './driver.ts';
import { type LiveRun, makeLiveRun, ownerOf, takeAlong } from './live-run.ts';
import type { Permissions } from './permissions/permissions.ts';
import { createRunContext, turnWrite } from './run-context.ts';
import {
  judgeEnding,
  patchRun,
  type RunRequest,
  type RunState,
  type Stop,
  toRun,
  toRunRequest,
  toRunRow,
  viewRun,
} from './run-record.ts';
import { createRunTurns } from './run-turns.ts';
import { noUsage, patchSession, readSessionMemory } from './session-memory.ts';
import { newMessageRow, newSessionRow, titleFrom, toPage } from './sessions.ts';
import type { Spending } from './spending.ts';
import type { ToolBox } from './tools/tool-box.ts';

export interface RunLimits {
  /** Runs that work at the same time; those that wait for a person do not count. @default 8 */
  readonly maxActive: number;
  /** Queued runs of one session. @default 16 */
  readonly maxQueuedPerSession: number;
  /** Queued runs of one key. @default 128 */
  readonly maxQueuedPerKey: number;
  /** Queued runs in all. @default 256 */
  readonly maxQueued: number;
  /**
   * Runs of one key that may wait for a person. Beyond, none is taken or started; the few that work already may still come to wait.
   * @default 64
   */
  readonly maxWaitingPerKey: number;
  /** Runs that may wait for a person in all. @default 256 */
  readonly maxWaiting: number;
  /** Time of a run without `timeoutMs`, in ms; waiting for a person does not count. @default 10 minutes */
  readonly defaultTimeoutMs: number;
}

export const defaultRunLimits: RunLimits = {
  maxActive: 8,
  maxQueuedPerSession: 16,
  maxQueuedPerKey: 128,
  maxQueued: 256,
  maxWaitingPerKey: 64,
  maxWaiting: 256,
  defaultTimeoutMs: 600_000,
};

export interface StartedRun {
  readonly run: Run;
  /** The log position before the run's first event. */
  readonly afterSequence: number;
  readonly result: Promise<PromptResult>;
  /** Resolves if the run comes to wait for a person. */
  readonly asked: Promise<Permission>;
}

/** Who starts or resumes a run: the run works with these rights. */
export interface Caller {
  /** Of the API key; null on a server without keys. @default null */
  readonly keyId?: string | null;
  /** Does the key have the scope `tools`? @default true */
  readonly mayUseTools?: boolean;
}

export interface Runs {
  start(
    request: Caller & {
      prompt: string;
      sessionId?: string;
      options: PromptOptions;
      requestId: string;
      /** The id it shall have; default: a new one. */
      runId?: string;
      /** How many requests of our own webhooks led to it; default 0. */
      hop?: number;
    },
  ): Promise<StartedRun>;
  /**
   * Goes on with a run that was interrupted, or failed, with the rights of the caller, not of whoever started it.
   * @throws CodeBuddyError `run_not_found`, `run_not_resumable`, `insufficient_scope`
   */
  resume(id: string, request?: Caller & { hop?: number }): Promise<StartedRun>;
  get(id: string): Promise<Run | undefined>;
  list(page: PageRequest & { readonly sessionId?: string; readonly status?: RunStatus }): Promise<Page<Run>>;
  cancel(id: string, reason?: string): Promise<Run>;
  activeCount(): number;
  /** Since the start of the process, and what there is now. */
  stats(): RunStats & { readonly states: RunStateCounts };
  isSessionBusy(sessionId: string): boolean;
  /** Marks what a crash left behind as interrupted. */
  recover(): Promise<void>;
  /** Takes no more; waits up to `graceMs` for what works, then interrupts it. */
  close(graceMs: number): Promise<void>;
}

/** Which driver answers, and by which name. @throws CodeBuddyError `validation_failed` for a model that there is not */
export type ChooseDriver = (
  options: PromptOptions,
) => Promise<{ readonly driver: Driver; readonly model: string }>;

export interface RunsOptions {
  readonly store: Store;
  readonly log: EventLog;
  readonly tools: ToolBox;
  readonly permissions: Permissions;
  readonly spending: Spending;
  readonly chooseDriver: ChooseDriver;
  readonly limits: RunLimits;
  readonly defaultMode: PermissionMode;
  readonly now: () => number;
  /** Hears of faults that are ours, with what a client must not see. */
  readonly onFault: (error: unknown, runId: string) => void;
}

export function createRuns(options: RunsOptions): Runs {
  const { store, log, tools, permissions, spending, chooseDriver, limits, defaultMode, now, onFault } =
    options;
  const live = new Map<string, LiveRun>();
  /** Waiting runs in the order of their arrival; a session's working run is in `working`. */
  const queue: LiveRun[] = [];
  const working = new Map<string, LiveRun>();
  const turns = createRunTurns();
  const figures = createRunFigures();
  let accepting = true;

  const iso = (): string => new Date(now()).toISOString();
  const contextOf = createRunContext({
    store,
    log,
    tools,
    permissions,
    spending,
    figures,
    now,
    defaultMode,
    readPrompt: async (runId) => (await read(runId)).prompt,
    isLive: (runId) => live.has(runId),
    onWaiting: () => workOn(),
    onFault,
  });

  async function start(request: Parameters<Runs['start']>[0]): Promise<StartedRun> {
    requireAccepting();
    const { mayUseTools = true, keyId = null } = request;
    const prompt = requireText(request.prompt);
    const options = wellFormedDeep(request.options);
    const { model } = await chooseFor(prompt, { options, mayUseTools, keyId });
    let session: SessionRow | undefined;
    if (request.sessionId !== undefined) {
      session = await store.getSession(request.sessionId);
      if (session === undefined)
        throw new CodeBuddyError('session_not_found', `There is no session ${request.sessionId}.`);
    }
    const createdAt = now();
    const isNew = session === undefined;
    session ??= newSessionRow(titleFrom(prompt), {}, createdAt);
    await spending.requireRoom(readSessionMemory(session).cost);
    requireAccepting();
    const owner = { sessionId: session.id, runId: request.runId ?? makeId('run', createdAt) };
    const hop = request.hop ?? 0;
    const run: Run = {
      id: owner.runId,
      sessionId: session.id,
      status: 'queued',
      prompt,
      model,
      response: null,
      usage: null,
      cost: null,
      finishReason: null,
      error: null,
      createdAt: new Date(createdAt).toISOString(),
      startedAt: null,
      endedAt: null,
    };
    const message = newMessageRow({ ...owner, role: 'user', content: prompt }, createdAt);
    const first: NewEvent = {
      type: 'message.user',
      data: { messageId: message.id, text: prompt },
      ...owner,
      hop,
    };
    const before: NewEvent[] = isNew
      ? [{ type: 'session.start', data: { title: session.title }, ...owner, hop }]
      : [];
    const writes: Write[] = [
      ...(isNew ? [{ kind: 'putSession' as const, session }] : []),
      { kind: 'addMessage', message },
      { kind: 'putRun', run: toRunRow(run, { options, mayUseTools, keyId }, createdAt) },
    ];
    const one = makeLiveRun({
      run: withoutPrompt(run),
      request: { options, mayUseTools, keyId },
      hop,
      isResumed: false,
      memory: readSessionMemory(session),
      promptMessageId: message.id,
      sessionBeganAt: session.createdAt,
    });
    return admit(one, run, { before, after: [first], writes });
  }

  async function resume(
    id: string,
    { hop = 0, mayUseTools = true, keyId = null }: Caller & { hop?: number } = {},
  ): Promise<StartedRun> {
    requireAccepting();
    const row = await store.getRun(id);
    if (row === undefined) throw new CodeBuddyError('run_not_found', `There is no run ${id}.`);
    const [last] = await store.listRuns({ limit: 1, sessionId: row.sessionId });
    const isEnded = !live.has(id) && (row.status === 'interrupted' || row.status === 'failed');
    if (!isEnded || last?.id !== id) {
      const why = isEnded
        ? 'the session went on after it'
        : `it is ${live.get(id)?.run.status ?? row.status}`;
      throw new CodeBuddyError('run_not_resumable', `Run ${id} cannot be resumed: ${why}.`);
    }
    const session = await store.getSession(row.sessionId);
    if (session === undefined)
      throw new CodeBuddyError('session_not_found', `There is no session ${row.sessionId}.`);
    const { options } = toRunRequest(row);
    const request: RunRequest = { options, mayUseTools, keyId };
    const { model } = await chooseFor(toRun(row).prompt, request);
    await spending.requireRoom(readSessionMemory(session).cost);
    requireAccepting();
    if (live.has(id)) throw new CodeBuddyError('run_not_resumable', `Run ${id} was resumed already.`);
    const run: Run = {
      ...toRun(row),
      status: 'queued',
      model,
      finishReason: null,
      error: null,
      endedAt: null,
    };
    const memory = readSessionMemory(session);
    const one = makeLiveRun({
      run: withoutPrompt(run),
      request,
      hop,
      isResumed: true,
      memory,
      promptMessageId: undefined,
      sessionBeganAt: session.createdAt,
    });
    return admit(one, run, { before: [], after: [], writes: [patchRun(one.run, now(), request)] });
  }

  /** In line before the commit, so that two prompts at once cannot both see a free place. */
  async function admit(
    one: LiveRun,
    run: Run,
    parts: {
      readonly before: readonly NewEvent[];
      readonly after: readonly NewEvent[];
      readonly writes: readonly Write[];
    },
  ): Promise<StartedRun> {
    const { hop } = one;
    const position = checkRoom(one);
    live.set(run.id, one);
    queue.push(one);
    try {
      const queued: NewEvent = { type: 'run.queued', data: { position }, ...ownerOf(one), hop };
      const logged = await log.append([...parts.before, queued, ...parts.after], parts.writes);
      one.admitted = true;
      // Working begins in a later turn: whoever follows from `afterSequence` misses nothing either way.
      queueMicrotask(workOn);
      const first = logged[0]?.sequence ?? 1;
      return { run, afterSequence: first - 1, result: one.result.promise, asked: one.asked.promise };
    } catch (error) {
      live.delete(run.id);
      remove(queue, one);
      one.result.reject(
        new CodeBuddyError('internal_error', 'The run could not be started.', { cause: error }),
      );
      throw error;
    }
  }

  function requireAccepting(): void {
    if (!accepting)
      throw new CodeBuddyError('shutting_down', 'The server is stopping and takes no more prompts.');
  }

  /**
   * Chooses the driver, for a caller that may ask for it. Without the scope `tools` a caller must not let tools run unasked, by a laxer
   * mode or by commands of its own.
   * @throws CodeBuddyError `insufficient_scope`
   */
  async function chooseFor(
    prompt: string,
    { options, mayUseTools }: RunRequest,
  ): Promise<{ readonly model: string }> {
    const { permissionMode = defaultMode } = options;
    if (!mayUseTools && permissionModes.indexOf(permissionMode) > permissionModes.indexOf(defaultMode)) {
      throw new CodeBuddyError(
        'insufficient_scope',
        `options.permissionMode ${JSON.stringify(permissionMode)} needs a key with the scope "tools".`,
      );
    }
    const { driver, model } = await chooseDriver(options);
    driver.checkCaller?.({ prompt, mayUseTools });
    return { model };
  }

  /** The place in line. @throws CodeBuddyError `too_many_runs`, `too_many_waiting_runs` */
  function checkRoom({ run: { sessionId }, request: { keyId } }: LiveRun): number {
    const fullOf = waitingFull(keyId);
    if (fullOf !== undefined) {
      throw new CodeBuddyError(
        'too_many_waiting_runs',
        `${fullOf}: allow or deny what they ask for (GET /api/permissions), or cancel some.`,
        { headers: { 'Retry-After': '30' } },
      );
    }
    const ofSession = queue.filter(({ run }) => run.sessionId === sessionId).length;
    const full = (what: string, limit: number): CodeBuddyError =>
      new CodeBuddyError('too_many_runs', `${what} has ${limit} runs queued; try again later.`, {
        headers: { 'Retry-After': '5' },
      });
    if (ofSession >= limits.maxQueuedPerSession) throw full('The session', limits.maxQueuedPerSession);
    if (
      keyId !== null &&
      queue.filter(({ request }) => request.keyId === keyId).length >= limits.maxQueuedPerKey
    )
      throw full('The API key', limits.maxQueuedPerKey);
    if (queue.length >= limits.maxQueued) throw full('The server', limits.maxQueued);
    return ofSession + (working.has(sessionId) ? 1 : 0);
  }

  /** Says of what too many wait for a person: of the server, or of the key; undefined if there is room. */
  function waitingFull(keyId: string | null): string | undefined {
    let all = 0;
    let ofKey = 0;
    for (const { waiting, request } of working.values()) {
      if (waiting === 0) continue;
      all++;
      if (request.keyId === keyId) ofKey++;
    }
    if (all >= limits.maxWaiting) return `${all} runs wait for a person`;
    if (keyId !== null && ofKey >= limits.maxWaitingPerKey)
      return `${ofKey} runs of this key wait for a person`;
    return undefined;
  }

  /** Starts whatever may start now. */
  function workOn(): void {
    let active = 0;
    for (const { waiting } of working.values()) if (waiting === 0) active++;
    while (accepting && active < limits.maxActive) {
      const one = turns.next(
        queue,
        ({ admitted, run, request }) =>
          admitted && !working.has(run.sessionId) && waitingFull(request.keyId) === undefined,
      );
      if (one === undefined) return;
      remove(queue, one);
      working.set(one.run.sessionId, one);
      active++;
      // `perform` settles the run itself and never rejects.
      void perform(one);
    }
  }

  async function perform(one: LiveRun): Promise<void> {
    const { request, controller } = one;
    const startedAt = performance.now();
    one.clock.start(request.options.timeoutMs ?? limits.defaultTimeoutMs, () =>
      halt(one, { kind: 'timeout' }),
    );
    try {
      // The run before may have changed what the session remembers.
      const session = await store.getSession(one.run.sessionId);
      if (session !== undefined) one.memory = readSessionMemory(session);
      one.run = { ...one.run, status: 'running', startedAt: iso() };
      await store.write([patchRun(one.run, now()), ...(await beginTurn(one))]);
      controller.signal.throwIfAborted();
      const { driver } = await chooseDriver(request.options);
      const context = contextOf(one);
      const result = await driver.respond(context);
      // It was stopped when all was said but not kept.
      if (controller.signal.aborted && !isBlank(result.response))
        await context.keepPartial(result.response, result.model);
      controller.signal.throwIfAborted();
      await complete(one, result, performance.now() - startedAt);
    } catch (error) {
      await settleBadly(one, error);
    } finally {
      one.clock.stop();
      live.delete(one.run.id);
      working.delete(one.run.sessionId);
      workOn();
    }
  }

  /** From now on the prompt is a part of the conversation. */
  async function beginTurn(one: LiveRun): Promise<readonly Write[]> {
    const { promptMessageId: messageId, run } = one;
    if (messageId === undefined) return [];
    const { prompt } = await read(run.id);
    return [turnWrite(one, { kind: 'prompt', messageId, text: sendable(prompt) }, now()).write];
  }

  async function complete(one: LiveRun, result: DriverResult, durationMs: number): Promise<void> {
    const { response, model, finishReason } = result;
    const { hop } = one;
    // Without a call of a model there is nothing to pay for.
    const { usage, cost } = one.run.usage === null ? { usage: noUsage, cost: 0 } : one.run;
    const owner = ownerOf(one);
    const message = newMessageRow(
      { ...owner, role: 'assistant', content: response, sent: one.hasAnswered },
      now(),
    );
    const ended: RunState = {
      ...one.run,
      status: 'completed',
      response,
      model,
      usage,
      cost,
      finishReason,
      endedAt: iso(),
    };
    await log.append(
      [
        { type: 'message.assistant', data: { messageId: message.id, text: response, model }, ...owner, hop },
        {
          type: 'run.complete',
          data: {
            response,
            model,
            usage,
            cost,
            finishReason,
            durationMs: Math.round(durationMs * 1000) / 1000,
          },
          ...owner,
          hop,
        },
      ],
      [
        ...takeAlong(one),
        patchRun(ended, now()),
        { kind: 'addMessage', message },
        patchSession(owner.sessionId, { model }, now()),
      ],
    );
    one.run = ended;
    figures.ended('completed', durationMs);
    one.result.resolve({ response, ...owner, model, usage, cost, finishReason });
  }

  /** Ends a run that did not complete: stopped from outside, or failed. */
  async function settleBadly(one: LiveRun, error: unknown): Promise<void> {
    const { status, told, event } = judgeEnding(one.stop, error, ownerOf(one));
    if (told.code === 'internal_error') onFault(error, one.run.id);
    // What still works for it must not go on after its end.
    one.controller.abort();
    one.run = {
      ...one.run,
      status,
      // The same code as the event, and as after a crash.
      error: { code: status === 'interrupted' ? 'interrupted' : told.code, message: told.message },
      finishReason: status === 'failed' ? 'error' : status,
      endedAt: iso(),
    };
    try {
      await log.append([{ ...event, hop: one.hop }], [...takeAlong(one), patchRun(one.run, now())]);
    } catch (fault) {
      // The store cannot take it now; at the next start `recover` marks the run.
      onFault(fault, one.run.id);
    }
    const { startedAt } = one.run;
    figures.ended(status, startedAt === null ? undefined : now() - Date.parse(startedAt));
    one.result.reject(told);
  }

  function halt(one: LiveRun, stop: Stop): void {
    if (one.stop !== undefined) return;
    one.stop = stop;
    one.controller.abort();
    const index = queue.indexOf(one);
    if (index === -1) return;
    queue.splice(index, 1);
    void settleBadly(one, undefined).finally(() => live.delete(one.run.id));
  }

  /** @throws CodeBuddyError `run_not_found` */
  async function read(id: string): Promise<Run> {
    const row = await store.getRun(id);
    if (row === undefined) throw new CodeBuddyError('run_not_found', `There is no run ${id}.`);
    return toRun(row);
  }

  return {
    start,
    resume,
    async get(id) {
      // Taken before the row is read: what ends meanwhile has its last state here.
      const current = live.get(id);
      const row = await store.getRun(id);
      return row === undefined ? undefined : viewRun({ ...toRun(row), ...current?.run }, now());
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
          // As `get` shows it, what is in memory is newer; a status that was asked for is that of the store.
          const current = status === undefined ? live.get(row.id)?.run : undefined;
          return viewRun({ ...toRun(row), ...current }, now());
        }),
        rows.length > limit || isCutByText(rows),
      );
    },
    async cancel(id, reason = 'cancelled by a client') {
      const one = live.get(id);
      if (one === undefined) {
        const row = await store.getRun(id);
        if (row === undefined) throw new CodeBuddyError('run_not_found', `There is no run ${id}.`);
        throw new CodeBuddyError('run_ended', `Run ${id} has ended already (${row.status}).`);
      }
      halt(one, { kind: 'cancelled', reason });
      await one.ended;
      return { ...(await read(id)), ...one.run };
    },
    activeCount: () => live.size,
    stats() {
      const states = { queued: 0, running: 0, waiting: 0 };
      for (const { run } of live.values()) {
        if (run.status === 'queued' || run.status === 'running' || run.status === 'waiting')
          states[run.status]++;
      }
      return { ...figures.stats(), states };
    },
    isSessionBusy: (sessionId) =>
      working.has(sessionId) || queue.some(({ run }) => run.sessionId === sessionId),
    async recover() {
      for (;;) {
        const rows = await store.listRuns({ limit: 200, statuses: unfinishedRunStatuses });
        if (rows.length === 0) return;
        const message = 'The server stopped while the run was unfinished.';
        const error = { code: 'interrupted', message };
        await log.append(
          rows.map(({ id, sessionId }) => ({
            type: 'run.failed' as const,
            data: { ...error, interrupted: true },
            sessionId,
            runId: id,
          })),
          rows.map((row) => {
            const run: RunState = {
              ...withoutPrompt(toRun(row)),
              status: 'interrupted',
              finishReason: 'interrupted',
              error,
              endedAt: iso(),
            };
            return patchRun(run, now());
          }),
        );
      }
    },
    async close(graceMs) {
      accepting = false;
      const stop: Stop = { kind: 'interrupted', reason: 'The server stopped while the run was unfinished.' };
      for (const one of [...queue]) halt(one, stop);
      // A run that waits for a person would wait in vain.
      for (const one of [...working.values()]) if (one.waiting > 0) halt(one, stop);
      let timer: NodeJS.Timeout | undefined;
      const grace = new Promise((resolve) => {
        timer = setTimeout(resolve, graceMs);
      });
      await Promise.race([Promise.all([...working.values()].map(({ ended }) => ended)), grace]);
      clearTimeout(timer);
      const rest = [...live.values()];
      for (const one of rest) halt(one, stop);
      await Promise.all(rest.map(({ ended }) => ended));
    },
  };
}

function withoutPrompt({ prompt: _, ...state }: Run): RunState {
  return state;
}

/** The prompt as well-formed text. @throws CodeBuddyError `validation_failed` for one that shows nothing: models refuse it */
function requireText(prompt: string): string {
  if (!isBlank(prompt)) return wellFormed(prompt);
  const message = 'must hold more than white space';
  throw new CodeBuddyError('validation_failed', `prompt ${message}.`, {
    errors: [{ in: 'body', pointer: '/prompt', message }],
  });
}

function remove<T>(list: T[], item: T): void {
  const index = list.indexOf(item);
  if (index !== -1) list.splice(index, 1);
}
