// A run as it lies in the store, and as it is when it has ended badly.

import { CodeBuddyError, exhaustionOf } from '../base/errors.ts';
import type { PromptOptions } from '../contract/prompt.ts';
import type { Run, RunEnding, RunStatus } from '../contract/run.ts';
import type { NewEvent } from '../events/event-log.ts';
import { shownPastText } from '../events/shown-time.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { RunRow, Write } from '../store/store.ts';

/** How a run was asked for, and with whose rights it works: those of whoever started it, or resumed it last. */
export interface RunRequest {
  readonly options: PromptOptions;
  readonly mayUseTools: boolean;
  /** Null on a server without keys. */
  readonly keyId: string | null;
}

/** A run that has not ended, as it is in memory. Its prompt, which may be long, is in the store only. */
export type RunState = Omit<Run, 'prompt'>;

interface RunDetails extends RunRequest {
  readonly run: Partial<RunState> & { readonly prompt: string };
}

/** A JSON merge patch removes what is null. */
const unset = {
  model: null,
  response: null,
  usage: null,
  cost: null,
  finishReason: null,
  error: null,
  startedAt: null,
  endedAt: null,
};

export function toRunRow(run: Run, request: RunRequest, now: number): RunRow {
  const { id, sessionId, status, createdAt, ...rest } = run;
  const details: RunDetails = { run: rest, ...request };
  return {
    id,
    sessionId,
    status,
    createdAt: Date.parse(createdAt),
    updatedAt: now,
    details: JSON.stringify(details),
  };
}

/** Changes a run that is in the store. `request`: also with whose rights it works. */
export function patchRun(state: RunState, now: number, request?: RunRequest): Write {
  const { id, sessionId: _, status, createdAt: __, ...run } = state;
  const rights = request === undefined ? {} : { mayUseTools: request.mayUseTools, keyId: request.keyId };
  return { kind: 'patchRun', id, status, updatedAt: now, details: JSON.stringify({ run, ...rights }) };
}

export function toRun(row: RunRow): Run {
  return {
    id: row.id,
    sessionId: row.sessionId,
    status: row.status as RunStatus,
    createdAt: new Date(row.createdAt).toISOString(),
    ...unset,
    ...readDetails(row).run,
  };
}

/** As it is shown. */
export function viewRun(run: Run, now: number): Run {
  const past = (time: string | null): string | null => (time === null ? null : shownPastText(time, now));
  return {
    ...run,
    createdAt: shownPastText(run.createdAt, now),
    startedAt: past(run.startedAt),
    endedAt: past(run.endedAt),
  };
}

export function toRunRequest(row: RunRow): RunRequest {
  const { options, mayUseTools, keyId = null } = readDetails(row);
  return { options, mayUseTools, keyId };
}

/** Written by us, as JSON of this shape. */
function readDetails(row: RunRow): RunDetails {
  return parseRowJson<RunDetails>('runs', row.id, row.details);
}

/** Why a run was ended from outside. */
export type Stop =
  | { readonly kind: 'cancelled' | 'interrupted'; readonly reason: string }
  | { readonly kind: 'timeout' };

export interface BadEnding {
  readonly status: Exclude<RunEnding, 'completed'>;
  /** For who waits for the answer. */
  readonly told: CodeBuddyError;
  readonly event: NewEvent;
}

export function judgeEnding(
  stop: Stop | undefined,
  error: unknown,
  owner: { readonly sessionId: string; readonly runId: string },
): BadEnding {
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
        : (exhaustionOf(error) ??
          new CodeBuddyError('internal_error', 'The run failed for a reason of ours; the log has it.', {
            cause: error,
          }));
  return {
    status: 'failed',
    told,
    event: { type: 'run.failed', data: { code: told.code, message: told.message }, ...owner },
  };
}
