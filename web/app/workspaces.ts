// The folders that sessions work in, for views that let people choose one.

import type { Workspaces } from '../../src/contract/workspace.ts';
import { type Resource, useResource } from './resource.ts';
import { client } from './sign-in.ts';

export function useWorkspaces(): Resource<Workspaces> {
  return useResource('workspaces', (signal) => client.workspaces.list({ signal }), {
    changedBy: ['session.start', 'session.end', 'worktree.'],
  });
}

/**
 * A session that works in the folder: the routes of files take a session, and any of them will do. Undefined for the
 * workspace of the server, and null if no session works there.
 */
export async function sessionIn(
  workspace: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined | null> {
  if (workspace === undefined) return undefined;
  const { sessions } = await client.sessions.list({ workspace, archived: 'all', limit: 1 }, { signal });
  if (sessions[0] !== undefined) return sessions[0].id;
  const { workspaces } = await client.workspaces.list({ signal });
  return workspaces.some(({ path, isDefault }) => isDefault && path === workspace) ? undefined : null;
}
