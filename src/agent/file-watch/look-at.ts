// Reads the current state of a path of the watched folder.

import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { versionOf } from '../tools/file-version.ts';

interface Look {
  /** When the look began (`performance.now()`): on a busy machine, what it saw may be long past. */
  readonly at: number;
}

export interface SeenFile extends Look {
  readonly kind: 'file';
  readonly version: string;
  readonly bytes: number;
  readonly stats: Pick<BigIntStats, 'mtimeMs' | 'birthtimeMs'>;
}

/** Links and special files count as nothing. */
export type Seen =
  | SeenFile
  | (Look & { readonly kind: 'folder'; readonly id: string })
  | (Look & { readonly kind: 'nothing' });

export async function lookAt(root: string, path: string): Promise<Seen> {
  const at = performance.now();
  try {
    const stats = await lstat(join(root, path), { bigint: true });
    if (stats.isDirectory())
      return { at, kind: 'folder', id: `${stats.dev} ${stats.ino} ${stats.birthtimeNs}` };
    if (!stats.isFile()) return { at, kind: 'nothing' };
    return { at, kind: 'file', version: versionOf(stats), bytes: Number(stats.size), stats };
  } catch {
    // The file, or a folder above it, was deleted.
    return { at, kind: 'nothing' };
  }
}
