// Decides which paths belong to the workspace, by their spelling. real-paths.ts follows links, and open-verified.ts
// checks the opened object.

import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { fileFault } from '../../../base/file-errors.ts';
import { isInFolder } from '../../../base/is-in-folder.ts';
import { openOwnFiles } from '../../own-files.ts';
import { failed, outside } from './path-errors.ts';

/**
 * Limit of folders above a file, counted from the workspace's folder. The kernel's time grows with the square of a
 * path's depth: a path of 2000 folders blocks one of the few file system threads for seconds.
 */
export const maxPathDepth = 256;

export interface Bounds {
  /** The real path of the workspace's folder. */
  readonly root: string;
  /** The absolute path by which the folder was given; it may lead through links. */
  readonly given: string;
  /** True for an absolute path in the workspace that is not one of the server's own files. */
  isInside(absolute: string): boolean;
  /**
   * The absolute path of a path given by a caller.
   * @throws CodeBuddyError `outside_workspace`, `tool_failed` if it is too deep
   */
  locate(path: string): string;
  /** An absolute path relative to the root, with `/`; `.` for the root. */
  relative(absolute: string): string;
}

/** `hidden`: see `openWorkspace`. @throws Error if `folder` is not a folder or cannot be used */
export async function openBounds(folder: string, hidden: readonly string[]): Promise<Bounds> {
  const root = await realpath(folder).catch((error: unknown) => {
    throw new Error(`the workspace ${folder} cannot be used: ${fileFault(error)}`, { cause: error });
  });
  const given = resolve(folder);
  if (!(await stat(root)).isDirectory()) throw new Error(`the workspace ${folder} is not a folder`);

  const own = await openOwnFiles(hidden);
  // A folder of the server that contains the workspace hides nothing by itself; its files are hidden one by one.
  const around = own.includes(root) ? await openOwnFiles(await withoutParents(hidden, root)) : own;
  const isInside = (path: string): boolean => isInFolder(path, root) && !around.includes(path);

  return {
    root,
    given,
    isInside,
    locate(path) {
      if (path.includes('\0')) throw outside(path, 'contains a NUL character');
      let absolute = resolve(root, path);
      // The root may have been given by a link; absolute paths spelled that way mean the workspace, too.
      if (
        !isInside(absolute) &&
        isAbsolute(path) &&
        (absolute === given || absolute.startsWith(given + sep))
      ) {
        absolute = resolve(root, relative(given, absolute));
      }
      if (!isInside(absolute)) throw outside(path, 'leads out of the workspace');
      if (depthOf(absolute) - depthOf(root) > maxPathDepth + 1)
        throw failed(path, `is more than ${maxPathDepth} folders deep`);
      return absolute;
    },
    relative: (absolute) => relative(root, absolute).split(sep).join('/') || '.',
  };
}

function depthOf(absolute: string): number {
  let depth = 0;
  for (let at = absolute.indexOf(sep); at !== -1; at = absolute.indexOf(sep, at + 1)) depth++;
  return depth;
}

/** The entries that do not contain the workspace itself. */
async function withoutParents(hidden: readonly string[], root: string): Promise<readonly string[]> {
  const kept = await Promise.all(
    hidden.map(async (entry) => ((await openOwnFiles([entry])).includes(root) ? [] : [entry])),
  );
  return kept.flat();
}
