// Files, changes, undo and redo over a real server: by tools, by commands and by direct calls of a session.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startModelServer } from '../../agent/model-server.ts';
import { calls, says } from '../../agent/start-model-agent.ts';
import { type StartedApp, startApp } from '../start-app.ts';

async function changesOf({ client }: StartedApp, id: string) {
  return (await client.sessions.changes(id)).changes;
}

async function textsOf({ client }: StartedApp, id: string) {
  return (await client.sessions.messages(id)).messages.map(({ role, content }) => `${role} ${content}`);
}

const outcomes = (files: readonly { path: string; outcome: string; reason?: string }[]) =>
  Object.fromEntries(files.map(({ path, outcome, reason }) => [path, reason ?? outcome]));

test('a prompt is undone with its files and its messages, and redone until the next prompt', async () => {
  const app = await startApp();
  const { client, workspace, write } = app;
  const read = (path: string) => readFileSync(join(workspace, path), 'utf8');
  write('a.txt', 'one\ntwo\n');
  chmodSync(join(workspace, 'a.txt'), 0o755);
  const { sessionId } = await client.prompt({ prompt: 'write first.txt: first' });
  await client.prompt({
    sessionId,
    prompt: 'replace two with three in a.txt\nwrite deep/er/new.txt: new\nwrite first.txt: again',
  });
  const before = await textsOf(app, sessionId);
  const changes = await changesOf(app, sessionId);
  expect(
    changes.map(({ path, change, additions, deletions, tools, undoable }) => [
      path,
      change,
      additions,
      deletions,
      tools,
      undoable,
    ]),
  ).toEqual([
    ['a.txt', 'modified', 1, 1, ['edit_file'], true],
    ['deep/er/new.txt', 'created', 1, 0, ['write_file'], true],
    ['first.txt', 'created', 1, 0, ['write_file'], true],
  ]);
  expect(changes[0]?.diff).toBe('--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n');

  const preview = await client.sessions.undo(sessionId, { dryRun: true });
  expect(preview).toMatchObject({ undoId: null, dryRun: true, messages: 5 });
  expect(read('a.txt')).toBe('one\nthree\n');
  const undone = await client.sessions.undo(sessionId);
  expect(outcomes(undone.files)).toEqual({
    'a.txt': 'restored',
    'deep/er/new.txt': 'removed',
    'first.txt': 'restored',
  });
  expect(outcomes(preview.files)).toEqual(outcomes(undone.files));
  expect([read('a.txt'), read('first.txt')]).toEqual(['one\ntwo\n', 'first']);
  expect(statSync(join(workspace, 'a.txt')).mode & 0o777).toBe(0o755);
  expect(existsSync(join(workspace, 'deep'))).toBe(false);
  expect(await textsOf(app, sessionId)).toHaveLength(3);
  expect((await client.sessions.get(sessionId)).messageCount).toBe(3);
  expect((await changesOf(app, sessionId)).map(({ path }) => path)).toEqual(['first.txt']);

  const all = await client.sessions.undo(sessionId);
  expect(outcomes(all.files)).toEqual({ 'first.txt': 'removed' });
  expect(all.redoable).toBe(2);
  expect(await textsOf(app, sessionId)).toEqual([]);
  await expect(client.sessions.undo(sessionId)).rejects.toMatchObject({ code: 'nothing_to_undo' });

  expect((await client.sessions.redo(sessionId)).redoable).toBe(1);
  const redone = await client.sessions.redo(sessionId);
  expect(redone.redoable).toBe(0);
  expect(outcomes(redone.files)).toEqual({
    'a.txt': 'restored',
    'deep/er/new.txt': 'restored',
    'first.txt': 'restored',
  });
  expect([read('a.txt'), read('first.txt'), read('deep/er/new.txt')]).toEqual([
    'one\nthree\n',
    'again',
    'new',
  ]);
  expect(await textsOf(app, sessionId)).toEqual(before);
  await expect(client.sessions.redo(sessionId)).rejects.toMatchObject({ code: 'nothing_to_redo' });

  await client.sessions.undo(sessionId);
  await client.prompt({ sessionId, prompt: 'list' });
  await expect(client.sessions.redo(sessionId)).rejects.toMatchObject({ code: 'nothing_to_redo' });
  const types = (await client.events.list({ sessionId, types: ['session.undo', 'session.redo'] })).events;
  expect(types.map(({ type }) => type)).toEqual([
    'session.undo',
    'session.undo',
    'session.redo',
    'session.redo',
    'session.undo',
  ]);
  // The log keeps what was undone.
  const prompts = await client.events.list({ sessionId, types: ['message.user'] });
  expect(prompts.events).toHaveLength(3);
});

test('a file that someone else has changed is refused, and the others are undone', async () => {
  const app = await startApp();
  const { client, workspace, write } = app;
  write('theirs.txt', 'old');
  write('ours.txt', 'old');
  const { sessionId, runId } = await client.prompt({
    prompt: 'write theirs.txt: agent\nwrite ours.txt: agent\nwrite gone.txt: agent',
  });
  write('theirs.txt', 'person');
  rmSync(join(workspace, 'gone.txt'));
  const [first] = (await client.sessions.messages(sessionId)).messages;
  const undone = await client.sessions.undo(sessionId, { messageId: first?.id ?? '' });
  expect(outcomes(undone.files)).toEqual({
    'gone.txt': 'unchanged',
    'ours.txt': 'restored',
    'theirs.txt': 'changed_since',
  });
  expect(undone.files.find(({ path }) => path === 'theirs.txt')?.message).toContain('Someone else');
  expect(readFileSync(join(workspace, 'theirs.txt'), 'utf8')).toBe('person');
  expect(readFileSync(join(workspace, 'ours.txt'), 'utf8')).toBe('old');
  await expect(client.runs.resume(runId ?? '')).rejects.toMatchObject({ code: 'run_not_resumable' });
  // What a redo cannot bring back is refused in the same way.
  write('ours.txt', 'person, too');
  const redone = await client.sessions.redo(sessionId);
  expect(outcomes(redone.files)).toEqual({ 'ours.txt': 'changed_since' });
  expect(readFileSync(join(workspace, 'ours.txt'), 'utf8')).toBe('person, too');
  const other = await client.sessions.create();
  await expect(client.sessions.undo(other.id, { messageId: first?.id ?? '' })).rejects.toMatchObject({
    code: 'validation_failed',
  });
  await expect(client.sessions.undo('ses_none')).rejects.toMatchObject({ code: 'session_not_found' });
});

test('what a command changes is undone: contents, modes, binary files, links, deletions and moves', async () => {
  const app = await startApp();
  const { client, workspace, write } = app;
  const at = (path: string) => join(workspace, path);
  const binary = Buffer.from([0, 1, 2, 255, 0, 13, 10]);
  write('edited.sh', 'echo 1\n');
  write('moved.txt', 'moved\n');
  write('dir/deleted.txt', 'deleted\n');
  chmodSync(at('dir/deleted.txt'), 0o640);
  write('mode.sh', 'same\n');
  chmodSync(at('mode.sh'), 0o644);
  writeFileSync(at('image.bin'), binary);
  writeFileSync(at('too-large.bin'), Buffer.alloc(5 * 1024 * 1024, 1));
  symlinkSync('edited.sh', at('link'));
  write('.gitignore', 'ignored\n');
  write('ignored', 'x');
  const { sessionId } = await client.prompt({
    prompt:
      "run chmod +x mode.sh && echo 2 > edited.sh && mv moved.txt renamed.txt && rm -r dir && printf 'a\\0b' > image.bin && printf x >> too-large.bin && rm link && ln -s /etc/passwd link && mkdir -p new/deep && echo n > new/deep/n.txt && ln -s /etc new/out && echo y > ignored",
  });
  const changes = Object.fromEntries((await changesOf(app, sessionId)).map((one) => [one.path, one]));
  expect(Object.keys(changes).sort()).toEqual([
    'dir/deleted.txt',
    'edited.sh',
    'image.bin',
    'link',
    'mode.sh',
    'moved.txt',
    'new/deep/n.txt',
    'new/out',
    'renamed.txt',
    'too-large.bin',
  ]);
  expect(changes['image.bin']).toMatchObject({ diff: null, noDiff: 'binary', tools: ['bash'] });
  expect(changes.link).toMatchObject({ diff: null, noDiff: 'not_a_file' });
  expect(changes['mode.sh']).toMatchObject({ diff: '', oldMode: '0644', newMode: '0755' });
  expect(changes['renamed.txt']).toMatchObject({ change: 'created', renamedFrom: 'moved.txt' });
  expect(changes['too-large.bin']).toMatchObject({ noDiff: 'too_large', undoable: false });

  const { files } = await client.sessions.undo(sessionId);
  expect(outcomes(files)).toMatchObject({
    'dir/deleted.txt': 'restored',
    'edited.sh': 'restored',
    'image.bin': 'restored',
    link: 'restored',
    'mode.sh': 'restored',
    'moved.txt': 'restored',
    'new/deep/n.txt': 'removed',
    'new/out': 'removed',
    'renamed.txt': 'removed',
    'too-large.bin': 'no_before_image',
  });
  expect(readFileSync(at('edited.sh'), 'utf8')).toBe('echo 1\n');
  expect(readFileSync(at('dir/deleted.txt'), 'utf8')).toBe('deleted\n');
  expect(statSync(at('dir/deleted.txt')).mode & 0o777).toBe(0o640);
  expect(statSync(at('mode.sh')).mode & 0o777).toBe(0o644);
  expect(readFileSync(at('image.bin')).equals(binary)).toBe(true);
  expect(readlinkSync(at('link'))).toBe('edited.sh');
  expect([existsSync(at('new')), existsSync(at('renamed.txt'))]).toEqual([false, false]);
  expect(statSync(at('too-large.bin')).size).toBe(5 * 1024 * 1024 + 1);

  await client.sessions.redo(sessionId);
  expect(readlinkSync(at('link'))).toBe('/etc/passwd');
  expect(readFileSync(at('renamed.txt'), 'utf8')).toBe('moved\n');
  expect(statSync(at('mode.sh')).mode & 0o777).toBe(0o755);
  expect([existsSync(at('moved.txt')), existsSync(at('dir/deleted.txt'))]).toEqual([false, false]);
});

test('direct calls of a session count; a link or a folder in place of a file is left alone', async () => {
  const app = await startApp();
  const { client, workspace, write } = app;
  const at = (path: string) => join(workspace, path);
  write('outside/secret.txt', 'secret');
  const { sessionId } = await client.prompt({ prompt: 'list' });
  await client.tools.run('write_file', { path: 'd/a.txt', content: 'a' }, { sessionId });
  await client.tools.run('write_file', { path: 'b.txt', content: 'b' }, { sessionId });
  await client.tools.run('write_file', { path: 'untold.txt', content: 'no session' });
  expect((await changesOf(app, sessionId)).map(({ path, tools }) => [path, tools])).toEqual([
    ['b.txt', ['write_file']],
    ['d/a.txt', ['write_file']],
  ]);
  await expect(
    client.tools.run('write_file', { path: 'x', content: '' }, { sessionId: 'ses_none' }),
  ).rejects.toMatchObject({ code: 'session_not_found' });
  // The folder of the file becomes a link, and the other file a folder.
  rmSync(at('d'), { recursive: true });
  mkdirSync(at('outside/d'));
  writeFileSync(at('outside/d/a.txt'), 'a');
  symlinkSync('outside/d', at('d'));
  rmSync(at('b.txt'));
  mkdirSync(at('b.txt'));
  const { files } = await client.sessions.undo(sessionId);
  expect(outcomes(files)).toEqual({ 'b.txt': 'changed_since', 'd/a.txt': 'unchanged' });
  expect(readFileSync(at('outside/d/a.txt'), 'utf8')).toBe('a');
  expect(statSync(at('b.txt')).isDirectory()).toBe(true);
});

test('the model does not see undone turns, and sees them again after a redo', async () => {
  const model = await startModelServer([
    calls('write_file', { path: 'a.txt', content: 'alpha' }),
    says('Wrote it.'),
    says('Second.'),
    says('Third.'),
    says('Fourth.'),
  ]);
  const { client } = await startApp({
    config: {
      models: ['local/m'],
      providers: { local: { baseURL: `${model.url}/v1` } },
      permissionMode: 'full',
    },
  });
  const sent = () => model.requests.at(-1)?.messages.map(({ role, text }) => `${role} ${text}`.trim());
  const { sessionId } = await client.prompt({ prompt: 'first' });
  await client.prompt({ prompt: 'second', sessionId });
  const [prompt] = (await client.sessions.messages(sessionId)).messages;
  await client.sessions.undo(sessionId, { messageId: prompt?.id ?? '' });
  await client.sessions.redo(sessionId);
  await client.prompt({ prompt: 'third', sessionId });
  expect(sent()).toHaveLength(7);
  await client.sessions.undo(sessionId, { messageId: prompt?.id ?? '' });
  await client.prompt({ prompt: 'fourth', sessionId });
  expect(sent()).toEqual(['user fourth']);
});

test('an undo waits for no run: it is refused while one works', async () => {
  const model = await startModelServer([{ hang: true }, says('x')] as never);
  const { client } = await startApp({
    config: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } },
  });
  const run = await client.runs.start({ prompt: 'wait' });
  await expect(client.sessions.undo(run.sessionId)).rejects.toMatchObject({
    code: 'session_busy',
    status: 409,
  });
  await client.runs.cancel(run.id);
  await client.sessions.undo(run.sessionId);
});

describe('over HTTP', () => {
  test('files are listed and read within the rules, and never run as a page', async () => {
    const app = await startApp({ config: { permissions: { deny: ['read_file(secret/**)'] } } });
    const { client, workspace, write, url, home } = app;
    const key = readFileSync(join(home, 'api', 'api-key'), 'utf8').trim();
    for (const name of ['b.txt', 'a.txt', 'sub/c.txt', 'secret/s.txt', 'ignored.log', '.git/config'])
      write(name, name);
    write('.gitignore', '*.log\n');
    write('page.html', '<script>alert(1)</script>');
    symlinkSync('/etc', join(workspace, 'out'));
    symlinkSync('sub/c.txt', join(workspace, 'in'));
    const first = await client.files.list({ limit: 2 });
    expect(first.files.map(({ path, kind }) => [path, kind])).toEqual([
      ['secret', 'directory'],
      ['sub', 'directory'],
    ]);
    const rest = await client.files.list({ limit: 50, cursor: first.nextCursor ?? '' });
    expect(rest.files.map(({ path, kind, size, linksTo }) => [path, kind, size, linksTo])).toEqual([
      ['.gitignore', 'file', 6, undefined],
      ['a.txt', 'file', 5, undefined],
      ['b.txt', 'file', 5, undefined],
      ['in', 'link', null, 'sub/c.txt'],
      ['out', 'link', null, null],
      ['page.html', 'file', 25, undefined],
    ]);
    expect((await client.files.list({ path: 'secret' })).files).toEqual([]);
    expect((await client.files.list({ path: '.git' })).files).toEqual([]);
    for (const path of ['out', '../', '/etc', 'out/passwd'])
      await expect(client.files.list({ path })).rejects.toMatchObject({ code: 'outside_workspace' });
    await expect(client.files.text('secret/s.txt')).rejects.toMatchObject({ code: 'permission_denied' });
    await expect(client.files.text('out/passwd')).rejects.toMatchObject({ code: 'outside_workspace' });
    await expect(client.files.text('none.txt')).rejects.toMatchObject({ code: 'file_not_found' });

    const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      fetch(`${url}/api/files/content?path=${encodeURIComponent(path)}`, {
        method,
        headers: { authorization: `Bearer ${key}`, ...headers },
      });
    const page = await get('page.html');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain('sandbox');
    expect(page.headers.get('content-disposition')).toBe('attachment; filename="page.html"');
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    const whole = await get('a.txt');
    const etag = whole.headers.get('etag') ?? '';
    expect([whole.status, await whole.text(), whole.headers.get('accept-ranges')]).toEqual([
      200,
      'a.txt',
      'bytes',
    ]);
    const part = async (range: string, more: Record<string, string> = {}) => {
      const answer = await get('a.txt', { range, ...more });
      return [
        answer.status,
        answer.headers.get('content-range'),
        answer.status === 416 ? '' : await answer.text(),
      ];
    };
    expect(await part('bytes=1-2')).toEqual([206, 'bytes 1-2/5', '.t']);
    expect(await part('bytes=3-')).toEqual([206, 'bytes 3-4/5', 'xt']);
    expect(await part('bytes=-2')).toEqual([206, 'bytes 3-4/5', 'xt']);
    expect(await part('bytes=0-99')).toEqual([206, 'bytes 0-4/5', 'a.txt']);
    expect(await part('bytes=5-')).toEqual([416, 'bytes */5', '']);
    expect(await part('bytes=3-1')).toEqual([200, null, 'a.txt']);
    expect(await part('lines=1-2')).toEqual([200, null, 'a.txt']);
    expect(await part('bytes=1-2', { 'if-range': etag })).toEqual([206, 'bytes 1-2/5', '.t']);
    expect(await part('bytes=1-2', { 'if-range': '"old"' })).toEqual([200, null, 'a.txt']);
    const same = await get('a.txt', { 'if-none-match': `"x", W/${etag}`, range: 'bytes=0-1' });
    expect([same.status, await same.text(), same.headers.get('etag')]).toEqual([304, '', etag]);
    const head = await get('a.txt', {}, 'HEAD');
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '5', '']);
    write('a.txt', 'other');
    expect((await get('a.txt', { 'if-none-match': etag })).status).toBe(200);
    write('empty.bin', '');
    expect([(await get('empty.bin')).status, (await get('empty.bin', { range: 'bytes=0-' })).status]).toEqual(
      [200, 416],
    );
  });

  test('a key without the scope `tools` sees which files changed, without their content', async () => {
    const { client, home, url } = await startApp();
    const { sessionId } = await client.prompt({ prompt: 'write a.txt: one' });
    const { key } = await client.keys.create({ name: 'reader', scopes: ['read'] });
    const get = (path: string) => fetch(`${url}${path}`, { headers: { authorization: `Bearer ${key}` } });
    const { changes } = (await (await get(`/api/sessions/${sessionId}/changes`)).json()) as {
      changes: readonly object[];
    };
    expect(changes).toMatchObject([
      { path: 'a.txt', additions: 1, diff: null, noDiff: 'insufficient_scope' },
    ]);
    expect((await get('/api/files')).status).toBe(200);
    expect((await get('/api/files/content?path=a.txt')).status).toBe(403);
    expect(home).toBeDefined();
  });
});
