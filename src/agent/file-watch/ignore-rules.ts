// What .gitignore files leave out, nested ones too; `.git` always. The rule nearest to a file decides, and what is in a folder that is left
// out is left out with it, as in git.

import { join, posix } from 'node:path';
import type { Ignore } from 'ignore';
import { openIgnoreFile, readIgnoreRules } from '../ignore-file.ts';
import { copiesOf, hasStar, withoutStar } from '../own-files.ts';

export class IgnoreRules {
  private readonly root: string;
  private readonly except: ReadonlySet<string>;
  private readonly copies: readonly { readonly folder: string; readonly isCopy: (name: string) => boolean }[];
  /** By folder, relative to the root; '' is the root. */
  private readonly byFolder = new Map<string, Ignore>();
  /** What was decided of folders: asked for every file in them. */
  private readonly folders = new Map<string, boolean>();

  /** `except`: what is left out besides, as entries of own-files.ts but relative to the root. */
  constructor(root: string, except: readonly string[]) {
    this.root = root;
    this.except = new Set(except.map(withoutStar));
    this.copies = except.filter(hasStar).map((entry) => {
      const path = withoutStar(entry);
      return { folder: folderOf(path), isCopy: copiesOf(posix.basename(path)) };
    });
  }

  /** Reads the .gitignore of a folder, or forgets it if there is none any more. */
  async load(folder: string): Promise<void> {
    this.folders.clear();
    let rules: Ignore | undefined;
    try {
      const handle = await openIgnoreFile(join(this.root, folder, '.gitignore'));
      try {
        rules = await readIgnoreRules(handle);
      } finally {
        await handle.close();
      }
    } catch {
      // Most folders have none; one that cannot be read says nothing.
    }
    if (rules === undefined) this.byFolder.delete(folder);
    else this.byFolder.set(folder, rules);
  }

  isIgnored(path: string, isFolder: boolean): boolean {
    if (path === '') return false;
    const parent = path.lastIndexOf('/');
    if (parent !== -1 && this.isFolderIgnored(path.slice(0, parent))) return true;
    return isFolder ? this.isFolderIgnored(path) : this.decide(path, false);
  }

  private isFolderIgnored(folder: string): boolean {
    const known = this.folders.get(folder);
    if (known !== undefined) return known;
    const parent = folder.lastIndexOf('/');
    const verdict =
      (parent !== -1 && this.isFolderIgnored(folder.slice(0, parent))) || this.decide(folder, true);
    this.folders.set(folder, verdict);
    return verdict;
  }

  private isOwn(path: string): boolean {
    if (this.except.has(path)) return true;
    return this.copies.some(
      ({ folder, isCopy }) => folderOf(path) === folder && isCopy(posix.basename(path)),
    );
  }

  private decide(path: string, isFolder: boolean): boolean {
    if (path === '.git' || path.endsWith('/.git') || this.isOwn(path)) return true;
    for (let end = path.lastIndexOf('/'); ; end = path.lastIndexOf('/', end - 1)) {
      const folder = end === -1 ? '' : path.slice(0, end);
      const rules = this.byFolder.get(folder);
      if (rules !== undefined) {
        const inside = folder === '' ? path : path.slice(folder.length + 1);
        const verdict = rules.test(isFolder ? `${inside}/` : inside);
        if (verdict.ignored) return true;
        if (verdict.unignored) return false;
      }
      if (end === -1) return false;
    }
  }
}

function folderOf(path: string): string {
  const end = path.lastIndexOf('/');
  return end === -1 ? '' : path.slice(0, end);
}
