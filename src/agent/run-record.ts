// Converts runs to rows of the store and back, and to the form that clients see.

import { CodeBuddyError } from '../base/errors.ts';
import type { Part } from '../contract/part.ts';
import type { PromptOptions } from '../contract/prompt-options.ts';
import { type Run, type RunStatus, runSchema, unfinishedRunStatuses } from '../contract/run.ts';
import type { CallerTool } from '../contract/tool-call.ts';
import { shownPastText } from '../events/shown-time.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { RunRow, Write } from '../store/store.ts';
import { readJson } from './output/read-json.ts';

/** The options of a run, and the rights it works with: those of the caller that started it or resumed it last. */
export interface RunRequest {
  readonly options: PromptOptions;
  readonly mayUseTools: boolean;
  /** Null on a server without keys. */
  readonly keyId: string | null;
  /** The tools of the caller. */
  readonly tools?: readonly CallerTool[];
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

/** A run without its prompt and its parts, which may be long and is kept in the store only. */
export type RunRecord = Omit<Run, 'prompt' | 'parts'>;

interface RunDetails extends RunRequest {
  readonly run: Partial<RunRecord> & Pick<Run, 'prompt' | 'parts'>;
}

type NullableFields<T> = {
  readonly [F in keyof T as unknown extends T[F] ? never : null extends T[F] ? F : never]: null;
};

/** The fields of a run that may be null. A JSON merge patch removes them while they are. */
const unset = Object.fromEntries(
  Object.entries(runSchema.properties)
    .filter(([, schema]) => {
      const type = 'type' in schema ? schema.type : undefined;
      return typeof type === 'object' && type.some((one) => one === 'null');
    })
    .map(([name]) => [name, null]),
) as NullableFields<Run>;

/** The record of a newly accepted run. */
export function newRun(
  {
    runId,
    sessionId,
    prompt,
    parts,
    model,
  }: {
    readonly runId: string;
    readonly sessionId: string;
    readonly prompt: string;
    readonly parts: readonly Part[];
    readonly model: string | null;
  },
  now: number,
): Run {
  const createdAt = new Date(now).toISOString();
  return {
    id: runId,
    sessionId,
    status: 'queued',
    prompt,
    ...(parts.length === 0 ? {} : { parts }),
    createdAt,
    ...unset,
    model,
  };
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

export function toRun(row: RunRow): Run {
  const { run, options } = readDetails(row);
  // A merge patch would drop nulls of the value, so it is read from the text.
  const output =
    options?.format !== undefined && row.status === 'completed' ? readJson(run.response ?? '') : undefined;
  return {
    id: row.id,
    sessionId: row.sessionId,
    status: row.status as RunStatus,
    createdAt: new Date(row.createdAt).toISOString(),
    ...unset,
    ...run,
    ...(output === undefined ? {} : { data: output.value }),
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
  const { options, mayUseTools, keyId = null, tools, afterRestart } = readDetails(row);
  return {
    options,
    mayUseTools,
    keyId,
    ...(tools === undefined ? {} : { tools }),
    ...(afterRestart === undefined ? {} : { afterRestart }),
  };
}

/** Whether the run survives a restart, and has not begun. */
export function mayStartAgain(row: RunRow): boolean {
  return row.status === 'queued' && toRunRequest(row).afterRestart !== undefined;
}

/** Only this module writes the column, as JSON of this shape. */
function readDetails(row: RunRow): RunDetails {
  return parseRowJson<RunDetails>('runs', row.id, row.details);
}

export function withoutPrompt({ prompt: _, parts: __, ...record }: Run): RunRecord {
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
