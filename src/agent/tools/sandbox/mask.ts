// Masks hide a file or folder from a command: an empty file or folder is mounted over it. A place that cannot be
// examined is never treated as missing.

import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname, sep } from 'node:path';
import { isInFolder } from '../../../base/is-in-folder.ts';
import { errnoOf } from '../system-errors.ts';
import type { CommandUser } from './command-user.ts';

export interface Mask {
  /** A real path. */
  readonly path: string;
  /** `private`: a folder that the command may write. */
  readonly as: 'empty folder' | 'empty file' | 'private folder';
}

/**
 * The mask that hides `path`; undefined if nothing is there. If the command's user cannot enter a folder on the way,
 * that folder is masked instead: nothing can be mounted below it.
 * @throws Error if the place cannot be examined
 */
export async function maskOf(path: string, { ids }: CommandUser): Promise<Mask | undefined> {
  try {
    const real = await realpath(path);
    if (ids !== undefined && ids.uid !== 0) {
      for (const folder of ancestors(real)) {
        if (!mayEnter(await lstat(folder), ids)) return { path: folder, as: 'empty folder' };
      }
    }
    return { path: real, as: (await stat(real)).isDirectory() ? 'empty folder' : 'empty file' };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    if (errno === 'EACCES') return closedFolder(path);
    throw error;
  }
}

/** The folder on the way to `path` that the server itself may not enter. */
async function closedFolder(path: string): Promise<Mask> {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      return { path: await realpath(folder), as: 'empty folder' };
    } catch (error) {
      if (errnoOf(error) !== 'EACCES') throw error;
    }
  }
  throw new Error(`${path} cannot be examined`);
}

function ancestors(path: string): readonly string[] {
  const parts = path.split(sep).slice(1, -1);
  return parts.map((_, index) => sep + parts.slice(0, index + 1).join(sep));
}

/** Judged by the permission bits. If an access control list says otherwise, more is masked or bubblewrap fails. */
function mayEnter(
  { uid, gid, mode }: { readonly uid: number; readonly gid: number; readonly mode: number },
  ids: { readonly uid: number; readonly gid: number },
): boolean {
  const bit = uid === ids.uid ? 0o100 : gid === ids.gid ? 0o010 : 0o001;
  return (mode & bit) !== 0;
}

export interface MaskArguments {
  /** Mounted before the workspace, which may lie in one of these places. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** Mounted last: a folder can be made read-only only after everything in it is mounted. */
  readonly last: readonly string[];
}

/** bubblewrap's arguments for the masks. The workspace itself is never masked. */
export function maskArguments(
  masks: readonly Mask[],
  { workspace, tmpBytes }: { readonly workspace: string; readonly tmpBytes: number },
): MaskArguments {
  const byPath = new Map(masks.map((mask) => [mask.path, mask]));
  byPath.delete(workspace);
  byPath.delete(sep);
  const sorted = [...byPath.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
  const before = outermost(sorted.filter(({ path }) => !isInFolder(path, workspace)));
  const after = outermost(sorted.filter(({ path }) => isInFolder(path, workspace)));
  return {
    before: before.flatMap((mask) => mount(mask, tmpBytes)),
    after: after.flatMap((mask) => mount(mask, tmpBytes)),
    last: [...before, ...after].flatMap(({ as, path }) =>
      as === 'empty folder' ? ['--remount-ro', path] : [],
    ),
  };
}

/** Removes places that lie in another folder of the list. */
function outermost(sorted: readonly Mask[]): readonly Mask[] {
  const kept: Mask[] = [];
  for (const mask of sorted) {
    if (!kept.some(({ path, as }) => as !== 'empty file' && isInFolder(mask.path, path))) kept.push(mask);
  }
  return kept;
}

function mount({ as, path }: Mask, tmpBytes: number): readonly string[] {
  switch (as) {
    case 'empty folder':
      return ['--size', '65536', '--tmpfs', path];
    case 'private folder':
      return ['--perms', '1777', '--size', String(tmpBytes), '--tmpfs', path];
    case 'empty file':
      // The device reads as an empty file, so a program that looks for its settings there does not fail.
      return ['--dev-bind', '/dev/null', path];
  }
}
