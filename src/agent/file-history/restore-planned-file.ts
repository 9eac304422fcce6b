// Brings one file of an undo or redo to the state that it had, or says why it is left alone.

import { CodeBuddyError } from '../../base/errors.ts';
import type { UndoneFile, UndoRefusal } from '../../contract/undo.ts';
import type { Store } from '../../store/store.ts';
import { explainSystemError } from '../tools/system-errors.ts';
import type { FileState } from '../tools/workspace/file-state.ts';
import type { Workspace } from '../tools/workspace.ts';
import type { Place } from './change-record.ts';
import { imageWrite, readImage } from './images.ts';
import { maxComparedBytes } from './session-changes.ts';
import type { PlannedFile } from './undo-plan.ts';

export interface RestorerOptions {
  readonly store: Pick<Store, 'write' | 'fileHistory'>;
  readonly workspace: Workspace;
  readonly place: Place;
  readonly maxFileBytes: number;
  readonly now: () => number;
  /** Keeps the watcher silent about a file that is restored. */
  readonly holdFile: (path: string) => (version: string | undefined) => void;
  /** Called for each file that is restored. */
  readonly onRestored: (path: string) => void;
}

export type FileOutcome = UndoneFile & {
  readonly change?: 'create' | 'modify' | 'delete';
  readonly bytes?: number;
};

/** `from`: the state that the session has left, if known. */
export type RestoreFile = (
  file: PlannedFile,
  states: { readonly from: FileState | undefined; readonly to: FileState; readonly isDry: boolean },
) => Promise<FileOutcome>;

export function createRestore(options: RestorerOptions): RestoreFile {
  const { store, workspace, place, maxFileBytes, now, holdFile, onRestored } = options;

  /** For the way back. */
  async function keepImage(state: FileState, content: Buffer | undefined): Promise<void> {
    if (state.kind !== 'file' || state.hash === undefined || content === undefined) return;
    if (content.length > maxFileBytes) return;
    await store.write([await imageWrite(state.hash, content, now())]);
  }

  return async (file, { from, to, isDry }) => {
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
  };
}
