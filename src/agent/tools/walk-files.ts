// Walks all files below a folder in a stable order. Skips files that .gitignore files ignore (nested ones too) and
// .git; does not follow links.

import type { Ignore } from 'ignore';
import { CodeBuddyError, exhaustionOf } from '../../base/errors.ts';
import { readIgnoreRules } from '../ignore/ignore-file.ts';
import { compileGlob, globInside } from './glob-pattern.ts';
import { WalkBounds } from './walk-bounds.ts';
import { maxPathDepth } from './workspace/bounds.ts';
import type { DirectoryEntry, Workspace } from './workspace.ts';

interface IgnoreRules {
  /** The folder of the .gitignore, relative to the workspace; '' for the root. */
  readonly folder: string;
  /** The workspace's path relative to the folder of an outer ignore file; '' for files in the workspace. */
  readonly prefix: string;
  readonly rules: Ignore;
}

/** A folder of the walk. */
interface Folder {
  /** Relative to the workspace; '' for the root. */
  readonly path: string;
  readonly depth: number;
  readonly entries: readonly DirectoryEntry[];
  /** The index of the next entry. */
  next: number;
  /** The rules of the folders above come first. */
  readonly rules: readonly IgnoreRules[];
}

/**
 * Yields paths relative to the workspace, with `/`. If `start` is a file, yields it even if it is ignored. Ends early
 * at the limits of `bounds`, which keep the reason, and throws when the signal aborts.
 * @throws CodeBuddyError if `start` cannot be read; unreadable folders below it are skipped
 */
export async function* walkFiles(
  workspace: Workspace,
  start: string,
  signal: AbortSignal,
  bounds: WalkBounds = new WalkBounds(),
): AsyncGenerator<string, void, undefined> {
  const from = workspace.relative(start);
  if (from !== '.' && (await isFile(workspace, start))) {
    yield from;
    return;
  }
  // Ignore rules of the folders above apply below.
  const outer = await workspace.outerRules();
  const above: IgnoreRules[] = outer.all.map(({ prefix, rules }) => ({ folder: '', prefix, rules }));
  const parts = from === '.' ? [] : from.split('/');
  for (let depth = 0; depth < parts.length; depth++) {
    signal.throwIfAborted();
    const own = await readIgnoreFile(workspace, parts.slice(0, depth).join('/'));
    if (own !== undefined) above.push(own);
  }
  // An explicit stack: nested generators would pass each path through every level.
  const first = await openFolder({ path: parts.join('/'), depth: parts.length, rules: above });
  const stack = first === undefined ? [] : [first];
  for (let folder = stack.at(-1); folder !== undefined; folder = stack.at(-1)) {
    if (bounds.isDue && !(await bounds.goOn(signal))) return;
    const entry = folder.entries[folder.next++];
    if (entry === undefined) {
      stack.pop();
      continue;
    }
    const { name, kind } = entry;
    if (name === '.git' || (kind !== 'file' && kind !== 'directory')) continue;
    const path = folder.path === '' ? name : `${folder.path}/${name}`;
    if (isIgnored(folder.rules, path, kind === 'directory')) continue;
    if (kind === 'file') {
      yield path;
      continue;
    }
    if (folder.depth >= maxPathDepth) {
      bounds.leaveOut('depth');
      continue;
    }
    try {
      const child = await openFolder({ path, depth: folder.depth + 1, rules: folder.rules });
      if (child === undefined) return;
      stack.push(child);
    } catch (error) {
      // A folder that is gone or may not be read does not end the walk.
      if (!(error instanceof CodeBuddyError) || exhaustionOf(error) !== undefined) throw error;
    }
  }

  /** Undefined if its entries exceed the limit. */
  async function openFolder({ path, depth, rules }: Pick<Folder, 'path' | 'depth' | 'rules'>) {
    signal.throwIfAborted();
    const { entries, truncated } = await workspace.readDirectory(
      path === '' ? '.' : path,
      bounds.maxEntriesOfFolder,
    );
    if (truncated) bounds.leaveOut('entries');
    if (!bounds.takeEntries(entries.length)) return undefined;
    const sorted = [...entries].sort((left, right) => (left.name < right.name ? -1 : 1));
    const hasRules = sorted.some(({ name, kind }) => name === '.gitignore' && kind === 'file');
    const own = hasRules ? await readIgnoreFile(workspace, path) : undefined;
    const folder: Folder = {
      path,
      depth,
      entries: sorted,
      next: 0,
      rules: own === undefined ? rules : [...rules, own],
    };
    return folder;
  }
}

/**
 * Tells which entries of a folder are ignored. All entries of an ignored folder are.
 */
export async function isIgnoredIn(
  workspace: Workspace,
  folder: string,
): Promise<(name: string, isDirectory: boolean) => boolean> {
  const outer = await workspace.outerRules();
  const rules: IgnoreRules[] = outer.all.map(({ prefix, rules }) => ({ folder: '', prefix, rules }));
  const parts = folder === '.' ? [] : folder.split('/');
  for (let depth = 0; depth <= parts.length; depth++) {
    const above = parts.slice(0, depth).join('/');
    if (parts[depth - 1] === '.git' || (depth > 0 && isIgnored(rules, above, true))) return () => true;
    const own = await readIgnoreFile(workspace, above);
    if (own !== undefined) rules.push(own);
  }
  const prefix = folder === '.' ? '' : `${folder}/`;
  return (name, isDirectory) => name === '.git' || isIgnored(rules, `${prefix}${name}`, isDirectory);
}

async function isFile(workspace: Workspace, path: string): Promise<boolean> {
  const { stats } = await workspace.realFile(path);
  // Other errors of the path show when it is read as a folder.
  return stats?.isFile() === true;
}

/** The rule nearest to the file decides, as in git. */
function isIgnored(rules: readonly IgnoreRules[], path: string, isDirectory: boolean): boolean {
  for (let i = rules.length - 1; i >= 0; i--) {
    const { folder, prefix, rules: own } = rules[i] as IgnoreRules;
    const inside = prefix + (folder === '' ? path : path.slice(folder.length + 1));
    const verdict = own.test(isDirectory ? `${inside}/` : inside);
    if (verdict.ignored) return true;
    if (verdict.unignored) return false;
  }
  return false;
}

async function readIgnoreFile(workspace: Workspace, folder: string): Promise<IgnoreRules | undefined> {
  try {
    const handle = await workspace.openFile(folder === '' ? '.gitignore' : `${folder}/.gitignore`, 'own');
    try {
      const rules = await readIgnoreRules(handle);
      return rules === undefined ? undefined : { folder, prefix: '', rules };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof CodeBuddyError && exhaustionOf(error) === undefined) return undefined;
    throw error;
  }
}

/** Tests the path of a walked file against a glob, relative to the folder where the walk began. */
export function walkFilter(workspace: Workspace, start: string, glob: string): (file: string) => boolean {
  const absolute = globInside(glob, workspace.roots);
  const matches = compileGlob(absolute ?? glob, { orLiteral: true });
  if (absolute !== undefined) return matches;
  const from = workspace.relative(start);
  if (from === '.') return matches;
  return (file) =>
    matches(file === from ? file.slice(file.lastIndexOf('/') + 1) : file.slice(from.length + 1));
}
