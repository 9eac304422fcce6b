// The files of the workspace, and what sessions have changed in it, as the REST server needs them.

import type { FileHandle } from 'node:fs/promises';
import type { FileEntry } from '../contract/file-entry.ts';
import type { Page, PageRequest } from '../contract/page.ts';
import type { SessionChange } from '../contract/session-change.ts';
import type { RedoInput, UndoInput, UndoResult } from '../contract/undo.ts';

export interface FileService {
  /**
   * The entries of a folder, folders first. `truncated`: it has so many that some are missing.
   * `sessionId`: in the workspace of this session. @default the workspace of the server
   * @throws CodeBuddyError `session_not_found`, `workspace_unavailable`, `file_not_found`, `outside_workspace`, `permission_denied`, `tool_failed`
   */
  list(
    path: string,
    page: PageRequest,
    sessionId?: string,
  ): Promise<Page<FileEntry> & { readonly path: string; readonly truncated: boolean }>;
  /** Opens a file for reading. The caller closes it. @throws the same */
  open(path: string, sessionId?: string): Promise<{ readonly handle: FileHandle; readonly name: string }>;
  /** The files that a session has changed, by path. @throws CodeBuddyError `session_not_found` */
  changes(
    sessionId: string,
    page: PageRequest & { readonly showsContent: boolean },
  ): Promise<Page<SessionChange>>;
  /** @throws CodeBuddyError `session_not_found`, `session_busy`, `validation_failed`, `nothing_to_undo` */
  undo(sessionId: string, input: UndoInput): Promise<UndoResult>;
  /** @throws CodeBuddyError `session_not_found`, `session_busy`, `nothing_to_redo` */
  redo(sessionId: string, input: RedoInput): Promise<UndoResult>;
}
