// What .gitignore files leave out, nested ones too; `.git` always. The rule nearest to a file decides, and what is in a folder that is left
// out is left out with it, as in git.

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import ignore, { type Ignore } from 'ignore';

const maxIgnoreFileBytes = 1_048_576;
/** `ignore` keeps its verdict on every path it was ever asked about; from time to time it starts afresh. */
const maxVerdicts = 100_000;

interface Rules {
  readonly text: string;
  tester: Ignore;
  asked: number;
}

export class IgnoreRules {
  readonly #root: string;
  readonly #exclude: (path: string) => boolean;
  /** By folder, relative to the root; '' is the root. */
  readonly #byFolder: Map<string, Rules>;
  /** What was decided of folders: asked for every file in them. */
  readonly #folders = new Map<string, boolean>();

  /** `exclude`: what is left out besides, relative to the root. */
  constructor(
    root: string,
    exclude: (path: string) => boolean,
    byFolder: ReadonlyMap<string, Rules> = new Map(),
  ) {
    this.#root = root;
    this.#exclude = exclude;
    this.#byFolder = new Map(byFolder);
  }

  /** The rules as they are now, to be asked after they have changed. */
  copy(): IgnoreRules {
    return new IgnoreRules(this.#root, this.#exclude, this.#byFolder);
  }

  /** Reads the .gitignore of a folder, or forgets it if there is none any more. Says whether anything is different now. */
  async load(folder: string): Promise<boolean> {
    const text = await readIgnoreFile(join(this.#root, folder, '.gitignore'));
    if (text === this.#byFolder.get(folder)?.text) return false;
    if (text === undefined) this.#byFolder.delete(folder);
    else this.#byFolder.set(folder, { text, tester: ignore().add(text), asked: 0 });
    this.#folders.clear();
    return true;
  }

  /** The folder is gone, and the ones below. */
  forget(folder: string): void {
    for (const name of this.#byFolder.keys())
      if (name === folder || name.startsWith(`${folder}/`)) this.#byFolder.delete(name);
    this.#folders.clear();
  }

  isIgnored(path: string, isFolder: boolean): boolean {
    if (path === '') return false;
    const parent = path.lastIndexOf('/');
    if (parent !== -1 && this.#isFolderIgnored(path.slice(0, parent))) return true;
    return isFolder ? this.#isFolderIgnored(path) : this.#decide(path, false);
  }

  #isFolderIgnored(folder: string): boolean {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const parent = folder.lastIndexOf('/');
    const verdict =
      (parent !== -1 && this.#isFolderIgnored(folder.slice(0, parent))) || this.#decide(folder, true);
    if (this.#folders.size >= maxVerdicts) this.#folders.clear();
    this.#folders.set(folder, verdict);
    return verdict;
  }

  #decide(path: string, isFolder: boolean): boolean {
    if (path === '.git' || path.endsWith('/.git') || this.#exclude(path)) return true;
    for (let end = path.lastIndexOf('/'); ; end = path.lastIndexOf('/', end - 1)) {
      const folder = end === -1 ? '' : path.slice(0, end);
      const rules = this.#byFolder.get(folder);
      if (rules !== undefined) {
        const inside = folder === '' ? path : path.slice(folder.length + 1);
        if (++rules.asked % maxVerdicts === 0) rules.tester = ignore().add(rules.text);
        const verdict = rules.tester.test(isFolder ? `${inside}/` : inside);
        if (verdict.ignored) return true;
        if (verdict.unignored) return false;
      }
      if (end === -1) return false;
    }
  }
}

/** Undefined where there is none, or none that may be read; a link is not followed, as in git. */
async function readIgnoreFile(path: string): Promise<string | undefined> {
  try {
    // Not to be caught by a pipe of that name.
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat();
      if (!stats.isFile() || stats.size > maxIgnoreFileBytes) return undefined;
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch {
    // Most folders have none; one that cannot be read says nothing.
    return undefined;
  }
}
