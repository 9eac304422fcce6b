// Lists the workspaces that are known: that of the server, and those of sessions.

import type { Workspace, Workspaces } from '../../contract/workspace.ts';
import type { Store } from '../../store/store.ts';
import type { Places } from './places.ts';
import { placeIn, type SessionPlace, type Spaces } from './spaces.ts';
import type { Worktrees } from './worktrees.ts';

const maxWorkspaces = 200;
/** Folders that git looks at, at the same time. */
const atOnce = 4;

export function createWorkspaceList({
  store,
  main,
  places,
  spaces,
  git,
}: {
  readonly store: Pick<Store, 'sessionWorkspaces' | 'getSession'>;
  readonly main: string;
  readonly places: Pick<Places, 'roots'>;
  readonly spaces: Pick<Spaces, 'statusOf'>;
  readonly git: Pick<Worktrees, 'state'> | undefined;
}): () => Promise<Workspaces> {
  async function describe(place: SessionPlace, sessions: number): Promise<Workspace> {
    const { workspace: path = main, worktree = null } = place;
    const status = await spaces.statusOf(place);
    const state = status === 'ready' ? await git?.state(path).catch(() => undefined) : undefined;
    return { path, isDefault: path === main, status, sessions, git: state ?? null, worktree };
  }

  return async () => {
    const used = await store.sessionWorkspaces(maxWorkspaces);
    const ofServer = used.find(({ workspace }) => workspace === null || workspace === main);
    const others = used.filter(({ workspace }) => workspace !== null && workspace !== main);
    const queue = [
      async () => describe({}, ofServer?.sessions ?? 0),
      ...others.map(({ sessions, latest }) => async () => {
        const row = await store.getSession(latest);
        // Its last session was deleted meanwhile.
        return row === undefined ? undefined : describe(placeIn(row), sessions);
      }),
    ];
    const workspaces: (Workspace | undefined)[] = [];
    for (let at = 0; at < queue.length; at += atOnce)
      workspaces.push(...(await Promise.all(queue.slice(at, at + atOnce).map((one) => one()))));
    return { roots: await places.roots(), workspaces: workspaces.filter((one) => one !== undefined) };
  };
}
