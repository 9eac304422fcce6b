// Folders that came, or came back, after the native watcher began. On Linux it watches neither what is in a folder that is moved here nor
// folders made faster than it looks; so each new folder has a watch of its own. Where the system watches whole trees there is nothing to do.

import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { isGone } from './file-state.ts';
import { PathTree } from './path-tree.ts';

interface Watch {
  /** Undefined: the native watcher sees to it. */
  readonly own: FSWatcher | undefined;
}

export interface FolderWatchesOptions {
  readonly root: string;
  readonly isWholeTreeWatched: boolean;
  /** Something may have changed here. */
  readonly onPath: (path: string) => void;
  readonly onError: (error: unknown) => void;
}

export class FolderWatches {
  readonly #options: FolderWatchesOptions;
  readonly #watches = new PathTree<Watch>();

  constructor(options: FolderWatchesOptions) {
    this.#options = options;
  }

  has(folder: string): boolean {
    return this.#watches.get(folder) !== undefined;
  }

  /** The native watcher sees to these. */
  leave(folder: string): void {
    this.#watches.set(folder, { own: undefined });
  }

  /** Is to be called before the folder is read, so that nothing falls between. */
  add(folder: string): void {
    const { root, isWholeTreeWatched, onPath, onError } = this.#options;
    if (this.has(folder)) return;
    if (isWholeTreeWatched) return this.leave(folder);
    try {
      const own = watch(join(root, folder), { persistent: false }, (_event, name) => {
        if (name !== null) onPath(folder === '' ? name : `${folder}/${name}`);
      });
      own.on('error', (error) => {
        this.#close(folder, own);
        if (!isGone(error)) onError(error);
      });
      this.#watches.set(folder, { own });
    } catch (error) {
      // One that went away again is told of by the folder it was in.
      if (!isGone(error)) onError(error);
    }
  }

  /** A folder and the ones below: gone, or not what they were. */
  drop(folder: string): void {
    for (const [path, { own }] of this.#watches.below(folder)) this.#close(path, own);
    this.#close(folder, this.#watches.get(folder)?.own);
  }

  #close(folder: string, own: FSWatcher | undefined): void {
    own?.close();
    this.#watches.delete(folder);
  }
}
