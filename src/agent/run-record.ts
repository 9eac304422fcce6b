// A run as it lies in the store, and as it is when it has ended badly.

import { CodeBuddyError } from '../errors.ts';
import type { NewEvent } from '../events/event-log.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { RunRow } from '../store/store.ts';
import type { PromptOptions, Run, RunStatus } from './types.ts';

/** What a run needs again when it is resumed. */
export interface RunRequest {
  readonly options: PromptOptions;
  readonly mayUseTools: boolean;
}

interface RunDetails extends RunRequest {
  readonly run: Omit<Run, 'id' | 'sessionId' | 'status' | 'createdAt'>;
}

export function toRunRow(run: Run, { options, mayUseTools }: RunRequest, now: number): RunRow {
  const { id, sessionId, status, createdAt, ...rest } = run;
  const details: RunDetails = { run: rest, options, mayUseTools };
  return {
    id,
    sessionId,
    status,
    createdAt: Date.parse(createdAt),
    updatedAt: now,
    details: JSON.stringify(details),
  };
}

export function toRun(row: RunRow): Run {
  return {
    id: row.id,
    sessionId: row.sessionId,
    status: row.status as RunStatus,
    createdAt: new Date(row.createdAt).toISOString(),
    ...readDetails(row).run,
  };
}

export function toRunRequest(row: RunRow): RunRequest {
  const { options, mayUseTools } = readDetails(row);
  return { options, mayUseTools };
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
  readonly status: 'cancelled' | 'interrupted' | 'failed';
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
        : new CodeBuddyError('internal_error', 'The run failed for a reason of ours; the log has it.', {
            cause: error,
          });
  return {
    status: 'failed',
    told,
    event: { type: 'run.failed', data: { code: told.code, message: told.message }, ...owner },
  };
}
