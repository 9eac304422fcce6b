// Commands in the sandbox whose git repository lies outside of the folder that they may write: those of a git worktree,
// and of a folder of a repository. git reads it; nothing in it can be changed, and a hint says what to do instead.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { privateFolders } from '../../../src/agent/tools/sandbox/hidden-places.ts';
import { isInFolder } from '../../../src/base/is-in-folder.ts';
import { startApp } from '../../http/start-app.ts';
import { hasBubblewrap } from './real-bubblewrap.ts';

const author = ['-c', 'user.name=t', '-c', 'user.email=t@localhost'];

function git(cwd: string, ...args: string[]): string {
  return execFileSync('git', [...author, '-c', 'init.defaultBranch=main', ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

const modules = join(import.meta.dirname, '../../../node_modules');

/** Whether this clone can be written, and is outside of the folders that commands in the sandbox do not see. */
function isVisible(): boolean {
  if (privateFolders.some((folder) => isInFolder(realpathSync(modules), folder))) return false;
  try {
    accessSync(modules, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function visibleFolder(): string {
  const cache = join(modules, '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = realpathSync(mkdtempSync(join(cache, 'repository-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function makeRepository(workspace: string): void {
  mkdirSync(join(workspace, 'docs'));
  writeFileSync(join(workspace, 'docs', 'a.txt'), 'one\n');
  git(workspace, 'init', '--quiet');
  git(workspace, 'add', '.');
  git(workspace, 'commit', '--quiet', '-m', 'one');
}

/** A hash of all names and contents of a folder. */
function hashOf(folder: string): string {
  const hash = createHash('sha256');
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }).sort((a, b) =>
    join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1,
  )) {
    const path = join(entry.parentPath, entry.name);
    hash.update(`${path} `);
    if (entry.isFile()) hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}

interface Result {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly hint?: string;
}

describe.skipIf(!hasBubblewrap)('a repository outside of the folder of a session', () => {
  test('is not seen by commands if it is in the temporary folder; the result says so', async () => {
    const { client, workspace } = await startApp({ config: { sandbox: 'required', watch: false } });
    makeRepository(workspace);
    const { id } = await client.sessions.create({ worktree: true });
    const { result } = await client.tools.run('bash', { command: 'git status' }, { sessionId: id });
    expect(result).toMatchObject({
      hint: expect.stringMatching(/cannot see the git repository .*\.git.* Leave the changes uncommitted/),
    });
  });

  test.skipIf(!isVisible())(
    'is read by git in a command, and never changed; the result says what to do instead of a commit',
    async () => {
      const { client, workspace } = await startApp({
        folder: visibleFolder(),
        config: { sandbox: 'required', watch: false },
      });
      makeRepository(workspace);
      const repository = join(workspace, '.git');
      const worktree = await client.sessions.create({ worktree: { branch: 'mine/new', keep: 'never' } });
      const inFolder = await client.sessions.create({ workspace: 'docs' });
      const before = hashOf(repository);
      const runIn = async (sessionId: string, command: string): Promise<Result> =>
        (await client.tools.run('bash', { command }, { sessionId })).result as Result;

      for (const { id } of [worktree, inFolder]) {
        const folder = id === worktree.id ? 'docs/' : '';
        const read = await runIn(id, `echo two > ${folder}a.txt; git status --short; git log --format=%s`);
        expect(read, read.stderr).toMatchObject({ exitCode: 0, stdout: ` M ${folder}a.txt\none\n` });
        for (const command of [
          `git ${author.join(' ')} commit -am two`,
          'git add -A',
          'git switch -c other',
          'git branch other',
        ]) {
          const result = await runIn(id, command);
          expect(result.exitCode, command).not.toBe(0);
          expect(result.hint ?? result.stderr, command).toMatch(
            /cannot write the git repository .*\.git.* Leave the changes uncommitted/,
          );
        }
        expect((await runIn(id, 'cat none.txt; git status --short none; false')).hint).toBeUndefined();
        const [common] = (
          await runIn(id, 'git rev-parse --path-format=absolute --git-common-dir')
        ).stdout.split('\n');
        expect(common).toBe(repository);
        for (const path of [
          'hooks/post-checkout',
          'config',
          'refs/heads/mine/new',
          'refs/heads/main',
          'HEAD',
        ])
          expect((await runIn(id, `echo x > ${repository}/${path}`)).stderr).toContain(
            'Read-only file system',
          );
      }
      expect(hashOf(repository)).toBe(before);
      expect(git(workspace, 'fsck')).toBe('');

      // The server commits what is left, as the hint says.
      await client.sessions.delete(worktree.id);
      expect(git(workspace, 'show', 'mine/new:docs/a.txt')).toBe('two');
    },
  );
});
