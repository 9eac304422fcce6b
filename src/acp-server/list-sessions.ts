// `session/list`: the sessions of the server, which all work in its workspace.

import type { ListSessionsResponse } from '@agentclientprotocol/sdk/unstable';
import { isWorkspace } from './require-workspace.ts';
import type { ServerLink } from './server-link.ts';

/** `cwd`: only the sessions of this folder. */
export async function listSessions(
  server: ServerLink,
  cwd: string | undefined,
  cursor: string | undefined,
): Promise<ListSessionsResponse> {
  const client = await server.connect(cwd ?? process.cwd());
  const { workspace } = await server.place(client);
  const folder = workspace ?? cwd ?? process.cwd();
  if (cwd !== undefined && !isWorkspace(cwd, workspace)) return { sessions: [] };
  const page = await client.sessions.list(cursor === undefined ? {} : { cursor });
  return {
    sessions: page.sessions.map(({ id, title, updatedAt }) => ({
      sessionId: id,
      cwd: folder,
      title,
      updatedAt,
    })),
    ...(page.nextCursor ? { nextCursor: page.nextCursor } : {}),
  };
}
