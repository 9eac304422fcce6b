// Undo and redo of a session. An undo is stored with its plan before it changes the first file, and ends in one commit
// that hides the messages. If the server stops in between, each file is old or new, prompts are refused, and the next
// undo or redo finishes the work: files that have their wanted state already are left as they are.

import { CodeBuddyError } from '../../base/errors.ts';
import { makeId } from '../../base/ids.ts';
import type { PermissionMode } from '../../contract/permission-mode.ts';
import type { RedoInput, UndoInput, UndoneFile, UndoResult } from '../../contract/undo.ts';
import type { EventLog, NewEvent } from '../../events/event-log.ts';
import type { UndoRow } from '../../store/file-history.ts';
import { parseRowJson } from '../../store/row-json.ts';
import { sessionBusy } from '../../store/session-busy.ts';
import type { Store, Write } from '../../store/store.ts';
import { beingChanged, type LoneWork } from '../nodes/lone-work.ts';
import { readSessionMemory, type SessionMemory } from '../session-memory.ts';
import { sessionNotFound } from '../session-record.ts';
import type { FileState } from '../tools/workspace/file-state.ts';
import { placeOf } from '../transcript.ts';
import type { FileOutcome, RestoreFile } from './restore-planned-file.ts';
import { type PlannedFile, planUndo, type UndoPlan } from './undo-plan.ts';

export interface Undos {
  /**
   * @throws CodeBuddyError `session_not_found`, `session_busy`, `validation_failed`, `nothing_to_undo`,
   * `permission_denied`, `workspace_unavailable`
   */
  undo(sessionId: string, input: UndoInput): Promise<UndoResult>;
  /** @throws CodeBuddyError `session_not_found`, `session_busy`, `nothing_to_redo`, `permission_denied` */
  redo(sessionId: string, input: RedoInput): Promise<UndoResult>;
  /** @throws CodeBuddyError `session_busy` while an undo or redo changes the session */
  requireNone(sessionId: string): void;
}

/** Restores files of the workspace of a session. */
export interface Restorer {
  readonly restore: RestoreFile;
  /** The workspace that events about the files name; undefined for that of the server. */
  readonly shownWorkspace: string | undefined;
}

export interface UndosOptions {
  readonly store: Store;
  readonly now: () => number;
  /** @throws CodeBuddyError `workspace_unavailable` */
  readonly restorerOf: (sessionId: string) => Promise<Restorer>;
  readonly log: Pick<EventLog, 'append'>;
  readonly mode: PermissionMode;
  readonly isBusy: (sessionId: string) => boolean;
  readonly loneWork: LoneWork;
}

/** The JSON of an undo's row. */
interface UndoDetails {
  readonly plan: UndoPlan;
  readonly status: 'undoing' | 'done' | 'redoing';
  /** The files that were restored. Once it is done. */
  readonly restored?: readonly string[];
  /** The parts of the session's memory that it has removed. */
  readonly memory?: Pick<SessionMemory, 'summary' | 'agentSession'>;
}

export function createUndos(options: UndosOptions): Undos {
  const { store, log, mode, now, isBusy, loneWork, restorerOf } = options;
  const working = new Set<string>();

  function requireNone(sessionId: string): void {
    if (working.has(sessionId)) throw beingChanged(sessionId);
  }

  async function alone<T>(sessionId: string, work: () => Promise<T>): Promise<T> {
    requireNone(sessionId);
    if (isBusy(sessionId)) throw sessionBusy(sessionId);
    working.add(sessionId);
    try {
      return await loneWork.take(sessionId, work);
    } finally {
      working.delete(sessionId);
    }
  }

  function requireWritable(): void {
    if (mode === 'read-only')
      throw new CodeBuddyError(
        'permission_denied',
        'Files are not restored: the permission mode of this server is read-only.',
      );
  }

  async function memoryOf(sessionId: string): Promise<SessionMemory> {
    const session = await store.getSession(sessionId);
    if (session === undefined) throw sessionNotFound(sessionId);
    return readSessionMemory(session);
  }

  async function undosOf(sessionId: string): Promise<readonly { row: UndoRow; details: UndoDetails }[]> {
    const rows = await store.fileHistory.listUndos(sessionId);
    return rows.map((row) => ({ row, details: parseRowJson<UndoDetails>('undos', row.id, row.details) }));
  }

  function fileEvents(
    sessionId: string,
    outcomes: readonly FileOutcome[],
    shownWorkspace: string | undefined,
  ): NewEvent[] {
    const workspace = shownWorkspace === undefined ? {} : { workspace: shownWorkspace };
    return outcomes.flatMap(({ path, change, bytes }) =>
      change === undefined
        ? []
        : [
            {
              type: `file.${change}` as const,
              data: { path, ...(bytes === undefined ? {} : { bytes }), ...workspace },
              sessionId,
            },
          ],
    );
  }

  async function finishUndo(
    { id, sessionId, createdAt }: UndoRow,
    { plan }: UndoDetails,
    { restore, shownWorkspace }: Restorer,
    { depth, isRetry = false }: { readonly depth: number; readonly isRetry?: boolean },
  ): Promise<UndoResult> {
    const outcomes: FileOutcome[] = [];
    for (const file of plan.files)
      outcomes.push(await restore(file, { from: file.after, to: file.before, isDry: false }));
    const memory = await memoryOf(sessionId);
    const { summary, agentSession, undos } = memory;
    const hidden = new Set(plan.itemIds);
    const isSummaryUndone = summary !== undefined && hidden.has(summary.until);
    const undone = plan.files.filter((_, index) => outcomes[index]?.outcome !== 'refused');
    // The first try may have restored what is unchanged now.
    const restored = undone.filter(
      ({ path }) => isRetry || outcomes.some((one) => one.path === path && one.outcome !== 'unchanged'),
    );
    const details: UndoDetails = {
      plan,
      status: 'done',
      restored: restored.map(({ path }) => path),
      memory: {
        ...(isSummaryUndone ? { summary } : {}),
        ...(agentSession === undefined ? {} : { agentSession }),
      },
    };
    const files = outcomes.map(shownFile);
    await log.append(
      [
        ...fileEvents(sessionId, outcomes, shownWorkspace),
        {
          type: 'session.undo',
          data: { undoId: id, messageId: plan.messageId, messages: plan.messageCount, files },
          sessionId,
        },
      ],
      [
        { kind: 'putUndo', undo: { id, sessionId, createdAt, details: JSON.stringify(details) } },
        {
          kind: 'hideUndone',
          sessionId,
          undoId: id,
          ids: [...plan.itemIds, ...undone.flatMap(({ changeIds }) => changeIds)],
        },
        patchMemory(sessionId, {
          ...(isSummaryUndone ? { summary: null } : {}),
          // Another agent remembers what was undone: the next prompt opens a new session of it.
          ...(agentSession === undefined ? {} : { agentSession: null }),
          undos: { runIds: [...(undos?.runIds ?? []), ...plan.runIds], isPending: null },
        }),
      ],
    );
    return {
      undoId: id,
      messageId: plan.messageId,
      messages: plan.messageCount,
      files,
      redoable: depth,
      dryRun: false,
    };
  }

  async function finishRedo(
    { id, sessionId }: UndoRow,
    { plan, restored = [], memory: kept }: UndoDetails,
    { restore, shownWorkspace }: Restorer,
    depth: number,
  ): Promise<UndoResult> {
    const outcomes: FileOutcome[] = [];
    for (const file of redoneFiles(plan, restored))
      outcomes.push(await restore(file, { from: file.before, to: file.after ?? file.before, isDry: false }));
    const { undos } = await memoryOf(sessionId);
    const runIds = (undos?.runIds ?? []).filter((runId) => !plan.runIds.includes(runId));
    const files = outcomes.map(shownFile);
    await log.append(
      [
        ...fileEvents(sessionId, outcomes, shownWorkspace),
        {
          type: 'session.redo',
          data: { undoId: id, messageId: plan.messageId, messages: plan.messageCount, files },
          sessionId,
        },
      ],
      [
        { kind: 'restoreUndo', id },
        patchMemory(sessionId, { ...kept, undos: depth === 0 ? null : { runIds, isPending: null } }),
      ],
    );
    return {
      undoId: id,
      messageId: plan.messageId,
      messages: plan.messageCount,
      files,
      redoable: depth,
      dryRun: false,
    };
  }

  function patchMemory(
    sessionId: string,
    patch: Pick<SessionMemory, 'summary' | 'agentSession'> | Readonly<Record<string, unknown>>,
  ): Write {
    // In a merge patch, null removes.
    return {
      kind: 'patchSession',
      id: sessionId,
      updatedAt: now(),
      details: JSON.stringify({ memory: patch }),
    };
  }

  async function dryRun(
    plan: Pick<UndoPlan, 'messageId' | 'messageCount'>,
    files: readonly (PlannedFile & { readonly from: FileState | undefined; readonly to: FileState })[],
    { restore }: Restorer,
    redoable: number,
  ): Promise<UndoResult> {
    const outcomes: FileOutcome[] = [];
    for (const file of files)
      outcomes.push(await restore(file, { from: file.from, to: file.to, isDry: true }));
    const { messageId, messageCount: messages } = plan;
    return { undoId: null, messageId, messages, files: outcomes.map(shownFile), redoable, dryRun: true };
  }

  /** The runs of other nodes are known to the store only; `putUndo` checks them. */
  async function begin(undo: UndoRow): Promise<void> {
    await store.write([
      { kind: 'putUndo', undo, ifIdle: true },
      patchMemory(undo.sessionId, { undos: { isPending: true } }),
    ]);
  }

  return {
    undo: (sessionId, { messageId, dryRun: isDry = false }) =>
      alone(sessionId, async () => {
        await memoryOf(sessionId);
        const restorer = await restorerOf(sessionId);
        const [last, ...before] = await undosOf(sessionId);
        if (!isDry) requireWritable();
        if (last !== undefined && last.details.status !== 'done' && !isDry) {
          if (last.details.status === 'redoing')
            await finishRedo(last.row, last.details, restorer, before.length);
          else {
            const finished = await finishUndo(last.row, last.details, restorer, {
              depth: before.length + 1,
              isRetry: true,
            });
            if (messageId === undefined || messageId === finished.messageId) return finished;
          }
        }
        const plan = await planUndo(store, sessionId, messageId);
        const depth = (await undosOf(sessionId)).length;
        if (isDry)
          return dryRun(
            plan,
            plan.files.map((file) => ({ ...file, from: file.after, to: file.before })),
            restorer,
            depth,
          );
        const details: UndoDetails = { plan, status: 'undoing' };
        const row = {
          id: makeId('und', now()),
          sessionId,
          createdAt: now(),
          details: JSON.stringify(details),
        };
        await begin(row);
        return finishUndo(row, details, restorer, { depth: depth + 1 });
      }),
    redo: (sessionId, { dryRun: isDry = false }) =>
      alone(sessionId, async () => {
        await memoryOf(sessionId);
        const restorer = await restorerOf(sessionId);
        if (!isDry) requireWritable();
        const [last, ...before] = await undosOf(sessionId);
        const [newest] = await store.listMessages(sessionId, { limit: 1, order: 'desc' });
        // A message that came after it: a prompt that began at the same time.
        if (last === undefined || (newest !== undefined && placeOf(newest.id) > placeOf(last.row.id)))
          throw new CodeBuddyError(
            'nothing_to_redo',
            `Session ${sessionId} has no undo that could be taken back.`,
          );
        let { details } = last;
        if (isDry) {
          const files = redoneFiles(details.plan, details.restored ?? []);
          return dryRun(
            details.plan,
            files.map((file) => ({ ...file, from: file.before, to: file.after ?? file.before })),
            restorer,
            before.length,
          );
        }
        // It was interrupted: its end is needed before it is taken back.
        if (details.status === 'undoing') {
          await finishUndo(last.row, details, restorer, { depth: before.length + 1, isRetry: true });
          details = (await undosOf(sessionId))[0]?.details ?? details;
        }
        const begun: UndoDetails = { ...details, status: 'redoing' };
        await begin({ ...last.row, details: JSON.stringify(begun) });
        return finishRedo(last.row, begun, restorer, before.length);
      }),
    requireNone,
  };
}

/** In the opposite order: what was removed last comes back first. */
function redoneFiles(plan: UndoPlan, restored: readonly string[]): readonly PlannedFile[] {
  const paths = new Set(restored);
  return plan.files
    .filter(({ path, after }) => paths.has(path) && after !== undefined)
    .sort((left, right) => Number(left.after?.kind !== 'missing') - Number(right.after?.kind !== 'missing'));
}

function shownFile({ path, outcome, reason, message }: FileOutcome): UndoneFile {
  return {
    path,
    outcome,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
}
