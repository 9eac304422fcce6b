// Reads the current state of a path of the watched folder.

import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { versionOf } from '../tools/file-version.ts';

export interface SeenFile {
  readonly kind: 'file';
  readonly version: string;
  readonly bytes: number;
  readonly stats: BigIntStats;
}

/** Links and special files count as nothing. */
export type Seen = SeenFile | { readonly kind: 'folder'; readonly id: string } | { readonly kind: 'nothing' };

export async function lookAt(root: string, path: string): Promise<Seen> {
  try {
    const stats = await lstat(join(root, path), { bigint: true });
    if (stats.isDirectory()) return { kind: 'folder', id: `${stats.dev} ${stats.ino} ${stats.birthtimeNs}` };
    if (!stats.isFile()) return { kind: 'nothing' };
    return { kind: 'file', version: versionOf(stats), bytes: Number(stats.size), stats };
  } catch {
    // The file, or a folder above it, was deleted.
    return { kind: 'nothing' };
  }
}
