// Starts the runs of schedules. A due time is the identity of a call, so it starts one run over all nodes and restarts.
// For times at which the server was stopped, the schedule says whether one run is started.

import { CodeBuddyError } from '../base/errors.ts';
import { makeId } from '../base/ids.ts';
import { isRecord } from '../base/is-record.ts';
import type { Store } from '../store/store.ts';
import { asRefusal, type CallLog, type LoggedCall } from './call-log.ts';
import { evaluateSchedule } from './evaluate.ts';
import { lastDue, nextDue, type Schedule } from './schedule.ts';
import type { StartRun } from './start-run.ts';
import type { TriggerConfig } from './trigger-config.ts';
import type { TriggerRegistryEntry } from './trigger-entries.ts';

export interface SchedulerClock {
  /** Unix ms. */
  readonly now: () => number;
  /** Calls `work` after about this time. Returns a function that cancels it. */
  readonly after: (ms: number, work: () => void) => () => void;
}

export interface SchedulerOptions {
  readonly entries: () => Iterable<TriggerRegistryEntry>;
  readonly store: Pick<Store, 'triggers' | 'write'>;
  readonly calls: CallLog;
  readonly startRun: StartRun;
  readonly clock: SchedulerClock;
  /** Whether other nodes may start the same runs. */
  readonly isShared: boolean;
  readonly warn: (message: string, error?: unknown) => void;
}

export interface Scheduler {
  /** Looks for due times now. Call it when the triggers have changed. */
  look(): void;
  /** The next due time in Unix ms; undefined if the trigger has none. */
  nextRunAt(config: TriggerConfig): number | undefined;
  /** Starts no more runs. Resolves when none is being started. */
  close(): Promise<void>;
}

/** The stored state of a schedule. Due times up to `after` are done. */
interface State {
  readonly cron: string;
  readonly timeZone: string | undefined;
  readonly after: number;
}

/** A run that starts later than this after its time counts as missed. */
const lateMs = 90_000;
/** The clock may be set, and the machine may sleep. */
const longestWaitMs = 60_000;
const retryMs = 15_000;
/** The store, the queue or the process has no room now; later it may. */
const passing: ReadonlySet<string> = new Set([
  'storage_unavailable',
  'storage_full',
  'too_many_runs',
  'too_many_waiting_runs',
  'resources_exhausted',
]);

export function createScheduler({
  entries,
  store,
  calls,
  startRun,
  clock: { now, after },
  isShared,
  warn,
}: SchedulerOptions): Scheduler {
  let states: Map<string, State> | undefined;
  let cancel: (() => void) | undefined;
  let looking: Promise<void> = Promise.resolve();
  let isQueued = false;
  let isClosed = false;

  async function readStates(): Promise<Map<string, State>> {
    const rows = await store.triggers.states();
    return new Map(
      rows.flatMap(({ triggerId, state }) => {
        const read = toState(state);
        return read === undefined ? [] : [[triggerId, read]];
      }),
    );
  }

  function due(): readonly { readonly config: TriggerConfig; readonly schedule: Schedule }[] {
    return [...entries()].flatMap(({ config, refusal }) =>
      refusal === undefined && config.enabled && config.schedule !== undefined
        ? [{ config, schedule: config.schedule }]
        : [],
    );
  }

  async function put(id: string, { cron, timeZone }: Schedule, upTo: number): Promise<State> {
    const state: State = { cron, timeZone, after: upTo };
    await store.write([{ kind: 'putTriggerState', triggerId: id, state: JSON.stringify(state) }]);
    states?.set(id, state);
    return state;
  }

  /** The state of a schedule. A new or changed one begins now. */
  async function stateOf(id: string, schedule: Schedule): Promise<State> {
    const state = states?.get(id);
    const isSame = state?.cron === schedule.cron && state.timeZone === schedule.timeZone;
    return state !== undefined && isSame ? state : put(id, schedule, now());
  }

  async function lookAt(config: TriggerConfig, schedule: Schedule): Promise<void> {
    const { id } = config;
    let dueAt = lastDue(schedule, (await stateOf(id, schedule)).after, now());
    if (dueAt === undefined) return;
    if (isShared) {
      // Another node may have started the run.
      states = await readStates();
      dueAt = lastDue(schedule, (await stateOf(id, schedule)).after, now());
      if (dueAt === undefined) return;
    }
    const isMissed = now() - dueAt > lateMs;
    const evaluation = evaluateSchedule(config, dueAt, now());
    const call: LoggedCall = {
      id: makeId('trc', now()),
      config,
      receivedAt: now(),
      hop: 0,
      bytes: 0,
      facts: evaluation.facts,
    };
    if (isMissed && schedule.missed !== 'once') {
      const reason = `It was due at ${new Date(dueAt).toISOString()}, while the server was stopped or busy; missed times are skipped.`;
      await calls.ignored(call, reason);
    } else if (evaluation.kind === 'run') await start(config, call, evaluation);
    else if (evaluation.kind === 'refused') await calls.refused(call, evaluation.error, { isKnown: true });
    await put(id, schedule, dueAt);
  }

  async function start(...run: Parameters<StartRun>): Promise<void> {
    try {
      await startRun(...run);
    } catch (thrown) {
      const error = asRefusal(thrown);
      // It is tried again.
      if (passing.has(error.code) || error.code === 'shutting_down') throw error;
      if (error.code === 'internal_error') warn(`schedule ${run[0].id} could not start a run`, error.cause);
      await calls.refused(run[1], error, { isKnown: true });
    }
  }

  async function lookAtAll(): Promise<void> {
    isQueued = false;
    let waitMs = longestWaitMs;
    const schedules = due();
    if (schedules.length === 0 || isClosed) return;
    try {
      states ??= await readStates();
    } catch (error) {
      warn('the schedules cannot be read', error);
      wait(retryMs);
      return;
    }
    for (const { config, schedule } of schedules) {
      if (isClosed) return;
      try {
        await lookAt(config, schedule);
        waitMs = Math.min(waitMs, (nextDue(schedule, now()) ?? Number.POSITIVE_INFINITY) - now());
      } catch (error) {
        waitMs = Math.min(waitMs, retryMs);
        if (!(error instanceof CodeBuddyError && error.code === 'shutting_down'))
          warn(`schedule ${config.id} could not start its run; it is tried again`, error);
      }
    }
    wait(Math.max(waitMs, 10));
  }

  function wait(ms: number): void {
    cancel?.();
    if (!isClosed) cancel = after(ms, look);
  }

  function look(): void {
    if (isQueued || isClosed) return;
    isQueued = true;
    looking = looking.then(lookAtAll).catch((error: unknown) => warn('the schedules failed', error));
  }

  return {
    look,
    nextRunAt: ({ enabled, schedule }) =>
      enabled && schedule !== undefined ? nextDue(schedule, now()) : undefined,
    async close() {
      isClosed = true;
      cancel?.();
      await looking;
    },
  };
}

function toState(text: string): State | undefined {
  let state: unknown;
  try {
    state = JSON.parse(text);
  } catch {
    return undefined;
  }
  // The last good triggers.json is kept in the same table.
  if (!isRecord(state) || typeof state.cron !== 'string' || typeof state.after !== 'number') return undefined;
  const { cron, timeZone, after } = state;
  return { cron, timeZone: typeof timeZone === 'string' ? timeZone : undefined, after };
}
