// All files below a folder, in a stable order, without what .gitignore leaves out (nested ones too), without .git, without following links.

import ignore, { type Ignore } from 'ignore';
import { CodeBuddyError } from '../../errors.ts';
import { compileGlob, globInside } from './glob-pattern.ts';
import type { Workspace } from './workspace.ts';

const maxIgnoreFileBytes = 1_048_576;

interface IgnoreRules {
  /** The folder of the .gitignore, relative to the workspace; '' for the root. */
  readonly folder: string;
  /** Where the workspace is, seen from a file outside of it; '' for files in it. */
  readonly prefix: string;
  readonly rules: Ignore;
}

/**
 * Yields paths relative to the workspace, with `/`; of a file, its own, whether it is left out or not. Ends early, quietly, when the signal
 * aborts.
 */
export async function* walkFiles(
  workspace: Workspace,
  start: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const from = workspace.relative(start);
  const folder = from === '.' ? '' : from;
  if (folder !== '' && (await isFile(workspace, start))) {
    yield folder;
    return;
  }
  // What the folders above say holds for the ones below.
  const outer = await workspace.outerRules();
  const inherited: IgnoreRules[] = outer.all.map(({ prefix, rules }) => ({ folder: '', prefix, rules }));
  const parts = folder === '' ? [] : folder.split('/');
  for (let depth = 0; depth < parts.length; depth++) {
    const own = await readIgnoreFile(workspace, parts.slice(0, depth).join('/'));
    if (own !== undefined) inherited.push(own);
  }
  yield* walkFolder(workspace, folder, inherited, signal);
}

async function isFile(workspace: Workspace, path: string): Promise<boolean> {
  try {
    await (await workspace.openFile(path)).close();
    return true;
  } catch (error) {
    // Whatever else is wrong with the path is found when it is read as a folder.
    if (error instanceof CodeBuddyError) return false;
    throw error;
  }
}

async function* walkFolder(
  workspace: Workspace,
  folder: string,
  inherited: readonly IgnoreRules[],
  signal: AbortSignal,
): AsyncGenerator<string> {
  if (signal.aborted) return;
  const entries = [...(await workspace.readDirectory(folder === '' ? '.' : folder))];
  entries.sort((left, right) => (left.name < right.name ? -1 : 1));
  let rules = inherited;
  if (entries.some(({ name, kind }) => name === '.gitignore' && kind === 'file')) {
    const own = await readIgnoreFile(workspace, folder);
    if (own !== undefined) rules = [...inherited, own];
  }
  for (const { name, kind } of entries) {
    const path = folder === '' ? name : `${folder}/${name}`;
    if (name === '.git' || isIgnored(rules, path, kind === 'directory')) continue;
    if (kind === 'file') yield path;
    else if (kind === 'directory') {
      try {
        yield* walkFolder(workspace, path, rules, signal);
      } catch (error) {
        // A folder that went away or may not be read while we walk does not end the walk.
        if (!(error instanceof CodeBuddyError) || error.code === 'out_of_resources') throw error;
      }
    }
  }
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
    const handle = await workspace.openFile(folder === '' ? '.gitignore' : `${folder}/.gitignore`);
    try {
      if ((await handle.stat()).size > maxIgnoreFileBytes) return undefined;
      return { folder, prefix: '', rules: ignore().add(await handle.readFile('utf8')) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof CodeBuddyError && error.code !== 'out_of_resources') return undefined;
    throw error;
  }
}

/** The test of a walked file's path against a glob, as seen from the folder where the walk began. */
export function walkFilter(workspace: Workspace, start: string, glob: string): (file: string) => boolean {
  const absolute = globInside(glob, workspace.roots);
  const matches = compileGlob(absolute ?? glob, { orLiteral: true });
  if (absolute !== undefined) return matches;
  const from = workspace.relative(start);
  if (from === '.') return matches;
  return (file) =>
    matches(file === from ? file.slice(file.lastIndexOf('/') + 1) : file.slice(from.length + 1));
}
