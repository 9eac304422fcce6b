// Lists a folder with the size and the time of each entry. Links are not followed; the place that a link leads to is
// given only if it is in the workspace.

import type { Stats } from 'node:fs';
import { lstat, opendir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bounds } from './bounds.ts';
import type { VerifiedOpener } from './open-verified.ts';
import type { RealPaths } from './real-paths.ts';

export interface FolderEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  /** In bytes; null for anything but a file. */
  readonly size: number | null;
  /** Unix ms. */
  readonly modifiedAt: number;
  readonly isExecutable: boolean;
  /** The path, relative to the workspace, that a link leads to; null if it leads out or nowhere. */
  readonly linksTo?: string | null;
}

/** Entries that are looked at in parallel. */
const perBatch = 64;

export function createFolderLister(
  { isInside, relative: inWorkspace }: Bounds,
  { realInside }: Pick<RealPaths, 'realInside'>,
  { openDirectory }: Pick<VerifiedOpener, 'openDirectory'>,
) {
  return async (
    path: string,
    maxEntries: number,
  ): Promise<{ readonly entries: readonly FolderEntry[]; readonly truncated: boolean }> => {
    const folder = await realInside(path);
    const { handle, at, real } = await openDirectory(folder, path);
    try {
      const names: string[] = [];
      let truncated = false;
      for await (const { name } of await opendir(at, { bufferSize: 512 })) {
        if (!isInside(join(real, name))) continue;
        if (names.length >= maxEntries) {
          truncated = true;
          break;
        }
        names.push(name);
      }
      const entries: FolderEntry[] = [];
      for (let first = 0; first < names.length; first += perBatch) {
        const batch = await Promise.all(names.slice(first, first + perBatch).map(look));
        entries.push(...batch.filter((entry) => entry !== undefined));
      }
      return { entries, truncated };

      /** Undefined if it is gone meanwhile. */
      async function look(name: string): Promise<FolderEntry | undefined> {
        const stats = await lstat(join(at, name)).catch(() => undefined);
        if (stats === undefined) return undefined;
        const kind = kindOf(stats);
        return {
          name,
          kind,
          size: kind === 'file' ? stats.size : null,
          modifiedAt: Math.round(stats.mtimeMs),
          isExecutable: kind === 'file' && (stats.mode & 0o111) !== 0,
          ...(kind === 'link' ? { linksTo: await targetOf(join(real, name)) } : {}),
        };
      }
    } finally {
      await handle.close();
    }
  };

  async function targetOf(link: string): Promise<string | null> {
    const target = await realpath(link).catch(() => undefined);
    return target === undefined || !isInside(target) ? null : inWorkspace(target);
  }
}

function kindOf(stats: Stats): FolderEntry['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'link' : 'other';
}
