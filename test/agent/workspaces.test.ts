// Workspaces of sessions, over the API: which folders they may be, and that everything of a session follows its own.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { WorktreeInput } from '../../src/contract/workspace.ts';
import { startApp } from '../http/start-app.ts';
import { waitFor } from '../wait-for.ts';
import { startModelServer } from './model-server.ts';
import { says } from './start-model-agent.ts';

function git(cwd: string, ...args: string[]): string {
  const author = ['-c', 'user.name=t', '-c', 'user.email=t@localhost', '-c', 'init.defaultBranch=main'];
  return execFileSync('git', [...author, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

/** A repository in the workspace with one commit. */
function makeRepository(folder: string): void {
  writeFileSync(join(folder, 'a.txt'), 'one\n');
  git(folder, 'init', '--quiet');
  git(folder, 'add', '.');
  git(folder, 'commit', '--quiet', '-m', 'one');
}

test('a session works in its own folder: tools, rules, AGENTS.md, events, forks and after a restart', async () => {
  const server = await startModelServer(says('hi'));
  const options = {
    config: {
      models: ['offline'],
      providers: { local: { baseURL: `${server.url}/v1`, apiKey: 'secret-of-provider' } },
      permissions: { allow: [], deny: ['read_file(private/**)', 'read_file(site/own/**)'] },
    },
  };
  const first = await startApp(options);
  const { client, workspace, write } = first;
  write('site/a.txt', 'of the site');
  write('site/own/b.txt', 'x');
  write('private/c.txt', 'x');
  write('a.txt', 'of the server');
  write('site/AGENTS.md', 'Rules of the site.');
  const session = await client.sessions.create({ workspace: 'site' });
  const site = join(workspace, 'site');
  expect(session).toMatchObject({ workspace: site });
  expect((await client.sessions.create()).workspace).toBe(workspace);

  const sessionId = session.id;
  const read = await client.prompt({ prompt: 'read a.txt', sessionId });
  expect(read.response).toContain('of the site');
  expect(await client.tools.run('read_file', { path: 'a.txt' }, { sessionId })).toMatchObject({
    result: { content: 'of the site' },
  });
  // Rules of the folders above it apply, as their paths are seen from there.
  await expect(client.tools.run('read_file', { path: 'own/b.txt' }, { sessionId })).rejects.toMatchObject({
    code: 'permission_denied',
  });
  const inPrivate = await client.sessions.create({ workspace: 'private' });
  await expect(
    client.tools.run('read_file', { path: 'c.txt' }, { sessionId: inPrivate.id }),
  ).rejects.toMatchObject({ code: 'permission_denied' });
  await expect(client.tools.run('read_file', { path: '../a.txt' }, { sessionId })).rejects.toMatchObject({
    code: 'outside_workspace',
  });
  await expect(
    client.tools.run('read_file', { path: 'a.txt' }, { sessionId: 'ses_none' }),
  ).rejects.toMatchObject({
    code: 'session_not_found',
  });

  await client.tools.run('write_file', { path: 'new.txt', content: 'n' }, { sessionId });
  expect(readFileSync(join(site, 'new.txt'), 'utf8')).toBe('n');
  const { events } = await client.events.list({ type: 'file.create' });
  expect(events.find(({ data }) => 'path' in data && data.path === 'new.txt')?.data).toMatchObject({
    workspace: site,
  });

  await client.prompt({ prompt: 'hello', sessionId, options: { model: 'local/test-model' } });
  expect(JSON.stringify(server.requests.at(-1)?.body)).toContain('Rules of the site.');
  expect(JSON.stringify(server.requests.at(-1)?.body)).toContain(JSON.stringify(site).slice(1, -1));

  expect(await client.sessions.fork(sessionId)).toMatchObject({ workspace: site });
  expect((await client.sessions.list({ workspace: site })).sessions).toHaveLength(2);
  await expect(
    client.prompt({ prompt: 'help', sessionId, options: { workspace: 'private' } }),
  ).rejects.toMatchObject({ code: 'session_workspace_mismatch', status: 409 });
  await client.prompt({ prompt: 'help', sessionId, options: { workspace: 'site' } });

  await first.app.stop();
  const again = await startApp({ ...options, folder: join(workspace, '..') });
  const later = await again.client.prompt({ prompt: 'read a.txt', sessionId });
  expect(later.response).toContain('of the site');

  renameSync(site, join(workspace, 'moved'));
  await expect(again.client.prompt({ prompt: 'read a.txt', sessionId })).rejects.toMatchObject({
    code: 'workspace_unavailable',
    message: expect.stringContaining(site),
  });
  const { workspaces, roots } = await again.client.workspaces.list();
  expect(roots).toEqual([workspace]);
  expect(workspaces[0]).toMatchObject({ path: workspace, isDefault: true, status: 'ready', git: null });
  expect(workspaces.find(({ path }) => path === site)).toMatchObject({ status: 'missing', sessions: 2 });
  // A link in its place leads elsewhere.
  symlinkSync(join(workspace, 'private'), site);
  await expect(again.client.tools.run('read_file', { path: 'c.txt' }, { sessionId })).rejects.toMatchObject({
    code: 'workspace_unavailable',
  });
});

test('a folder outside of the roots, or one that is not safe, is refused and named', async () => {
  const { client, workspace, home, write } = await startApp();
  const base = join(workspace, '..');
  mkdirSync(join(base, 'elsewhere'));
  symlinkSync(join(base, 'elsewhere'), join(workspace, 'link'));
  makeRepository(workspace);
  write('.github/workflows/ci.yml', 'x');
  git(base, 'init', '--quiet', '--bare', join(workspace, 'bare'));
  const refused = async (folder: string): Promise<string> => {
    const error: unknown = await client.sessions.create({ workspace: folder }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error, folder).toMatchObject({
      status: 422,
      code: 'validation_failed',
      errors: [{ pointer: '/workspace' }],
    });
    return (error as Error).message;
  };
  for (const folder of [
    join(base, 'elsewhere'),
    '..',
    'link',
    `${workspace}-other`,
    '/',
    home,
    join(home, 'api'),
  ])
    expect(await refused(folder)).toContain(
      `must be in one of the workspaceRoots of the server: ${workspace}`,
    );
  expect(await refused('missing')).toContain('does not exist');
  expect(await refused('a.txt')).toContain('is a file');
  for (const folder of ['.git', '.git/hooks', '.github/workflows', 'bare/hooks']) await refused(folder);
  const error: unknown = await client
    .prompt({ prompt: 'help', options: { workspace: '..' } })
    .catch((one: unknown) => one);
  expect(error).toMatchObject({ status: 422, errors: [{ pointer: '/options/workspace' }] });
});

test('further roots are those of the settings, without the server’s own files', async () => {
  const base = (await startApp()).workspace;
  const other = join(base, '..', 'projects');
  mkdirSync(join(other, 'one'), { recursive: true });
  const { client } = await startApp({ config: { workspaceRoots: [other] } });
  const { workspace } = await client.sessions.create({ workspace: join(other, 'one') });
  expect(workspace).toBe(join(other, 'one'));
  expect((await client.workspaces.list()).roots).toContain(other);
});

test('a worktree has a branch and a folder of its own, and no work in it is lost', async () => {
  const { client, workspace, home } = await startApp();
  const marker = join(workspace, '..', 'ran');
  makeRepository(workspace);
  // Nothing that the repository configures may run.
  mkdirSync(join(workspace, '.git/hooks'), { recursive: true });
  for (const hook of ['post-checkout', 'pre-commit', 'post-commit', 'reference-transaction'])
    writeFileSync(join(workspace, '.git/hooks', hook), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
  git(workspace, 'config', 'core.fsmonitor', `touch ${marker}; false`);
  for (const filter of ['clean', 'smudge'])
    git(workspace, 'config', `filter.evil.${filter}`, `touch ${marker}; cat`);
  writeFileSync(join(workspace, '.git/info/attributes'), '*.txt filter=evil\n');
  rmSync(marker, { force: true });

  const made = async (worktree: WorktreeInput) => {
    const session = await client.sessions.create({ worktree });
    if (session.worktree === undefined) throw new Error('no worktree');
    return { ...session, worktree: session.worktree };
  };
  const endOf = async (id: string): Promise<unknown> => {
    await client.sessions.delete(id);
    const { events } = await client.events.list({ type: 'worktree.end', sessionId: id });
    return events[0]?.data;
  };

  const untouched = await made(true);
  expect(untouched.worktree.path.startsWith(join(home, 'worktrees'))).toBe(true);
  expect(git(untouched.workspace, 'rev-parse', '--abbrev-ref', 'HEAD')).toBe(untouched.worktree.branch);
  const answer = await client.prompt({ prompt: 'read a.txt', sessionId: untouched.id });
  expect(answer.response).toContain('one');
  expect(await endOf(untouched.id)).toMatchObject({ folder: 'removed', branchKept: false });
  expect(existsSync(untouched.worktree.path)).toBe(false);
  expect(git(workspace, 'branch', '--list', 'codebuddy/*')).toBe('');

  const changed = await made({ branch: 'mine' });
  await client.tools.run('write_file', { path: 'b.txt', content: 'b' }, { sessionId: changed.id });
  expect(existsSync(join(workspace, 'b.txt'))).toBe(false);
  const { workspaces } = await client.workspaces.list();
  expect(workspaces.find(({ path }) => path === changed.workspace)).toMatchObject({
    status: 'ready',
    git: { branch: 'mine', isDirty: true },
    worktree: { keep: 'ifChanged', source: workspace },
  });
  expect(await endOf(changed.id)).toMatchObject({
    folder: 'kept',
    branchKept: true,
    reason: 'it has uncommitted changes',
  });
  expect(readFileSync(join(changed.workspace, 'b.txt'), 'utf8')).toBe('b');

  const never = await made({ keep: 'never', branch: 'saved' });
  await client.tools.run('write_file', { path: 'c.txt', content: 'c' }, { sessionId: never.id });
  expect(await endOf(never.id)).toMatchObject({
    folder: 'removed',
    branchKept: true,
    commit: expect.any(String),
  });
  expect(existsSync(never.worktree.path)).toBe(false);
  expect(git(workspace, 'show', 'saved:c.txt')).toBe('c');

  const shared = await made({ keep: 'never' });
  const fork = await client.sessions.fork(shared.id);
  expect(await endOf(shared.id)).toMatchObject({ folder: 'kept', reason: `session ${fork.id} works in it` });
  expect(await endOf(fork.id)).toMatchObject({ folder: 'removed', branchKept: false });

  for (const [worktree, pointer] of [
    [{ branch: 'mine' }, '/worktree/branch'],
    [{ branch: '-x' }, '/worktree/branch'],
    [{ base: 'nothing' }, '/worktree/base'],
    [{ keep: 'perhaps' }, undefined],
  ] as const) {
    const error: unknown = await made(worktree as never).catch((one: unknown) => one);
    expect(error).toMatchObject({ status: 422, ...(pointer === undefined ? {} : { errors: [{ pointer }] }) });
  }
  expect(existsSync(marker)).toBe(false);
});

test('files of a session’s folder are watched, and a run in a worktree starts with the prompt', async () => {
  const { client, workspace } = await startApp();
  await expect(client.prompt({ prompt: 'help', options: { worktree: true } })).rejects.toMatchObject({
    status: 422,
    errors: [{ pointer: '/options/worktree' }],
  });
  makeRepository(workspace);
  const { sessionId } = await client.prompt({ prompt: 'write b.txt: two', options: { worktree: true } });
  const session = await client.sessions.get(sessionId);
  expect(session.worktree?.branch).toMatch(/^codebuddy\//);
  await waitFor('an event about a new file', async () => {
    writeFileSync(join(session.workspace, `${Date.now()}.md`), 'x');
    const { events } = await client.events.list({ type: 'file.create', limit: 200 });
    return events.some(
      ({ data }) =>
        'tool' in data === false && JSON.stringify(data).includes(JSON.stringify(session.workspace)),
    );
  });
});

test('changes, undo, files and the paths of a prompt are those of the session’s folder', async () => {
  const { client, workspace, write } = await startApp();
  makeRepository(workspace);
  write('site/a.txt', 'of the site');
  const site = join(workspace, 'site');
  const read = (path: string): string => readFileSync(join(site, path), 'utf8');
  const { sessionId } = await client.prompt({
    prompt: 'write a.txt: new\nwrite deep/b.txt: b\nrun echo c > c.txt',
    options: { workspace: 'site', permissionMode: 'full' },
  });
  const pathsOf = async (id: string) => (await client.sessions.changes(id)).changes.map(({ path }) => path);
  expect(await pathsOf(sessionId)).toEqual(['a.txt', 'c.txt', 'deep/b.txt']);
  const { files, ...rest } = await client.files.list({ sessionId, limit: 1 });
  expect(files).toMatchObject([{ path: 'deep', kind: 'directory' }]);
  expect(await client.files.list({ sessionId, cursor: rest.nextCursor ?? '' })).toMatchObject({
    files: [{ path: 'a.txt' }, { path: 'c.txt' }],
  });
  expect(await client.files.text('a.txt', { sessionId })).toBe('new');
  expect(await client.files.text('a.txt')).toBe('one\n');
  await expect(client.files.list({ sessionId: 'ses_none' })).rejects.toMatchObject({
    code: 'session_not_found',
  });

  expect((await client.sessions.undo(sessionId, { dryRun: true })).files).toHaveLength(3);
  expect(
    Object.fromEntries(
      (await client.sessions.undo(sessionId)).files.map((file) => [file.path, file.outcome]),
    ),
  ).toEqual({
    'a.txt': 'restored',
    'c.txt': 'removed',
    'deep/b.txt': 'removed',
  });
  expect([read('a.txt'), existsSync(join(site, 'deep')), existsSync(join(site, 'c.txt'))]).toEqual([
    'of the site',
    false,
    false,
  ]);
  expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('one\n');
  const { events } = await client.events.list({ type: 'file.delete', sessionId });
  expect(events.map(({ data }) => data)).toContainEqual({ path: 'c.txt', workspace: site });
  await client.sessions.redo(sessionId);
  expect([read('a.txt'), read('deep/b.txt'), read('c.txt')]).toEqual(['new', 'b', 'c\n']);

  // The path of a part is one of the worktree that the prompt creates, not of the folder that it is made from.
  writeFileSync(join(workspace, 'a.txt'), 'changed\n');
  const withPart = (path: string) =>
    client.prompt({
      prompt: 'run echo d > d.txt',
      parts: [{ type: 'file', path }],
      sessionId: 'thread-1',
      createSession: true,
      options: { worktree: true, permissionMode: 'full' },
    });
  await expect(withPart('missing.txt')).rejects.toMatchObject({ errors: [{ pointer: '/parts/0/path' }] });
  expect(git(workspace, 'worktree', 'list').split('\n')).toHaveLength(1);
  await withPart('a.txt');
  const thread = await client.sessions.get('thread-1');
  expect(await pathsOf(thread.id)).toEqual(['d.txt']);
  const [prompt] = (await client.sessions.messages(thread.id)).messages;
  expect(prompt?.parts).toMatchObject([{ name: 'a.txt', size: 'one\n'.length }]);
  // The same prompt again is one of the session that it has created.
  await withPart('d.txt');
  expect(git(workspace, 'worktree', 'list').split('\n')).toHaveLength(2);
  const { files: undone } = await client.sessions.undo(thread.id, { messageId: prompt?.id ?? '' });
  expect(undone).toMatchObject([{ path: 'd.txt', outcome: 'removed' }]);
  expect(existsSync(join(thread.workspace, 'd.txt'))).toBe(false);

  // An id of the caller may be used again, for another folder.
  await client.sessions.delete(thread.id);
  await client.sessions.create({ id: thread.id, workspace: 'site' });
  expect(await client.tools.run('read_file', { path: 'a.txt' }, { sessionId: thread.id })).toMatchObject({
    result: { content: 'new' },
  });
});
