// Resolves a path of the workspace through links and other Unicode normal forms. A link can be swapped right after the
// answer, so open-verified.ts checks each opened object again.

import type { Stats } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { errnoOf } from '../system-errors.ts';
import type { Bounds } from './bounds.ts';
import { failed, outside } from './path-errors.ts';
import { readNames } from './read-names.ts';

/** At most this many names of a folder are compared to find the same name in another normal form. */
const maxNames = 100_000;

export interface RealFile {
  /** Relative to the workspace, with all links followed; undefined if it leads out or cannot be determined. */
  readonly path: string | undefined;
  /** Undefined if it does not exist. */
  readonly stats: Stats | undefined;
}

export interface RealPaths {
  /** Resolves a path; if the file is missing, by its nearest existing folder. */
  realFile(path: string): Promise<RealFile>;
  /**
   * The real absolute path of an existing file.
   * @throws CodeBuddyError `outside_workspace`; errors of the file system
   */
  realInside(path: string): Promise<string>;
  /**
   * The same for a file that will be written, which may be missing. A link is followed if it leads to something inside.
   */
  realTarget(path: string): Promise<string>;
  /** One key for all paths that lead to the same file. */
  identify(path: string): Promise<string>;
}

export function createRealPaths({ root, isInside, locate, relative: inWorkspace }: Bounds): RealPaths {
  async function realFile(path: string): Promise<RealFile> {
    const missing: string[] = [];
    const named = locate(path);
    let existing = named;
    for (;;) {
      try {
        // One realpath and one stat: 50 µs, of which the kernel needs 6. Synchronous calls would block the server on a
        // slow file system, and calls in parallel could see two different files.
        const real = await realpath(existing);
        const whole = join(real, ...missing);
        if (!isInside(whole)) return { path: undefined, stats: undefined };
        return { path: inWorkspace(whole), stats: missing.length === 0 ? await stat(real) : undefined };
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' || existing === root) return { path: undefined, stats: undefined };
        const other = existing === named ? await otherNormalForm(named) : named;
        if (other !== named) {
          existing = other;
          continue;
        }
        missing.unshift(basename(existing));
        existing = dirname(existing);
      }
    }
  }

  async function realInside(path: string): Promise<string> {
    const absolute = locate(path);
    const real = await realpath(absolute).catch(async (error: unknown) => {
      const existing = errnoOf(error) === 'ENOENT' ? await otherNormalForm(absolute) : absolute;
      if (existing === absolute) throw error;
      return realpath(existing);
    });
    if (!isInside(real)) throw outside(path, 'leads out of the workspace');
    return real;
  }

  async function realTarget(path: string): Promise<string> {
    const absolute = locate(path);
    if (absolute === root) throw failed(path, 'is a folder');
    try {
      return await realInside(path);
    } catch (error) {
      // `realpath` fails for a file that does not exist yet.
      if (errnoOf(error) !== 'ENOENT') throw error;
      if (await isLink(absolute)) throw failed(path, 'is a symbolic link that leads nowhere');
      return otherNormalForm(absolute);
    }
  }

  async function identify(path: string): Promise<string> {
    const target = await realTarget(path);
    const stats = await lstat(target, { bigint: true }).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (stats !== undefined) return `${stats.dev} ${stats.ino}`;
    const missing: string[] = [];
    for (let existing = target; ; existing = dirname(existing)) {
      const real = await realpath(existing).catch(() => undefined);
      if (real !== undefined || existing === dirname(existing)) return join(real ?? existing, ...missing);
      missing.unshift(basename(existing));
    }
  }

  /**
   * The path with each name spelled as its folder spells it, where the two differ only in their Unicode normal form.
   */
  async function otherNormalForm(absolute: string): Promise<string> {
    if (isAscii(absolute)) return absolute;
    let found = root;
    for (const name of relative(root, absolute).split(sep)) {
      const isThere = await lstat(join(found, name)).then(
        () => true,
        () => false,
      );
      if (isThere || isAscii(name)) {
        found = join(found, name);
        continue;
      }
      if (!isInside(await realpath(found).catch(() => sep))) return absolute;
      const names = await readNames(found, maxNames);
      found = join(found, names.find((other) => other.normalize() === name.normalize()) ?? name);
    }
    return found;
  }

  return { realFile, realInside, realTarget, identify };
}

/** An ASCII name has only one normal form. */
function isAscii(name: string): boolean {
  return Buffer.byteLength(name) === name.length;
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return false;
    throw error;
  }
}
