// The known folders of a workspace, with their watches and the names of their files.

import type { FolderWatch } from './folder-watch.ts';

export class Folder {
  /** Relative to the root; '' is the root. */
  readonly path: string;
  readonly files = new Set<string>();
  readonly folders = new Map<string, Folder>();
  /** Device, inode and time of birth: distinguishes another folder with the same name. */
  id = '';
  watch: FolderWatch | undefined;
  /** True if the watch may be on a folder that is no longer at this path. */
  isReplaced = false;

  constructor(path: string) {
    this.path = path;
  }

  pathOf(name: string): string {
    return this.path === '' ? name : `${this.path}/${name}`;
  }
}

/** The nearest known folder above a path, and the name in it that leads to the path; for '' the root and ''. */
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

/** The known folder at exactly this path. */
export function folderAt(root: Folder, path: string): Folder | undefined {
  const { folder, name } = nearest(root, path);
  const found = path === '' ? root : folder.folders.get(name);
  return found?.path === path ? found : undefined;
}

/** The folder and all folders below it, itself last. */
export function* below(folder: Folder): Generator<Folder> {
  for (const child of folder.folders.values()) yield* below(child);
  yield folder;
}
