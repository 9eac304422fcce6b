// The files of workspaces for clients: those of the server's workspace, and those of the workspaces of sessions.

import type { Page, PageRequest } from '../contract/page.ts';
import type { SessionChange } from '../contract/session-change.ts';
import type { Store } from '../store/store.ts';
import { listSessionChanges } from './file-history/session-changes.ts';
import type { Undos } from './file-history/undo.ts';
import { createWorkspaceFiles, type WorkspaceFiles } from './workspace-files.ts';
import type { Spaces } from './workspaces/spaces.ts';

export interface AgentFiles extends Pick<Undos, 'undo' | 'redo'> {
  /** Of the workspace of the session, or of the server. @throws CodeBuddyError `session_not_found`, `workspace_unavailable` */
  list(path: string, page: PageRequest, sessionId?: string): ReturnType<WorkspaceFiles['list']>;
  open(path: string, sessionId?: string): ReturnType<WorkspaceFiles['open']>;
  /** @throws CodeBuddyError `session_not_found` */
  changes(
    sessionId: string,
    page: PageRequest & { readonly showsContent: boolean },
  ): Promise<Page<SessionChange>>;
}

export interface AgentFilesOptions {
  readonly store: Store;
  readonly spaces: Pick<Spaces, 'spaceOf'>;
  readonly undos: Pick<Undos, 'undo' | 'redo'>;
  /** @throws CodeBuddyError `session_not_found` */
  readonly requireSession: (id: string) => Promise<void>;
}

export function createAgentFiles({ store, spaces, undos, requireSession }: AgentFilesOptions): AgentFiles {
  async function filesOf(sessionId: string | undefined): Promise<WorkspaceFiles> {
    if (sessionId !== undefined) await requireSession(sessionId);
    return createWorkspaceFiles((await spaces.spaceOf(sessionId)).workspace);
  }

  return {
    list: async (path, page, sessionId) => (await filesOf(sessionId)).list(path, page),
    open: async (path, sessionId) => (await filesOf(sessionId)).open(path),
    undo: undos.undo,
    redo: undos.redo,
    async changes(sessionId, page) {
      await requireSession(sessionId);
      const { workspace, fileHistory } = await spaces.spaceOf(sessionId);
      return listSessionChanges({ store, workspace, place: fileHistory.place }, sessionId, page);
    },
  };
}
