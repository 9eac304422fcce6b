// Files that other programs run later are written only with their own permission, in every spelling of their name.

import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFilesThatRunLater } from '../../src/agent/permissions/files-that-run-later.ts';
import { doubtfulVariables, hooksPathIn } from '../../src/agent/permissions/git-config.ts';
import { startAgent } from './start-agent.ts';
import { calls, says, startModelAgent } from './start-model-agent.ts';

type Options = NonNullable<Parameters<typeof startModelAgent>[1]>;

/**
 * Runs a prompt whose model writes one file. Returns whether that needed a permission, and whether the file was
 * written.
 */
async function write(
  path: string,
  options: Options,
  prepare: (workspace: string) => void = () => undefined,
): Promise<{ readonly asks: boolean; readonly isWritten: boolean; readonly reason: string }> {
  const running = await startModelAgent(
    [calls('write_file', { path, content: 'planted' }), says('done')],
    options,
  );
  const { agent, workspace } = running;
  prepare(workspace);
  const { result, asked } = await agent.runs.start({ prompt: 'go', options: {}, requestId: 'r' });
  result.catch(() => undefined);
  const first = await Promise.race([result.then(() => undefined), asked]);
  const file = join(workspace, path);
  const isWritten = existsSync(file) && readFileSync(file, 'utf8') === 'planted';
  return { asks: first !== undefined, isWritten, reason: first?.reason ?? '' };
}

describe('in mode auto-edit a write of', () => {
  it.each([
    '.git/hooks/pre-commit',
    '.git/config',
    '.git',
    '.git/worktrees/x/config.worktree',
    'sub/.git/config',
    'sub/.git',
    '.gitmodules',
    '.npmrc',
    'packages/a/.npmrc',
    '.yarnrc.yml',
    '.pnpmfile.cjs',
    '.envrc',
    'mise.toml',
    '.tool-versions',
    '.vscode/tasks.json',
    'sub/.vscode/settings.json',
    '.idea/workspace.xml',
    'x.code-workspace',
    '.exrc',
    '.mcp.json',
    '.cursor/mcp.json',
    '.claude/settings.json',
    '.codex/config.toml',
    '.gemini/settings.json',
    'opencode.json',
    '.devcontainer/devcontainer.json',
    '.github/workflows/ci.yml',
    '.gitlab-ci.yml',
    '.circleci/config.yml',
    'azure-pipelines.yml',
    'Jenkinsfile',
    '.pre-commit-config.yaml',
    'lefthook.yml',
    '.husky/pre-commit',
    '.githooks/pre-push',
    '.bashrc',
    'node_modules/.bin/tsc',
    '.venv/bin/python',
    // The same files in other spellings.
    './.git/../.git/config',
    '.GIT/config',
    '.Git/hooks/x',
    '.NPMRC',
    '.VSCode/tasks.json',
    '.GitHub/Workflows/ci.yml',
    '.g\u200cit/config',
    'ſitecuſtomize.py',
  ])('%s asks', async (path) => {
    const { asks, isWritten, reason } = await write(path, { permissionMode: 'auto-edit' });
    expect(asks).toBe(true);
    expect(isWritten).toBe(false);
    expect(reason).toContain('run later by');
  });

  it.each([
    'src/a.ts',
    'package.json',
    'Makefile',
    '.gitignore',
    '.github/CODEOWNERS',
    'AGENTS.md',
    'gitconfig',
  ])('%s does not ask', async (path) => {
    expect(await write(path, { permissionMode: 'auto-edit' })).toMatchObject({
      asks: false,
      isWritten: true,
    });
  });

  it('a file behind a link, or behind a link to its folder, asks', async () => {
    const link = (from: string, to: string) => (workspace: string) => {
      mkdirSync(join(workspace, '.git', 'hooks'), { recursive: true });
      writeFileSync(join(workspace, '.git', 'config'), '');
      symlinkSync(to, join(workspace, from));
    };
    const options: Options = { permissionMode: 'auto-edit' };
    expect((await write('notes.txt', options, link('notes.txt', '.git/config'))).asks).toBe(true);
    expect((await write('docs/pre-commit', options, link('docs', '.git/hooks'))).asks).toBe(true);
    expect((await write('docs/hooks/new/x', options, link('docs', '.git'))).asks).toBe(true);
  });

  it('a file that the setting protectedPaths names asks', async () => {
    const options: Options = { permissionMode: 'auto-edit', protectedPaths: ['deploy/**', '*.tf'] };
    expect((await write('deploy/a/run.sh', options)).asks).toBe(true);
    expect((await write('infra/main.tf', options)).asks).toBe(true);
    expect((await write('sub/deploy/run.sh', options)).asks).toBe(false);
  });

  it('a file in the folder that core.hooksPath names asks', async () => {
    const prepare = (workspace: string): void => {
      mkdirSync(join(workspace, '.git'));
      writeFileSync(join(workspace, '.git', 'config'), '[core]\n\thooksPath = tools/hooks\n');
    };
    expect((await write('tools/hooks/pre-commit', { permissionMode: 'auto-edit' }, prepare)).asks).toBe(true);
    expect((await write('tools/other', { permissionMode: 'auto-edit' }, prepare)).asks).toBe(false);
  });
});

describe('in mode auto-edit, a repository under any folder name', () => {
  const layout =
    (...names: readonly string[]) =>
    (workspace: string): void => {
      for (const name of names)
        if (name === 'HEAD' || name === 'commondir') {
          mkdirSync(join(workspace, 'sub'), { recursive: true });
          writeFileSync(join(workspace, 'sub', name), 'ref: refs/heads/main');
        } else mkdirSync(join(workspace, 'sub', name), { recursive: true });
    };
  it.each([
    ['sub/config', layout('HEAD', 'objects', 'refs'), true],
    ['sub/hooks/post-checkout', layout('HEAD', 'objects', 'refs'), true],
    ['sub/HEAD', layout('objects', 'refs'), true],
    ['sub/refs/x', layout('HEAD', 'objects'), true],
    ['sub/commondir', layout('HEAD'), true],
    ['sub/config', layout('objects', 'refs'), false],
    ['sub/HEAD', layout(), false],
  ])('a write of %s (%#) asks only if the folder is or becomes a repository', async (path, prepare, asks) => {
    expect((await write(path, { permissionMode: 'auto-edit' }, prepare)).asks).toBe(asks);
  });
});

describe('an allow rule', () => {
  it.each([
    ['write_file', true],
    ['write_file(*)', true],
    ['write_file(**)', true],
    ['write_file(**/*)', true],
    ['*', true],
    ['write_file(.g*/**)', true],
    ['write_file(.git/**)', false],
    ['write_file(.git/hooks/pre-commit)', false],
    ['write_file(.git/hooks/*)', false],
    ['write_file(.vscode/**)', true],
  ])('%s: a write of a hook asks: %s', async (rule, asks) => {
    const permissions = { allow: [rule], deny: [] };
    const outcome = await write('.git/hooks/pre-commit', { permissionMode: 'ask', permissions });
    expect(outcome).toMatchObject({ asks, isWritten: !asks });
  });

  it('for an ordinary file does not cover a hook behind a link', async () => {
    const permissions = { allow: ['write_file(docs/**)'], deny: [] };
    const outcome = await write('docs/pre-commit', { permissionMode: 'ask', permissions }, (workspace) => {
      mkdirSync(join(workspace, '.git', 'hooks'), { recursive: true });
      symlinkSync('.git/hooks', join(workspace, 'docs'));
    });
    expect(outcome.asks).toBe(true);
  });
});

it('mode full writes these files without asking; a deny rule still forbids', async () => {
  expect(await write('.npmrc', { permissionMode: 'full' })).toEqual({
    asks: false,
    isWritten: true,
    reason: '',
  });
  const permissions = { allow: [], deny: ['write_file(.npmrc)'] };
  expect(await write('.npmrc', { permissionMode: 'full', permissions })).toMatchObject({ isWritten: false });
});

it('allow_always for a file does not cover a hook that the file later links to', async () => {
  const replies = [calls('write_file', { path: 'a.txt', content: '1' }), says('one')];
  const { agent, workspace, server } = await startModelAgent([...replies, ...replies], {
    permissionMode: 'ask',
  });
  const first = await agent.runs.start({ prompt: 'go', options: {}, requestId: 'r' });
  await agent.permissions.decide((await first.asked).id, 'allow_always');
  await first.result;
  mkdirSync(join(workspace, '.git', 'hooks'), { recursive: true });
  writeFileSync(join(workspace, '.git', 'hooks', 'pre-commit'), '');
  writeFileSync(join(workspace, 'a.txt'), '');
  rmSync(join(workspace, 'a.txt'));
  symlinkSync('.git/hooks/pre-commit', join(workspace, 'a.txt'));
  const second = await agent.runs.start({
    prompt: 'again',
    sessionId: first.run.sessionId,
    options: {},
    requestId: 'r',
  });
  second.result.catch(() => undefined);
  expect(await second.asked).toMatchObject({ rule: 'write_file(.git/hooks/pre-commit)' });
  expect(server.requests.length).toBeGreaterThan(0);
});

it('a write through a hard link of a hook does not change the hook', async () => {
  const { agent, workspace } = await startModelAgent(
    [
      calls('write_file', { path: 'a.txt', content: 'evil' }),
      calls('edit_file', { path: 'b.txt', oldText: 'old', newText: 'evil' }),
      says('done'),
    ],
    { permissionMode: 'ask', permissions: { allow: ['write_file(*.txt)', 'edit_file(*.txt)'], deny: [] } },
  );
  mkdirSync(join(workspace, '.git', 'hooks'), { recursive: true });
  for (const [name, link] of [
    ['pre-commit', 'a.txt'],
    ['pre-push', 'b.txt'],
  ] as const) {
    writeFileSync(join(workspace, '.git/hooks', name), 'old');
    linkSync(join(workspace, '.git/hooks', name), join(workspace, link));
  }
  const { run, result } = await agent.runs.start({ prompt: 'go', options: {}, requestId: 'r' });
  result.catch(() => undefined);
  for (let left = 2; left > 0; left--) {
    await expect.poll(() => agent.permissions.list({ runId: run.id })).toHaveLength(1);
    const [permission] = agent.permissions.list({ runId: run.id });
    await agent.permissions.decide(permission?.id ?? '', 'allow');
  }
  await result;
  expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('evil');
  expect(readFileSync(join(workspace, 'b.txt'), 'utf8')).toBe('evil');
  expect(readFileSync(join(workspace, '.git/hooks/pre-commit'), 'utf8')).toBe('old');
  expect(readFileSync(join(workspace, '.git/hooks/pre-push'), 'utf8')).toBe('old');
});

it('the offline agent asks, too, and writes the file once it is allowed', async () => {
  const { agent, workspace } = await startAgent();
  const { asked, result } = await agent.runs.start({
    prompt: 'write .npmrc: x=1',
    options: {},
    requestId: 'r',
    mayUseTools: true,
  });
  const permission = await asked;
  expect(permission).toMatchObject({ tool: 'write_file', rule: 'write_file(.npmrc)' });
  expect(existsSync(join(workspace, '.npmrc'))).toBe(false);
  await agent.permissions.decide(permission.id, 'allow');
  expect((await result).response).toContain('Created .npmrc');
  expect(readFileSync(join(workspace, '.npmrc'), 'utf8')).toBe('x=1');
});

it('a direct tool call writes these files without asking', async () => {
  const { tool } = await startAgent();
  expect(await tool('write_file', { path: '.npmrc', content: '' })).toMatchObject({ created: true });
});

it('a link that leads elsewhere since the permission is not followed', async () => {
  const { agent, workspace } = await startAgent();
  mkdirSync(join(workspace, '.git'));
  symlinkSync('.git', join(workspace, 'docs'));
  const { signal } = new AbortController();
  const call = await agent.tools.prepare('write_file', { path: 'docs/config', content: 'planted' });
  const outcome = await agent.tools.run(call, { signal, guard: { allowed: undefined } });
  expect(outcome).toMatchObject({ ok: false, error: { code: 'permission_denied' } });
  expect(existsSync(join(workspace, '.git', 'config'))).toBe(false);
});

describe('the list', () => {
  it('names what runs each file', () => {
    const list = createFilesThatRunLater();
    expect(list.match('a/.vscode/tasks.json')).toMatchObject({ kind: 'ask', top: 'a/.vscode' });
    expect(list.match('package.json')).toMatchObject({ kind: 'tell' });
    expect(list.match('x.config.js/.git/config')).toMatchObject({ kind: 'ask', top: 'x.config.js/.git' });
    expect(list.match('src/index.ts')).toBeUndefined();
  });

  it('refuses an invalid pattern in the setting', () => {
    expect(() => createFilesThatRunLater(['deploy/{a'])).toThrow('glob pattern');
  });
});

describe('a git configuration', () => {
  it.each([
    ['[core]\n\trepositoryformatversion = 0\n\tbare = false\n[remote "o"]\n\turl = /x\n', []],
    ['[core]\n\tfsmonitor = ./x\n', ['core.fsmonitor']],
    ['[CORE] fsMonitor=./x', ['core.fsmonitor']],
    ['# a \\\n[core]\nfsmonitor = x\n', ['?']],
    ['[core "a"] [alias] x = !y', ['alias.x']],
    ['[include]\n\tpath = ../x\n', ['include.path']],
    ['[core]\nfs\\\nmonitor = x\n', ['?']],
    ['[core.x]\na=b', ['?']],
    ['\ufeff[core]\nsshCommand = x\n', ['core.sshcommand']],
    ['fsmonitor = x\n', ['?']],
  ])('%j has the doubtful variables %j', (text, doubtful) => {
    expect(doubtfulVariables(text)).toEqual(doubtful);
  });

  it('names its hooks folder', () => {
    expect(hooksPathIn('[core]\n\thooksPath = .husky/_\n')).toBe('.husky/_');
    expect(hooksPathIn('[core]\n')).toBeUndefined();
  });
});
