// Runs: the work on one prompt each. One at a time per session, others wait in line; all of it is in the store, so a stop or a
// crash leaves no run that pretends to be running.

import { CodeBuddyError } from '../errors.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import { makeId } from '../events/ids.ts';
import type { RunRow, SessionRow, Store, Write } from '../store/store.ts';
import type { Driver, DriverResult } from './driver.ts';
import { newMessageRow, newSessionRow, titleFrom, toPage, touchSession } from './sessions.ts';
import type { ToolBox } from './tools/tool-box.ts';
import type { Page, PromptOptions, PromptResult, Run, RunStatus } from './types.ts';

export interface RunLimits {
  /** Runs that work at the same time. @default 8 */
  readonly maxActive: number;
  /** Runs of one session that may wait. @default 16 */
  readonly maxQueuedPerSession: number;
  /** Runs that may wait in all. @default 256 */
  readonly maxQueued: number;
  /** Time of a run without `timeoutMs`, in ms. @default 10 minutes */
  readonly defaultTimeoutMs: number;
}

export const defaultRunLimits: RunLimits = {
  maxActive: 8,
  maxQueuedPerSession: 16,
  maxQueued: 256,
  defaultTimeoutMs: 600_000,
};

export interface StartedRun {
  readonly run: Run;
  /** The log position before the run's first event. */
  readonly afterSequence: number;
  readonly result: Promise<PromptResult>;
}

export interface Runs {
  start(request: {
    prompt: string;
    sessionId?: string;
    options: PromptOptions;
    requestId: string;
    /** The id it shall have; default: a new one. */
    runId?: string;
    /** How many requests of our own webhooks led to it; default 0. */
    hop?: number;
  }): Promise<StartedRun>;
  get(id: string): Promise<Run | undefined>;
  list(page: { limit: number; after?: string; sessionId?: string; status?: RunStatus }): Promise<Page<Run>>;
  cancel(id: string, reason?: string): Promise<Run>;
  activeCount(): number;
  isSessionBusy(sessionId: string): boolean;
  /** Marks what a crash left behind as interrupted. */
  recover(): Promise<void>;
  /** Takes no more; waits up to `graceMs` for what works, then interrupts it. */
  close(graceMs: number): Promise<void>;
}

export interface RunsOptions {
  readonly store: Store;
  readonly log: EventLog;
  readonly tools: ToolBox;
  readonly driver: Driver;
  readonly limits: RunLimits;
  readonly now: () => number;
  /** Hears of faults that are ours, with what a client must not see. */
  readonly onFault: (error: unknown, runId: string) => void;
}

/** Why a run was ended from outside. */
type Stop =
  | { readonly kind: 'cancelled' | 'interrupted'; readonly reason: string }
  | { readonly kind: 'timeout' };

interface LiveRun {
  run: Run;
  readonly hop: number;
  readonly options: PromptOptions;
  readonly controller: AbortController;
  /** True once its first events are committed; only then may it work. */
  admitted: boolean;
  stop: Stop | undefined;
  readonly resolve: (result: PromptResult) => void;
  readonly reject: (error: CodeBuddyError) => void;
  /** Resolves when the run has ended, however. */
  readonly ended: Promise<void>;
}

export function createRuns({ store, log, tools, driver, limits, now, onFault }: RunsOptions): Runs {
  const live = new Map<string, LiveRun>();
  /** Waiting runs in the order of their arrival; a session's working run is in `working`. */
  const waiting: LiveRun[] = [];
  const working = new Map<string, LiveRun>();
  let accepting = true;

  const iso = (): string => new Date(now()).toISOString();
  const save = (run: Run, options: PromptOptions): Write => ({
    kind: 'putRun',
    run: toRow(run, options, now()),
  });

  async function start(request: Parameters<Runs['start']>[0]): Promise<StartedRun> {
    if (!accepting)
      throw new CodeBuddyError('shutting_down', 'The server is stopping and takes no more prompts.');
    const { prompt, options } = request;
    checkModel(options, driver);
    let session: SessionRow | undefined;
    if (request.sessionId !== undefined) {
      session = await store.getSession(request.sessionId);
      if (session === undefined)
        throw new CodeBuddyError('session_not_found', `There is no session ${request.sessionId}.`);
    }
    const position = checkRoom(session?.id);
    const createdAt = now();
    const isNew = session === undefined;
    session ??= newSessionRow(titleFrom(prompt), {}, createdAt);
    const owner = { sessionId: session.id, runId: request.runId ?? makeId('run', createdAt) };
    const hop = request.hop ?? 0;
    const run: Run = {
      id: owner.runId,
      sessionId: session.id,
      status: 'queued',
      prompt,
      model: driver.model,
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

    const result = Promise.withResolvers<PromptResult>();
    // A caller that never looks at the result (202, or it went away) must not end the process.
    result.promise.catch(() => undefined);
    const one: LiveRun = {
      run,
      hop,
      options,
      controller: new AbortController(),
      admitted: false,
      stop: undefined,
      resolve: result.resolve,
      reject: result.reject,
      ended: result.promise.then(
        () => undefined,
        () => undefined,
      ),
    };
    // In line before the commit, so that two prompts at once cannot both see a free place.
    live.set(run.id, one);
    waiting.push(one);
    try {
      const events: NewEvent[] = [
        { type: 'run.queued', data: { position }, ...owner, hop },
        { type: 'message.user', data: { messageId: message.id, text: prompt }, ...owner, hop },
      ];
      if (isNew)
        events.unshift({
          type: 'session.start',
          data: { title: session.title },
          sessionId: session.id,
          runId: run.id,
          hop,
        });
      const writes: Write[] = [save(run, options), { kind: 'addMessage', message }];
      if (isNew) writes.unshift({ kind: 'putSession', session });
      const logged = await log.append(events, writes);
      const first = logged[0]?.sequence ?? 1;
      one.admitted = true;
      // Working begins in a later turn: whoever follows from `afterSequence` misses nothing either way.
      queueMicrotask(workOn);
      return { run, afterSequence: first - 1, result: result.promise };
    } catch (error) {
      live.delete(run.id);
      remove(waiting, one);
      one.reject(new CodeBuddyError('internal_error', 'The run could not be started.', { cause: error }));
      throw error;
    }
  }

  /** The place in line. @throws CodeBuddyError `too_many_runs` */
  function checkRoom(sessionId: string | undefined): number {
    const ofSession =
      sessionId === undefined ? 0 : waiting.filter(({ run }) => run.sessionId === sessionId).length;
    const busy = sessionId !== undefined && working.has(sessionId);
    const full = (what: string, limit: number): CodeBuddyError =>
      new CodeBuddyError('too_many_runs', `${what} has ${limit} runs waiting; try again later.`, {
        headers: { 'Retry-After': '5' },
      });
    if (sessionId !== undefined && ofSession >= limits.maxQueuedPerSession) {
      throw full('The session', limits.maxQueuedPerSession);
    }
    if (waiting.length >= limits.maxQueued) throw full('The server', limits.maxQueued);
    return ofSession + (busy ? 1 : 0);
  }

  /** Starts whatever may start now. */
  function workOn(): void {
    for (let i = 0; i < waiting.length && working.size < limits.maxActive; ) {
      const one = waiting[i] as LiveRun;
      if (!one.admitted || working.has(one.run.sessionId) || !accepting) {
        i++;
        continue;
      }
      waiting.splice(i, 1);
      working.set(one.run.sessionId, one);
      // `perform` settles the run itself and never rejects.
      void perform(one);
    }
  }

  async function perform(one: LiveRun): Promise<void> {
    const { options, controller } = one;
    const owner = { sessionId: one.run.sessionId, runId: one.run.id };
    const startedAt = performance.now();
    const timer = setTimeout(
      () => halt(one, { kind: 'timeout' }),
      options.timeoutMs ?? limits.defaultTimeoutMs,
    );
    try {
      one.run = { ...one.run, status: 'running', startedAt: iso() };
      await store.write([save(one.run, options)]);
      controller.signal.throwIfAborted();
      const result = await driver.respond({
        prompt: one.run.prompt,
        options,
        signal: controller.signal,
        say: (text) => log.publish({ type: 'message.delta', data: { text }, ...owner }),
        useTool: (name, params) => useTool(one, name, params),
      });
      controller.signal.throwIfAborted();
      await complete(one, result, performance.now() - startedAt);
    } catch (error) {
      await settleBadly(one, error);
    } finally {
      clearTimeout(timer);
      live.delete(one.run.id);
      working.delete(one.run.sessionId);
      workOn();
    }
  }

  async function useTool(one: LiveRun, name: string, params: Record<string, unknown>): Promise<unknown> {
    const owner = { sessionId: one.run.sessionId, runId: one.run.id };
    const keep = (content: string, isError: boolean): Promise<unknown> =>
      store.write([
        {
          kind: 'addMessage',
          message: newMessageRow({ ...owner, role: 'tool', content, tool: { name, params, isError } }, now()),
        },
      ]);
    try {
      const result = await tools.execute(name, params, {
        ...owner,
        hop: one.hop,
        signal: one.controller.signal,
      });
      await keep(typeof result === 'string' ? result : JSON.stringify(result ?? null), false);
      return result;
    } catch (error) {
      if (error instanceof CodeBuddyError) await keep(error.message, true);
      throw error;
    }
  }

  async function complete(one: LiveRun, result: DriverResult, durationMs: number): Promise<void> {
    const { response, model, usage, cost, finishReason } = result;
    const { hop } = one;
    const owner = { sessionId: one.run.sessionId, runId: one.run.id };
    const message = newMessageRow({ ...owner, role: 'assistant', content: response }, now());
    const ended: Run = {
      ...one.run,
      status: 'completed',
      response,
      model,
      usage,
      cost,
      finishReason,
      endedAt: iso(),
    };
    const session = await store.getSession(owner.sessionId);
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
        save(ended, one.options),
        { kind: 'addMessage', message },
        ...(session === undefined ? [] : [touchSession(session, model, now())]),
      ],
    );
    one.run = ended;
    one.resolve({ response, ...owner, model, usage, cost, finishReason });
  }

  /** Ends a run that did not complete: stopped from outside, or failed. */
  async function settleBadly(one: LiveRun, error: unknown): Promise<void> {
    const owner = { sessionId: one.run.sessionId, runId: one.run.id };
    const { status, told, event } = judge(one, error, owner);
    if (told.code === 'internal_error') onFault(error, one.run.id);
    one.run = {
      ...one.run,
      status,
      error: { code: told.code, message: told.message },
      finishReason: status === 'failed' ? 'error' : status,
      endedAt: iso(),
    };
    try {
      await log.append([{ ...event, hop: one.hop }], [save(one.run, one.options)]);
    } catch (fault) {
      // The store cannot take it now; at the next start `recover` marks the run.
      onFault(fault, one.run.id);
    }
    one.reject(told);
  }

  function halt(one: LiveRun, stop: Stop): void {
    if (one.stop !== undefined) return;
    one.stop = stop;
    one.controller.abort();
    const index = waiting.indexOf(one);
    if (index === -1) return;
    waiting.splice(index, 1);
    void settleBadly(one, undefined).finally(() => live.delete(one.run.id));
  }

  return {
    start,
    async get(id) {
      const current = live.get(id);
      if (current !== undefined) return current.run;
      const row = await store.getRun(id);
      return row === undefined ? undefined : toRun(row);
    },
    async list({ limit, after, sessionId, status }) {
      const rows = await store.listRuns({
        limit: limit + 1,
        ...(after === undefined ? {} : { beforeId: after }),
        ...(sessionId === undefined ? {} : { sessionId }),
        ...(status === undefined ? {} : { statuses: [status] }),
      });
      return toPage(rows.slice(0, limit).map(toRun), rows.length > limit);
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
      return one.run;
    },
    activeCount: () => live.size,
    isSessionBusy: (sessionId) =>
      working.has(sessionId) || waiting.some(({ run }) => run.sessionId === sessionId),
    async recover() {
      for (;;) {
        const rows = await store.listRuns({ limit: 200, statuses: ['queued', 'running', 'waiting'] });
        if (rows.length === 0) return;
        const message = 'The server stopped while the run was unfinished.';
        await log.append(
          rows.map(({ id, sessionId }) => ({
            type: 'run.failed' as const,
            data: { code: 'interrupted', message, interrupted: true },
            sessionId,
            runId: id,
          })),
          rows.map((row) => {
            const { run, options } = { run: toRun(row), options: readDetails(row).options };
            const error = { code: 'interrupted', message };
            return save(
              { ...run, status: 'interrupted', finishReason: 'interrupted', error, endedAt: iso() },
              options,
            );
          }),
        );
      }
    },
    async close(graceMs) {
      accepting = false;
      const stop: Stop = { kind: 'interrupted', reason: 'The server stopped while the run was unfinished.' };
      for (const one of [...waiting]) halt(one, stop);
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

function judge(
  one: LiveRun,
  error: unknown,
  owner: { sessionId: string; runId: string },
): { status: 'cancelled' | 'interrupted' | 'failed'; told: CodeBuddyError; event: NewEvent } {
  const { stop } = one;
  if (stop?.kind === 'cancelled') {
    const told = new CodeBuddyError('run_cancelled', `The run was cancelled: ${stop.reason}.`);
    return {
      status: 'cancelled',
      told,
      event: { type: 'run.cancelled', data: { reason: stop.reason }, ...owner },
    };
  }
  if (stop?.kind === 'interrupted') {
    const data = { code: 'interrupted', message: stop.reason, interrupted: true };
    const told = new CodeBuddyError('shutting_down', stop.reason);
    return { status: 'interrupted', told, event: { type: 'run.failed', data, ...owner } };
  }
  const told =
    stop?.kind === 'timeout'
      ? new CodeBuddyError('run_timeout', 'The run took longer than its time limit (options.timeoutMs).')
      : error instanceof CodeBuddyError
        ? error
        : new CodeBuddyError('internal_error', 'The run failed for a reason of ours; the log has it.', {
            cause: error,
          });
  return {
    status: 'failed',
    told,
    event: { type: 'run.failed', data: { code: told.code, message: told.message }, ...owner },
  };
}

function checkModel(options: PromptOptions, driver: Driver): void {
  if (options.model === undefined || options.model === driver.model) return;
  const message = `must be ${JSON.stringify(driver.model)}: it is the only model configured`;
  throw new CodeBuddyError('validation_failed', `options.model ${message}`, {
    errors: [{ in: 'body', pointer: '/options/model', message }],
  });
}

interface RunDetails {
  readonly run: Omit<Run, 'id' | 'sessionId' | 'status' | 'createdAt'>;
  readonly options: PromptOptions;
}

function toRow(run: Run, options: PromptOptions, now: number): RunRow {
  const { id, sessionId, status, createdAt, ...rest } = run;
  const details: RunDetails = { run: rest, options };
  return {
    id,
    sessionId,
    status,
    createdAt: Date.parse(createdAt),
    updatedAt: now,
    details: JSON.stringify(details),
  };
}

/** Written by us, as JSON of this shape. */
function readDetails(row: RunRow): RunDetails {
  return JSON.parse(row.details) as RunDetails;
}

function toRun(row: RunRow): Run {
  return {
    id: row.id,
    sessionId: row.sessionId,
    status: row.status as RunStatus,
    createdAt: new Date(row.createdAt).toISOString(),
    ...readDetails(row).run,
  };
}

function remove<T>(list: T[], item: T): void {
  const index = list.indexOf(item);
  if (index !== -1) list.splice(index, 1);
}
