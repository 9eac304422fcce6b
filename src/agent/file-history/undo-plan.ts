// What an undo hides and what it restores: everything from a prompt on, in the order in which the runs of the session
// began. A prompt that waited in line is stored among the messages of the run before it; those stay.

import { CodeBuddyError } from '../../base/errors.ts';
import type { Store } from '../../store/store.ts';
import { readPages, readTurnPages } from '../session-pages.ts';
import type { FileState } from '../tools/workspace/file-state.ts';
import { inRunOrder, placeOf } from '../transcript.ts';
import { changesByPath, type FileChange, type Place } from './change-record.ts';

export interface PlannedFile {
  readonly path: string;
  /** The folder that the file is in. */
  readonly place: Place;
  /** How it was before. */
  readonly before: FileState;
  /** How the session has left it. Undefined: not known. */
  readonly after: FileState | undefined;
  readonly newFolders: number;
  readonly changeIds: readonly string[];
}

export interface UndoPlan {
  readonly messageId: string;
  /** Of the messages and turns. */
  readonly itemIds: readonly string[];
  readonly messageCount: number;
  /** The runs whose prompts are hidden. */
  readonly runIds: readonly string[];
  readonly files: readonly PlannedFile[];
}

interface Item {
  readonly id: string;
  readonly runId: string | null;
  readonly isPrompt: boolean;
}

/**
 * `messageId`: a prompt. @default the last one
 * @throws CodeBuddyError `validation_failed` if it is not a prompt of the session, `nothing_to_undo` without prompts
 */
export async function planUndo(
  store: Pick<Store, 'listMessages' | 'listTurns' | 'fileHistory'>,
  sessionId: string,
  messageId: string | undefined,
): Promise<UndoPlan> {
  const items: Item[] = [];
  for await (const rows of readPages(store, sessionId))
    items.push(...rows.map(({ id, runId, role }) => ({ id, runId, isPrompt: role === 'user' })));
  for await (const rows of readTurnPages(store, sessionId))
    items.push(...rows.map(({ id, runId }) => ({ id, runId, isPrompt: false })));
  const ordered = inRunOrder(items);
  const index =
    messageId === undefined
      ? ordered.findLastIndex(({ isPrompt }) => isPrompt)
      : ordered.findIndex(({ id, isPrompt }) => isPrompt && id === messageId);
  const prompt = ordered[index];
  if (prompt === undefined) {
    if (messageId !== undefined) throw noSuchPrompt(sessionId, messageId);
    throw new CodeBuddyError('nothing_to_undo', `Session ${sessionId} has no prompt that could be undone.`);
  }
  const hidden = ordered.slice(index);
  const runsBefore = new Set(ordered.slice(0, index).map(({ runId }) => runId));
  const hiddenRuns = new Set(hidden.map(({ runId }) => runId).filter((runId) => runId !== null));
  const isUndone = ({ id, runId }: FileChange): boolean =>
    runId !== null && hiddenRuns.has(runId) && !runsBefore.has(runId)
      ? true
      : (runId === null || runId === prompt.runId) && placeOf(id) > placeOf(prompt.id);

  const files: PlannedFile[] = [];
  for (const [path, all] of await changesByPath(store, sessionId)) {
    const undone = all.filter(isUndone);
    const first = undone[0];
    const last = undone.at(-1);
    if (first === undefined || last === undefined) continue;
    files.push({
      path,
      place: last.place,
      before: first.before,
      after: last.after,
      newFolders: first.newFolders,
      changeIds: undone.map(({ id }) => id),
    });
  }
  return {
    messageId: prompt.id,
    itemIds: hidden.map(({ id }) => id),
    messageCount: hidden.filter(({ id }) => id.startsWith('msg_')).length,
    runIds: [
      ...new Set(hidden.flatMap(({ runId, isPrompt }) => (isPrompt && runId !== null ? [runId] : []))),
    ],
    // A file that takes the place of a folder is removed before the folder is made again.
    files: files.sort(
      (left, right) =>
        Number(left.before.kind !== 'missing') - Number(right.before.kind !== 'missing') ||
        (left.path < right.path ? -1 : 1),
    ),
  };
}

function noSuchPrompt(sessionId: string, id: string): CodeBuddyError {
  const message = `must be the id of a prompt of session ${sessionId}, a message with the role user; ${JSON.stringify(id)} is not`;
  return new CodeBuddyError('validation_failed', `messageId ${message}.`, {
    errors: [{ in: 'body', pointer: '/messageId', message }],
  });
}
