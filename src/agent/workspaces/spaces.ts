// The workspaces of sessions: where a new session works, and the tools of each. A session without a workspace of its
// own works in that of the server. Spaces are opened when a session first needs them.

import { realpath } from 'node:fs/promises';
import { CodeBuddyError } from '../../base/errors.ts';
import { isInFolder } from '../../base/is-in-folder.ts';
import { fieldName } from '../../base/schema-errors.ts';
import type { SessionWorktree, WorktreeInput } from '../../contract/workspace.ts';
import type { NewEvent } from '../../events/event-log.ts';
import type { SessionRow, Store } from '../../store/store.ts';
import { readSessionDetails } from '../session-record.ts';
import type { ToolBox } from '../tools/tool-box.ts';
import type { Workspace } from '../tools/workspace.ts';
import { basesOf } from './bases.ts';
import { openSpace, openSpaceFolder, type Space, type SpaceOptions } from './open-space.ts';
import { PlaceFault, type Places } from './places.ts';
import { WorktreeFault, type Worktrees } from './worktrees.ts';

/** Spaces beyond this number are closed, those first that were used least recently. */
const maxSpaces = 16;
/** Sessions whose workspace is remembered. */
const maxRemembered = 10_000;
/** Of the ids that the server makes. Callers cannot choose them. */
const ownIdPrefix = 'ses_';

/** Where a session works, as its row has it. Without a workspace: that of the server. */
export interface SessionPlace {
  readonly workspace?: string;
  readonly worktree?: SessionWorktree;
}

export interface PlannedPlace {
  readonly details: SessionPlace;
  /** Creates the worktree, if there is one and it is not there yet. @throws CodeBuddyError `validation_failed` */
  create(): Promise<void>;
  /** Removes the worktree again, if it was created. */
  undo(): Promise<void>;
  /** The event for the commit that creates the session. */
  readonly events: readonly NewEvent[];
}

export interface Spaces {
  /**
   * Plans where a new session works. Changes nothing. `at`: where the fields are in the request.
   * @throws CodeBuddyError `validation_failed`
   */
  plan(
    input: { readonly workspace?: string; readonly worktree?: WorktreeInput },
    at: '' | '/options',
  ): Promise<PlannedPlace>;
  /**
   * `mayCreate`: the request would also have created the session, so it may ask for the worktree that the session has.
   * @throws CodeBuddyError `session_workspace_mismatch`
   */
  requireSame(
    input: { readonly workspace?: string; readonly worktree?: WorktreeInput },
    session: SessionRow,
    mayCreate?: boolean,
  ): Promise<void>;
  /** The workspace of a session that may work; undefined for that of the server. @throws CodeBuddyError `workspace_unavailable` */
  requireReady(session: SessionRow): Promise<string | undefined>;
  /** The tools of a session. @throws CodeBuddyError `workspace_unavailable` */
  toolsOf(sessionId: string | undefined): Promise<ToolBox>;
  workspaceOf(sessionId: string): Promise<Workspace>;
  /** Everything that works in the workspace of a session. @throws CodeBuddyError `workspace_unavailable` */
  spaceOf(sessionId: string | undefined): Promise<Space>;
  /** The same for a session that is not stored yet. */
  spaceAt(place: SessionPlace): Promise<Space>;
  /** `ready`, or why sessions cannot work in the folder. */
  statusOf(place: SessionPlace): Promise<'ready' | 'missing' | 'not_allowed'>;
  close(): Promise<void>;
}

export interface SpacesOptions {
  readonly store: Pick<Store, 'getSession'>;
  readonly main: Space;
  readonly spaceOptions: SpaceOptions;
  readonly places: Places;
  /** Undefined: this server creates no worktrees. */
  readonly worktrees: Worktrees | undefined;
  /** Where worktrees are created. */
  readonly worktreeFolder: string | undefined;
}

export function createSpaces({
  store,
  main,
  spaceOptions,
  places,
  worktrees,
  worktreeFolder,
}: SpacesOptions): Spaces {
  const opened = new Map<string, Promise<Space>>();
  const bySession = new Map<string, SessionPlace>();

  /** The workspace of a session never changes. */
  async function placeOf(sessionId: string): Promise<SessionPlace> {
    let place = bySession.get(sessionId);
    if (place !== undefined) return place;
    const row = await store.getSession(sessionId);
    if (row === undefined) return {};
    place = placeIn(row);
    // An id that a caller chose may be that of another session later.
    if (!sessionId.startsWith(ownIdPrefix)) return place;
    if (bySession.size >= maxRemembered) bySession.clear();
    bySession.set(sessionId, place);
    return place;
  }

  async function statusOf({
    workspace,
    worktree,
  }: SessionPlace): Promise<'ready' | 'missing' | 'not_allowed'> {
    if (workspace === undefined || workspace === main.workspace.root) return 'ready';
    // A link that was put in its place leads elsewhere.
    if ((await realpath(workspace).catch(() => undefined)) !== workspace) return 'missing';
    if (worktree !== undefined && (await isOwnWorktree(worktree, workspace))) return 'ready';
    return (await places.find(workspace).catch(() => undefined)) === workspace ? 'ready' : 'not_allowed';
  }

  async function isOwnWorktree({ path }: SessionWorktree, workspace: string): Promise<boolean> {
    if (worktreeFolder === undefined || !isInFolder(workspace, path)) return false;
    const folder = await realpath(worktreeFolder).catch(() => worktreeFolder);
    return path !== folder && isInFolder(path, folder);
  }

  async function requirePlace(place: SessionPlace): Promise<string | undefined> {
    const status = await statusOf(place);
    if (status === 'ready') return place.workspace === main.workspace.root ? undefined : place.workspace;
    throw new CodeBuddyError(
      'workspace_unavailable',
      status === 'missing'
        ? `The workspace of this session, ${place.workspace}, does not exist on this node. Restore the folder, or start a new session.`
        : `The workspace of this session, ${place.workspace}, is not in the workspaceRoots of this node: ${(await places.roots()).join(', ')}.`,
    );
  }

  async function spaceOf(sessionId: string | undefined): Promise<Space> {
    if (sessionId === undefined) return main;
    return spaceAt(await placeOf(sessionId));
  }

  async function spaceAt(place: SessionPlace): Promise<Space> {
    if (place.workspace === undefined) return main;
    const root = await requirePlace(place);
    return root === undefined ? main : open(root, place);
  }

  function open(root: string, { worktree }: SessionPlace): Promise<Space> {
    const known = opened.get(root);
    opened.delete(root);
    const space = known ?? openNew(root, worktree);
    opened.set(root, space);
    space.catch(() => opened.get(root) === space && opened.delete(root));
    for (const [oldest, one] of opened) {
      if (opened.size <= maxSpaces) break;
      opened.delete(oldest);
      // Calls under way keep what they need; only the watch ends.
      void one.then(
        (unused) => unused.close(),
        () => undefined,
      );
    }
    return space;
  }

  async function openNew(root: string, worktree: SessionWorktree | undefined): Promise<Space> {
    // The rules of a worktree are those of the folder that it was made from.
    const like = worktree?.source ?? root;
    const bases = basesOf((await places.rootOf(like)) ?? like, like);
    const workspace = await openSpaceFolder(spaceOptions, root, bases);
    const space = await openSpace(spaceOptions, workspace, { bases, isOther: true });
    space.startBackground();
    return space;
  }

  async function find(path: string, at: string): Promise<string> {
    try {
      return await places.find(path);
    } catch (error) {
      if (error instanceof PlaceFault) throw invalid(`${at}/workspace`, error.message);
      throw error;
    }
  }

  return {
    async plan({ workspace, worktree = false }, at) {
      const folder = workspace === undefined ? main.workspace.root : await find(workspace, at);
      if (worktree === false) {
        const details = folder === main.workspace.root ? {} : { workspace: folder };
        return { details, create: async () => undefined, undo: async () => undefined, events: [] };
      }
      if (worktrees === undefined) throw invalid(`${at}/worktree`, 'is not available on this server');
      try {
        const planned = await worktrees.plan(folder, worktree);
        let isCreated = false;
        return {
          details: { workspace: planned.workspace, worktree: planned.worktree },
          async create() {
            if (isCreated) return;
            try {
              await planned.create();
              isCreated = true;
            } catch (error) {
              await worktrees.undo(planned.worktree);
              throw invalid(`${at}/worktree`, `could not be created: ${wordsOf(error)}`);
            }
          },
          async undo() {
            if (isCreated) await worktrees.undo(planned.worktree);
          },
          events: [{ type: 'worktree.create', data: planned.worktree }],
        };
      } catch (error) {
        if (!(error instanceof WorktreeFault)) throw error;
        const field = error.field === undefined ? '' : `/${error.field}`;
        throw invalid(`${at}/worktree${field}`, error.message);
      }
    },
    async requireSame({ workspace, worktree = false }, session, mayCreate = false) {
      if (workspace === undefined && worktree === false) return;
      const { workspace: own = main.workspace.root, worktree: ownTree } = placeIn(session);
      if (mayCreate && worktree !== false && ownTree !== undefined) {
        const source =
          workspace === undefined
            ? main.workspace.root
            : await find(workspace, '/options').catch(() => undefined);
        if (source === ownTree.source) return;
      }
      if (
        worktree === false &&
        workspace !== undefined &&
        (await find(workspace, '/options').catch(() => undefined)) === own
      )
        return;
      // A worktree is in no root, but may be named.
      if (worktree === false && workspace === own) return;
      const field = worktree === false ? 'workspace' : 'worktree';
      const message = `must be left out: the session ${session.id} works in ${own}`;
      throw new CodeBuddyError(
        'session_workspace_mismatch',
        `options.${field} ${message}. Start a new session to work elsewhere.`,
        { errors: [{ in: 'body', pointer: `/options/${field}`, message }] },
      );
    },
    requireReady: (session) => requirePlace(placeIn(session)),
    toolsOf: async (sessionId) => (await spaceOf(sessionId)).toolBox,
    workspaceOf: async (sessionId) => (await spaceOf(sessionId)).workspace,
    spaceOf,
    spaceAt,
    statusOf,
    async close() {
      await Promise.all(
        [...opened.values()].map((space) =>
          space.then(
            (one) => one.close(),
            () => undefined,
          ),
        ),
      );
    },
  };
}

export function placeIn(row: SessionRow): SessionPlace {
  const { workspace, worktree } = readSessionDetails(row);
  return {
    ...(workspace === undefined ? {} : { workspace }),
    ...(worktree === undefined ? {} : { worktree }),
  };
}

function invalid(pointer: string, message: string): CodeBuddyError {
  return new CodeBuddyError('validation_failed', `${fieldName(pointer)} ${message}.`, {
    errors: [{ in: 'body', pointer, message }],
  });
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
