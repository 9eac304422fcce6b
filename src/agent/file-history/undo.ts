// Undo and redo of a session. An undo is stored with its plan before it changes the first file, and ends in one commit
// that hides the messages. If the server stops in between, each file is old or new, prompts are refused, and the next
// undo or redo finishes the work: files that have their wanted state already are left as they are.

import { CodeBuddyError } from '../../base/errors.ts';
import { makeId } from '../../base/ids.ts';
import type { PermissionMode } from '../../contract/permission-mode.ts';
import type { RedoInput, UndoInput, UndoneFile, UndoRefusal, UndoResult } from '../../contract/undo.ts';
import type { EventLog, NewEvent } from '../../events/event-log.ts';
import type { UndoRow } from '../../store/file-history.ts';
import { parseRowJson } from '../../store/row-json.ts';
import { sessionBusy } from '../../store/session-busy.ts';
import type { Store, Write } from '../../store/store.ts';
import { readSessionMemory, type SessionMemory } from '../session-memory.ts';
import { sessionNotFound } from '../session-record.ts';
import { explainSystemError } from '../tools/system-errors.ts';
import type { FileState } from '../tools/workspace/file-state.ts';
import type { Workspace } from '../tools/workspace.ts';
import { placeOf } from '../transcript.ts';
import type { Place } from './change-record.ts';
import { imageWrite, readImage } from './images.ts';
import { maxComparedBytes } from './session-changes.ts';
import { type PlannedFile, planUndo, type UndoPlan } from './undo-plan.ts';

export interface Undos {
  /**
   * @throws CodeBuddyError `session_not_found`, `session_busy`, `validation_failed`, `nothing_to_undo`,
   * `permission_denied`
   */
  undo(sessionId: string, input: UndoInput): Promise<UndoResult>;
  /** @throws CodeBuddyError `session_not_found`, `session_busy`, `nothing_to_redo`, `permission_denied` */
  redo(sessionId: string, input: RedoInput): Promise<UndoResult>;
  /** @throws CodeBuddyError `session_busy` while an undo or redo changes the session */
  requireNone(sessionId: string): void;
}

export interface UndosOptions {
  readonly store: Store;
  readonly log: Pick<EventLog, 'append'>;
  readonly workspace: Workspace;
  readonly place: Place;
  readonly maxFileBytes: number;
  readonly mode: PermissionMode;
  readonly now: () => number;
  readonly isBusy: (sessionId: string) => boolean;
  /** Keeps the watcher silent about a file that is restored. */
  readonly holdFile: (path: string) => (version: string | undefined) => void;
  /** Called for each file that was restored. */
  readonly onRestored: (path: string) => void;
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

type FileOutcome = UndoneFile & { readonly change?: 'create' | 'modify' | 'delete'; readonly bytes?: number };

export function createUndos(options: UndosOptions): Undos {
  const { store, log, workspace, place, maxFileBytes, mode, now, isBusy, holdFile, onRestored } = options;
  const working = new Set<string>();

  function requireNone(sessionId: string): void {
    if (working.has(sessionId))
      throw new CodeBuddyError(
        'session_busy',
        `Session ${sessionId} is being undone or redone. Try again when that has ended.`,
      );
  }

  async function alone<T>(sessionId: string, work: () => Promise<T>): Promise<T> {
    requireNone(sessionId);
    if (isBusy(sessionId)) throw sessionBusy(sessionId);
    working.add(sessionId);
    try {
      return await work();
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

  async function restore(
    file: PlannedFile,
    { from, to, isDry }: { from: FileState | undefined; to: FileState; isDry: boolean },
  ): Promise<FileOutcome> {
    const { path } = file;
    const refused = (reason: UndoRefusal, message: string): FileOutcome => ({
      path,
      outcome: 'refused',
      reason,
      message,
    });
    if (file.place.id !== place.id)
      return refused(
        'other_workspace',
        `The session changed it in a folder on ${file.place.host} that this node does not have.`,
      );
    if (to.kind === 'other' || from?.kind === 'other')
      return refused('not_a_file', 'It is not a regular file.');
    try {
      let content: Buffer | undefined;
      if (to.kind === 'file') {
        if (to.hash === undefined)
          return refused(
            'no_before_image',
            `Its content (${to.bytes} bytes) was too large to keep, or could not be read.`,
          );
        content = await readImage(store, to.hash);
        if (content === undefined) return refused('no_before_image', 'Its content is not kept any more.');
      }
      const release = isDry ? undefined : holdFile(path);
      let version: string | undefined;
      try {
        const done = await workspace.restoreFile({
          path,
          expected: from ?? to,
          wanted: to,
          content,
          newFolders: to.kind === 'missing' ? file.newFolders : 0,
          maxBytes: maxComparedBytes,
          isDry,
          keep: ({ state, content: present }) => keepImage(state, present),
          beforeWrite: () => onRestored(path),
        });
        if (done.outcome === 'restored') {
          version = done.version;
          return {
            path,
            outcome: to.kind === 'missing' ? 'removed' : 'restored',
            change: done.change,
            ...(to.kind === 'file' ? { bytes: to.bytes } : {}),
          };
        }
        if (done.outcome === 'unchanged') return { path, outcome: 'unchanged' };
        if (done.outcome === 'denied')
          return refused('permission_denied', 'A deny rule forbids to write it.');
        if (from === undefined)
          return refused(
            'unknown_state',
            'The server stopped while the session changed it, so its present content may be of someone else.',
          );
        if (from.kind === 'file' && from.hash === undefined)
          return refused('unknown_state', 'The session left a file that is too large to compare.');
        return refused('changed_since', 'Someone else has changed it after the session.');
      } finally {
        release?.(version);
      }
    } catch (error) {
      if (error instanceof CodeBuddyError && error.code === 'file_changed')
        return refused('changed_since', 'Someone else has changed it meanwhile.');
      const known = error instanceof CodeBuddyError ? error : explainSystemError(path, error);
      if (known === undefined || known.code.startsWith('storage_')) throw error;
      return refused('failed', known.message);
    }
  }

  /** For the way back. */
  async function keepImage(state: FileState, content: Buffer | undefined): Promise<void> {
    if (state.kind !== 'file' || state.hash === undefined || content === undefined) return;
    if (content.length > maxFileBytes) return;
    await store.write([await imageWrite(state.hash, content, now())]);
  }

  function fileEvents(sessionId: string, outcomes: readonly FileOutcome[]): NewEvent[] {
    return outcomes.flatMap(({ path, change, bytes }) =>
      change === undefined
        ? []
        : [
            {
              type: `file.${change}` as const,
              data: { path, ...(bytes === undefined ? {} : { bytes }) },
              sessionId,
            },
          ],
    );
  }

  async function finishUndo(
    { id, sessionId, createdAt }: UndoRow,
    { plan }: UndoDetails,
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
        ...fileEvents(sessionId, outcomes),
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
        ...fileEvents(sessionId, outcomes),
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
        const [last, ...before] = await undosOf(sessionId);
        if (!isDry) requireWritable();
        if (last !== undefined && last.details.status !== 'done' && !isDry) {
          if (last.details.status === 'redoing') await finishRedo(last.row, last.details, before.length);
          else {
            const finished = await finishUndo(last.row, last.details, {
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
        return finishUndo(row, details, { depth: depth + 1 });
      }),
    redo: (sessionId, { dryRun: isDry = false }) =>
      alone(sessionId, async () => {
        await memoryOf(sessionId);
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
            before.length,
          );
        }
        // It was interrupted: its end is needed before it is taken back.
        if (details.status === 'undoing') {
          await finishUndo(last.row, details, { depth: before.length + 1, isRetry: true });
          details = (await undosOf(sessionId))[0]?.details ?? details;
        }
        const begun: UndoDetails = { ...details, status: 'redoing' };
        await begin({ ...last.row, details: JSON.stringify(begun) });
        return finishRedo(last.row, begun, before.length);
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
