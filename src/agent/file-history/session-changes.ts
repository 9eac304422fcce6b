// The files that a session has changed, with their differences since before its first change.

import type { Page, PageRequest } from '../../contract/page.ts';
import type { NoDiffReason, SessionChange } from '../../contract/session-change.ts';
import type { Store } from '../../store/store.ts';
import { toPage } from '../list-page.ts';
import {
  type FileState,
  missing,
  type SeenState,
  sameContent,
  sameState,
} from '../tools/workspace/file-state.ts';
import type { Workspace } from '../tools/workspace.ts';
import { changesByPath, type FileChange, type Place } from './change-record.ts';
import { readImage } from './images.ts';

/** Larger files are not compared, so they count as changed by someone else. */
export const maxComparedBytes = 32 * 1024 * 1024;

export interface SessionChangesOptions {
  readonly store: Pick<Store, 'fileHistory'>;
  readonly workspace: Workspace;
  readonly place: Place;
}

interface ChangedFile {
  readonly path: string;
  readonly first: FileChange;
  readonly last: FileChange;
  readonly all: readonly FileChange[];
}

/** `showsContent`: whether diffs are given. */
export async function listSessionChanges(
  { store, workspace, place }: SessionChangesOptions,
  sessionId: string,
  { limit, after, showsContent }: PageRequest & { readonly showsContent: boolean },
): Promise<Page<SessionChange>> {
  const { diffOf } = await import('./unified-diff.ts');
  const files = [...(await changesByPath(store, sessionId))]
    .map(([path, all]): ChangedFile => {
      return { path, all, first: all[0] as FileChange, last: all.at(-1) as FileChange };
    })
    .sort((left, right) => (left.path < right.path ? -1 : 1));
  const rest = files.filter(({ path }) => after === undefined || path > after);
  // A file that is deleted and one that is created with the same content are one that was renamed.
  const deleted = new Map(
    files.flatMap(({ path, first, last }) =>
      first.before.kind === 'file' && first.before.hash !== undefined && last.after?.kind === 'missing'
        ? [[first.before.hash, path] as const]
        : [],
    ),
  );
  const shown = rest.slice(0, limit);
  const changes: SessionChange[] = [];
  for (const file of shown) {
    const change = await describe(file);
    if (change !== undefined) changes.push(change);
  }
  const page = toPage(
    shown.map(({ path }) => ({ id: path })),
    rest.length > limit,
  );
  return { items: changes, ...(page.next === undefined ? {} : { next: page.next }) };

  /** Undefined if it is as before. */
  async function describe({ path, all, first, last }: ChangedFile): Promise<SessionChange | undefined> {
    const isHere = last.place.id === place.id;
    const present: SeenState = isHere
      ? await workspace.readState(path, maxComparedBytes)
      : { state: last.after ?? missing };
    if (isHere && sameState(present.state, first.before)) return undefined;
    const before = first.before;
    const changedSince = last.after === undefined || !sameState(present.state, last.after);
    const image =
      before.kind === 'file' && before.hash !== undefined ? await readImage(store, before.hash) : undefined;
    const hasBefore = before.kind !== 'file' || image !== undefined;
    const diff = isHere ? differenceOf(path, { before, image, present }) : 'other_workspace';
    const createdFrom =
      before.kind === 'missing' && present.state.kind === 'file' && present.state.hash !== undefined
        ? deleted.get(present.state.hash)
        : undefined;
    return {
      path,
      change:
        before.kind === 'missing' ? 'created' : present.state.kind === 'missing' ? 'deleted' : 'modified',
      ...(typeof diff === 'string'
        ? { additions: null, deletions: null, diff: null, noDiff: diff }
        : {
            additions: diff.additions,
            deletions: diff.deletions,
            diff: showsContent ? diff.text : null,
            ...(showsContent ? {} : { noDiff: 'insufficient_scope' as const }),
          }),
      renamedFrom: createdFrom === path ? null : (createdFrom ?? null),
      oldMode: modeOf(before),
      newMode: modeOf(present.state),
      oldBytes: before.kind === 'file' ? before.bytes : null,
      newBytes: present.state.kind === 'file' ? present.state.bytes : null,
      tools: [...new Set(all.map(({ tool }) => tool))],
      changedSince: isHere && changedSince,
      undoable: isHere && !changedSince && hasBefore && before.kind !== 'other',
      firstChangedAt: new Date(first.at).toISOString(),
      lastChangedAt: new Date(last.at).toISOString(),
      changes: all.length,
    };
  }

  function differenceOf(
    path: string,
    { before, image, present }: { before: FileState; image: Buffer | undefined; present: SeenState },
  ): Extract<ReturnType<typeof diffOf>, { kind: 'diff' }> | NoDiffReason {
    if (workspace.denyRules?.denies('read_file', path)) return 'permission_denied';
    const kinds = [before.kind, present.state.kind];
    if (kinds.some((kind) => kind === 'link' || kind === 'other')) return 'not_a_file';
    if (sameContent(before, present.state)) return { kind: 'diff', text: '', additions: 0, deletions: 0 };
    if (before.kind === 'file' && image === undefined)
      return before.hash === undefined ? 'too_large' : 'no_before_image';
    if (present.state.kind === 'file' && present.content === undefined) return 'too_large';
    const diff = diffOf(path, image, present.content);
    return diff.kind === 'diff' ? diff : diff.kind;
  }
}

function modeOf(state: FileState): string | null {
  return state.kind === 'file' ? `0${state.mode.toString(8).padStart(3, '0')}` : null;
}
