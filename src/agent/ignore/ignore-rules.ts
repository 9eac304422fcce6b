// Applies git's ignore rules to a workspace: nested .gitignore files and rules from outside it. `.git` is always
// ignored. As in git, the rule nearest to a file decides, and everything in an ignored folder is ignored.

import { join, posix } from 'node:path';
import type { Ignore } from 'ignore';
import { copiesOf, hasStar, withoutStar } from '../own-files.ts';
import { readIgnoreFile } from './ignore-file.ts';
import { judgeOuter, noOuterRules, readOuterRules } from './outer-rules.ts';

export class IgnoreRules {
  private readonly root: string;
  private readonly except: ReadonlySet<string>;
  private readonly copies: readonly { readonly folder: string; readonly isCopy: (name: string) => boolean }[];
  private readonly environment: NodeJS.ProcessEnv;
  private outer = noOuterRules;
  /** By folder, relative to the root; '' is the root. */
  private readonly byFolder = new Map<string, Ignore>();
  /** Decisions about folders, since they are asked for every file. */
  private readonly folders = new Map<string, boolean>();
  private changes = 0;

  /**
   * `except`: other files and folders to ignore, as entries of own-files.ts but relative to the root. `environment`:
   * determines where the user's ignore file is.
   */
  constructor(root: string, except: readonly string[], environment: NodeJS.ProcessEnv) {
    this.root = root;
    this.environment = environment;
    this.except = new Set(except.map(withoutStar));
    this.copies = except.filter(hasStar).map((entry) => {
      const path = withoutStar(entry);
      return { folder: folderOf(path), isCopy: copiesOf(posix.basename(path)) };
    });
  }

  /** Changes when the rules do. Files that a rule ignores, or does not, stay so until then. */
  get version(): number {
    return this.changes;
  }

  /** Reads the rules that are kept outside the workspace. */
  async loadOuter(): Promise<void> {
    const outer = await readOuterRules(this.root, this.environment, this.outer);
    if (outer === this.outer) return;
    this.outer = outer;
    this.changed();
  }

  /** Reads the .gitignore of a folder, or forgets it if it is gone. */
  async load(folder: string): Promise<void> {
    const earlier = this.byFolder.get(folder);
    const rules = await readIgnoreFile(join(this.root, folder, '.gitignore'), earlier);
    if (rules === undefined) this.forget(folder);
    else if (rules !== earlier) {
      this.byFolder.set(folder, rules);
      this.changed();
    }
  }

  forget(folder: string): void {
    if (this.byFolder.delete(folder)) this.changed();
  }

  private changed(): void {
    this.changes++;
    this.folders.clear();
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
      if (end === -1) return judgeOuter(this.outer, isFolder ? `${path}/` : path) ?? false;
    }
  }
}

function folderOf(path: string): string {
  const end = path.lastIndexOf('/');
  return end === -1 ? '' : path.slice(0, end);
}
