// What is known of a workspace: its folders with their watches, its files with the version that was seen last.

import type { FolderWatch } from './folder-watch.ts';

export class Folder {
  /** Relative to the root; '' is the root. */
  readonly path: string;
  readonly files = new Set<string>();
  readonly folders = new Map<string, Folder>();
  /** Device, inode and time of birth: another folder of the same name is another folder. */
  id = '';
  watch: FolderWatch | undefined;
  /** The watch may be on a folder that is not here any more. */
  isReplaced = false;

  constructor(path: string) {
    this.path = path;
  }

  pathOf(name: string): string {
    return this.path === '' ? name : `${this.path}/${name}`;
  }
}

/** The folder at a path, or the nearest one above that is known, with the name in it that leads to the path. */
export function nearest(root: Folder, path: string): { readonly folder: Folder; readonly name: string } {
  let folder = root;
  for (;;) {
    const rest = folder.path === '' ? path : path.slice(folder.path.length + 1);
    const end = rest.indexOf('/');
    if (end === -1) return { folder, name: rest };
    const next = folder.folders.get(rest.slice(0, end));
    if (next === undefined) return { folder, name: rest.slice(0, end) };
    folder = next;
  }
}

/** The folder and all below it, itself last. */
export function* below(folder: Folder): Generator<Folder> {
  for (const child of folder.folders.values()) yield* below(child);
  yield folder;
}
