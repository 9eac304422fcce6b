// Decides which folders sessions may work in. The decision is about the real folder: links, `..` and letter case do not
// lead out of the roots.

import { readdirSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';
import { isInFolder } from '../../base/is-in-folder.ts';
import { openOwnFiles } from '../own-files.ts';
import type { FilesThatRunLater } from '../permissions/files-that-run-later.ts';
import { isGitFolder } from '../permissions/is-git-folder.ts';

export interface Places {
  /** The real paths of the roots that exist, that of the server's workspace first. */
  roots(): Promise<readonly string[]>;
  /** The real path of a folder that a client names. @throws PlaceFault */
  find(path: string): Promise<string>;
  /** The nearest root of a real path; undefined if it is outside of all. */
  rootOf(path: string): Promise<string | undefined>;
}

/** What is wrong with the folder: the end of "workspace …". */
export class PlaceFault extends Error {
  override readonly name = 'PlaceFault';
}

export interface PlacesOptions {
  /** The real path of the server's workspace. */
  readonly main: string;
  /** Further roots, as absolute paths. */
  readonly roots: readonly string[];
  /** The server's own files. */
  readonly hidden: readonly string[];
  readonly runLater: FilesThatRunLater;
}

export function createPlaces({ main, roots: configured, hidden, runLater }: PlacesOptions): Places {
  async function roots(): Promise<readonly string[]> {
    // Looked up each time: a root may be created or mounted later.
    const found = await Promise.all(configured.map((root) => realpath(root).catch(() => undefined)));
    return [...new Set([main, ...found.filter((root) => root !== undefined)])];
  }

  async function rootOf(path: string): Promise<string | undefined> {
    const around = (await roots()).filter((root) => isInFolder(path, root));
    // The outermost: rules of all folders between it and the workspace apply.
    return around.sort((left, right) => left.length - right.length)[0];
  }

  return {
    roots,
    rootOf,
    async find(path) {
      if (path.includes('\0')) throw new PlaceFault('must not contain a NUL character');
      const given = resolve(main, path);
      const real = await realpath(given).catch(() => undefined);
      const root = real === undefined ? undefined : await rootOf(real);
      // The same answer for a missing folder outside: it must not tell which folders exist.
      if (real === undefined || root === undefined) {
        const isInside = await isNamedInside(given);
        throw new PlaceFault(
          isInside && real === undefined
            ? `must be an existing folder; ${given} does not exist`
            : `must be in one of the workspaceRoots of the server: ${(await roots()).join(', ')}`,
        );
      }
      if (real === main) return real;
      if (!(await stat(real)).isDirectory()) throw new PlaceFault(`must be a folder; ${given} is a file`);
      const own = await openOwnFiles(hidden);
      // The config folder of the server may be the workspace itself; a folder that is chosen may not be in it.
      if (own.includes(real) && !own.includes(main))
        throw new PlaceFault('must not be in the config folder of the server');
      const below = relative(root, real).split(sep).join('/');
      const inside = `${below}/file`;
      const match = below === '' ? undefined : runLater.match(inside);
      if (match !== undefined && match.kind !== 'tell')
        throw new PlaceFault(
          `must not be a folder with files that other programs run later (${match.runBy})`,
        );
      for (let folder = real; isInFolder(folder, root); folder = dirname(folder)) {
        if (isGitFolder(new Set(readdirSync(folder).map((name) => name.toLowerCase()))))
          throw new PlaceFault('must not be in the folder of a git repository, such as .git');
        if (folder === dirname(folder)) break;
      }
      return real;
    },
  };

  async function isNamedInside(path: string): Promise<boolean> {
    return [...(await roots()), ...configured].some((root) => isInFolder(path, root));
  }
}
