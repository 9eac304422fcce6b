// A file as it was seen: what tells one state of it from the next. Links are never followed, not even those on the way to a file.

import { lstat } from 'node:fs/promises';
import { join } from 'node:path';

export interface FileState {
  readonly ino: number;
  readonly size: number;
  /** With its fraction, which holds a quarter of a microsecond. */
  readonly mtimeMs: number;
}

export type Seen =
  | { readonly kind: 'file'; readonly state: FileState }
  | { readonly kind: 'folder' }
  /** Nothing that is told of: also a link, a socket, a device. */
  | { readonly kind: 'nothing' }
  /** It may not, or cannot be looked at now; so it is taken to be as it was. */
  | { readonly kind: 'hidden' };

export function isSameState(left: FileState | undefined, right: FileState | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return left.ino === right.ino && left.size === right.size && left.mtimeMs === right.mtimeMs;
}

/** Looks at many paths of one moment; each folder on the way is looked at once. */
export class Glance {
  readonly #root: string;
  readonly #folders = new Map<string, Promise<Seen>>();

  constructor(root: string) {
    this.#root = root;
  }

  async see(path: string): Promise<Seen> {
    const above = await this.#seeAbove(path);
    return above.kind === 'folder' ? see(join(this.#root, path)) : above;
  }

  /** The folder that a path is in; without one there is nothing. */
  async #seeAbove(path: string): Promise<Seen> {
    const end = path.lastIndexOf('/');
    if (end === -1) return { kind: 'folder' };
    const folder = path.slice(0, end);
    let seen = this.#folders.get(folder);
    if (seen === undefined) {
      seen = this.see(folder);
      this.#folders.set(folder, seen);
    }
    const found = await seen;
    return found.kind === 'file' ? { kind: 'nothing' } : found;
  }
}

async function see(fullPath: string): Promise<Seen> {
  try {
    const stats = await lstat(fullPath);
    if (stats.isDirectory()) return { kind: 'folder' };
    if (!stats.isFile()) return { kind: 'nothing' };
    const { ino, size, mtimeMs } = stats;
    return { kind: 'file', state: { ino, size, mtimeMs } };
  } catch (error) {
    return { kind: isGone(error) ? 'nothing' : 'hidden' };
  }
}

/** Does a failed call say that there is nothing by that name? */
export function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG';
}
