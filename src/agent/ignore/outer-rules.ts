// Ignore rules from outside the workspace, as git reads them: the user's ignore file, `.git/info/exclude` of the
// repository, and the .gitignore files of the folders between the repository and the workspace.

import { execFile } from 'node:child_process';
import { realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Ignore } from 'ignore';
import { createProgramFinder } from '../programs/program-finder.ts';
import { readIgnoreFile, readSmallText } from './ignore-file.ts';

export interface OuterRules {
  /**
   * Later rules win. `prefix`: the workspace's path relative to the folder of the rules, with `/` at its end; or ''.
   */
  readonly all: readonly { readonly prefix: string; readonly rules: Ignore }[];
}

export const noOuterRules: OuterRules = { all: [] };

/** Rules that ignore the whole workspace do not apply. `earlier` is returned if all rules are still the same. */
export async function readOuterRules(
  root: string,
  environment: NodeJS.ProcessEnv,
  earlier: OuterRules = noOuterRules,
): Promise<OuterRules> {
  const repository = await findRepository(root);
  if (repository === undefined) return noOuterRules;
  const base = repository.folder;
  const folders: string[] = [];
  for (let folder = root; folder !== base; ) {
    folder = dirname(folder);
    folders.unshift(folder);
  }
  const files = [
    { file: await userIgnoreFile(root, environment), folder: base },
    { file: join(repository.gitFolder, 'info', 'exclude'), folder: base },
    ...folders.map((folder) => ({ file: join(folder, '.gitignore'), folder })),
  ];
  const all: { prefix: string; rules: Ignore }[] = [];
  for (const { file, folder } of files) {
    const rules = await readIgnoreFile(file, earlier.all[all.length]?.rules);
    if (rules === undefined) continue;
    const path = relative(folder, root).replaceAll(sep, '/');
    all.push({ prefix: path === '' ? '' : `${path}/`, rules });
  }
  const isWorkspaceIgnored = all.some(({ prefix, rules }) => prefix !== '' && rules.ignores(prefix));
  if (isWorkspaceIgnored) return noOuterRules;
  const isSame =
    all.length === earlier.all.length &&
    all.every(
      ({ prefix, rules }, at) => earlier.all[at]?.prefix === prefix && earlier.all[at].rules === rules,
    );
  return isSame ? earlier : { all };
}

/** Undefined if no rule matches. */
export function judgeOuter({ all }: OuterRules, path: string): boolean | undefined {
  for (let i = all.length - 1; i >= 0; i--) {
    const { prefix, rules } = all[i] as OuterRules['all'][number];
    const verdict = rules.test(prefix + path);
    if (verdict.ignored) return true;
    if (verdict.unignored) return false;
  }
  return undefined;
}

async function findRepository(
  root: string,
): Promise<{ readonly folder: string; readonly gitFolder: string } | undefined> {
  for (let folder = root; ; folder = dirname(folder)) {
    const entry = join(folder, '.git');
    const stats = await stat(entry).catch(() => undefined);
    if (stats?.isDirectory()) return { folder, gitFolder: entry };
    if (stats?.isFile()) return { folder, gitFolder: await linkedGitFolder(folder, entry) };
    if (folder === dirname(folder)) return undefined;
  }
}

/**
 * The git folder that the `.git` file of a worktree or submodule names; for a worktree, the common folder that
 * `commondir` names.
 */
async function linkedGitFolder(folder: string, entry: string): Promise<string> {
  const named = /^gitdir: (.+)$/m.exec((await readSmallText(entry)) ?? '')?.[1];
  const own = resolve(folder, named ?? '.git');
  const common = (await readSmallText(join(own, 'commondir')))?.trim();
  return common === undefined ? own : realpath(resolve(own, common)).catch(() => own);
}

/** `core.excludesFile` as git itself reports it, since its configuration has many places; otherwise git's default. */
async function userIgnoreFile(root: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const home = environment.HOME ?? homedir();
  const git = createProgramFinder({ path: environment.PATH, untrusted: [root] }).findSystem('git');
  const configured = await new Promise<string>((done) => {
    if (git === undefined) return done('');
    execFile(
      git,
      ['config', '--type=path', '--get', 'core.excludesFile'],
      { cwd: root, env: environment, timeout: 5000 },
      (error, stdout) => done(error === null ? stdout.trim() : ''),
    );
  });
  if (configured !== '') return resolve(root, configured);
  return join(environment.XDG_CONFIG_HOME || join(home, '.config'), 'git', 'ignore');
}
