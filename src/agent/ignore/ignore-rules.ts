// What git's ignore files leave out of a workspace: nested .gitignore files, and those that hold from outside; `.git` always. The rule
// nearest to a file decides, and what is in a folder that is left out is left out with it, as in git.

import { join } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { judgeOuter, noOuterRules, readIgnoreText, readOuterRules } from './outer-rules.ts';

export class IgnoreRules {
  private readonly root: string;
  private readonly except: ReadonlySet<string>;
  private readonly environment: NodeJS.ProcessEnv;
  private outer = noOuterRules;
  /** By folder, relative to the root; '' is the root. */
  private readonly byFolder = new Map<string, Ignore>();
  /** What was decided of folders: asked for every file in them. */
  private readonly folders = new Map<string, boolean>();

  /** `except`: what is left out besides, relative to the root. `environment`: where the user's ignore file is looked for. */
  constructor(root: string, except: readonly string[], environment: NodeJS.ProcessEnv) {
    this.root = root;
    this.except = new Set(except);
    this.environment = environment;
  }

  /** Reads the rules that are not in the workspace. */
  async loadOuter(): Promise<void> {
    this.outer = await readOuterRules(this.root, this.environment);
    this.folders.clear();
  }

  /** Reads the .gitignore of a folder, or forgets it if there is none any more. */
  async load(folder: string): Promise<void> {
    const text = await readIgnoreText(join(this.root, folder, '.gitignore'));
    if (text === undefined) this.forget(folder);
    else {
      this.byFolder.set(folder, ignore().add(text));
      this.folders.clear();
    }
  }

  forget(folder: string): void {
    if (this.byFolder.delete(folder)) this.folders.clear();
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

  private decide(path: string, isFolder: boolean): boolean {
    if (path === '.git' || path.endsWith('/.git') || this.except.has(path)) return true;
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
