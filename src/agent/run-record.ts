// Converts runs to rows of the store and back, and to the form that clients see.

import { CodeBuddyError } from '../base/errors.ts';
import type { Permission } from '../contract/permission.ts';
import type { PromptOptions } from '../contract/prompt.ts';
import { type Run, type RunStatus, runSchema, unfinishedRunStatuses } from '../contract/run.ts';
import { shownPastText } from '../events/shown-time.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { QuestionRow, RunRow, Write } from '../store/store.ts';

/** The options of a run, and the rights it works with: those of the caller that started it or resumed it last. */
export interface RunRequest {
  readonly options: PromptOptions;
  readonly mayUseTools: boolean;
  /** Null on a server without keys. */
  readonly keyId: string | null;
  /** Present if the run is queued again when its process ends before it has begun. */
  readonly afterRestart?: AfterRestart;
}

/** What a run needs to begin in another process, besides its row. */
export interface AfterRestart {
  readonly hop: number;
  readonly promptMessageId: string;
  /** The trace of the request that started it: `packTraceContext`. */
  readonly trace?: string;
}

/** A run without its prompt, which may be long and is kept in the store only. */
export type RunRecord = Omit<Run, 'prompt'>;

interface RunDetails extends RunRequest {
  readonly run: Partial<RunRecord> & { readonly prompt: string };
}

type NullableFields<T> = { readonly [F in keyof T as null extends T[F] ? F : never]: null };

/** The fields of a run that may be null. A JSON merge patch removes them while they are. */
const unset = Object.fromEntries(
  Object.entries(runSchema.properties)
    .filter(([, { type }]) => typeof type === 'object' && type.some((one) => one === 'null'))
    .map(([name]) => [name, null]),
) as NullableFields<Run>;

/** The record of a newly accepted run. */
export function newRun(
  {
    runId,
    sessionId,
    prompt,
    model,
  }: {
    readonly runId: string;
    readonly sessionId: string;
    readonly prompt: string;
    readonly model: string | null;
  },
  now: number,
): Run {
  const createdAt = new Date(now).toISOString();
  return { id: runId, sessionId, status: 'queued', prompt, createdAt, ...unset, model };
}

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

/** Updates a stored run; with `request`, also the rights it works with. */
export function patchRun(
  record: RunRecord,
  now: number,
  { request }: { readonly request?: RunRequest } = {},
): Write {
  const { id, sessionId: _, status, createdAt: __, ...run } = record;
  const details = {
    run,
    ...(request === undefined
      ? {}
      : {
          mayUseTools: request.mayUseTools,
          keyId: request.keyId,
          // Null removes it: a resumed run has begun before.
          afterRestart: request.afterRestart ?? null,
        }),
  };
  return { kind: 'patchRun', id, status, updatedAt: now, details: JSON.stringify(details) };
}

/** Keeps a permission that a run begins to wait for, so that every node can list it. */
export function questionWrite(permission: Permission): Write {
  const { id, runId, sessionId } = permission;
  return { kind: 'putQuestion', question: { id, runId, sessionId, content: JSON.stringify(permission) } };
}

export function toPermission({ id, content }: QuestionRow): Permission {
  return parseRowJson<Permission>('questions', id, content);
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

/** The run as clients see it: no time lies in the future. */
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
  const { options, mayUseTools, keyId = null, afterRestart } = readDetails(row);
  return { options, mayUseTools, keyId, ...(afterRestart === undefined ? {} : { afterRestart }) };
}

/** Whether the run survives a restart, and has not begun. */
export function mayStartAgain(row: RunRow): boolean {
  return row.status === 'queued' && toRunRequest(row).afterRestart !== undefined;
}

/** Only this module writes the column, as JSON of this shape. */
function readDetails(row: RunRow): RunDetails {
  return parseRowJson<RunDetails>('runs', row.id, row.details);
}

export function withoutPrompt({ prompt: _, ...record }: Run): RunRecord {
  return record;
}

export function runNotFound(id: string): CodeBuddyError {
  return new CodeBuddyError('run_not_found', `Run ${JSON.stringify(id)} not found.`);
}

export function isUnfinished({ status }: Pick<Run, 'status'>): boolean {
  return unfinishedRunStatuses.some((one) => one === status);
}

export function runEnded({ id, status }: Pick<Run, 'id' | 'status'>): CodeBuddyError {
  return new CodeBuddyError('run_ended', `Run ${id} has already ended (${status}).`);
}

export function notResumable(id: string, why: string): CodeBuddyError {
  return new CodeBuddyError('run_not_resumable', `Run ${id} cannot be resumed: ${why}.`);
}
