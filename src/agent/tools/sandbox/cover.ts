// Hiding places from a command: an empty folder or an empty file is mounted over each. What cannot be looked at is never taken for
// something that is not there.

import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname, sep } from 'node:path';
import type { CommandUser } from './command-user.ts';

export interface Cover {
  /** A real path. */
  readonly path: string;
  /** `private`: a folder that the command may write. */
  readonly as: 'empty folder' | 'empty file' | 'private folder';
}

/**
 * What to mount where so that the command does not see `path`; undefined if nothing is there. A folder that the command's user cannot
 * enter is covered instead of what is in it: nothing can be mounted below.
 * @throws Error if it cannot be said
 */
export async function coverOf(path: string, { ids }: CommandUser): Promise<Cover | undefined> {
  try {
    const real = await realpath(path);
    if (ids !== undefined && ids.uid !== 0) {
      for (const folder of ancestors(real)) {
        if (!mayEnter(await lstat(folder), ids)) return { path: folder, as: 'empty folder' };
      }
    }
    return { path: real, as: (await stat(real)).isDirectory() ? 'empty folder' : 'empty file' };
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return undefined;
    if (isCode(error, 'EACCES')) return closedFolder(path);
    throw error;
  }
}

/** The folder on the way to `path` that we may not enter ourselves. */
async function closedFolder(path: string): Promise<Cover> {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      return { path: await realpath(folder), as: 'empty folder' };
    } catch (error) {
      if (!isCode(error, 'EACCES')) throw error;
    }
  }
  throw new Error(`${path} cannot be looked at`);
}

function ancestors(path: string): readonly string[] {
  const parts = path.split(sep).slice(1, -1);
  return parts.map((_, index) => sep + parts.slice(0, index + 1).join(sep));
}

/** By the permission bits. An access control list may say otherwise; then more is covered, or bubblewrap fails. */
function mayEnter(
  { uid, gid, mode }: { readonly uid: number; readonly gid: number; readonly mode: number },
  ids: { readonly uid: number; readonly gid: number },
): boolean {
  const bit = uid === ids.uid ? 0o100 : gid === ids.gid ? 0o010 : 0o001;
  return (mode & bit) !== 0;
}

export function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

export interface CoverArguments {
  /** Come before the workspace is mounted: it may be in one of these places. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** Come last: a folder can be made read-only only when everything in it is mounted. */
  readonly last: readonly string[];
}

/** bubblewrap's arguments for the covers. A place that is the workspace itself stays visible. */
export function coverArguments(
  covers: readonly Cover[],
  { workspace, tmpBytes }: { readonly workspace: string; readonly tmpBytes: number },
): CoverArguments {
  const byPath = new Map(covers.map((cover) => [cover.path, cover]));
  byPath.delete(workspace);
  byPath.delete(sep);
  const sorted = [...byPath.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
  const before = outermost(sorted.filter(({ path }) => !isIn(path, workspace)));
  const after = outermost(sorted.filter(({ path }) => isIn(path, workspace)));
  return {
    before: before.flatMap((cover) => mount(cover, tmpBytes)),
    after: after.flatMap((cover) => mount(cover, tmpBytes)),
    last: [...before, ...after].flatMap(({ as, path }) =>
      as === 'empty folder' ? ['--remount-ro', path] : [],
    ),
  };
}

/** What is not in another folder of the list. */
function outermost(sorted: readonly Cover[]): readonly Cover[] {
  const kept: Cover[] = [];
  for (const cover of sorted) {
    if (!kept.some(({ path, as }) => as !== 'empty file' && isIn(cover.path, path))) kept.push(cover);
  }
  return kept;
}

function mount({ as, path }: Cover, tmpBytes: number): readonly string[] {
  switch (as) {
    case 'empty folder':
      return ['--size', '65536', '--tmpfs', path];
    case 'private folder':
      return ['--perms', '1777', '--size', String(tmpBytes), '--tmpfs', path];
    case 'empty file':
      // A device reads as empty; a program that looks for its settings there does not fail.
      return ['--dev-bind', '/dev/null', path];
  }
}
