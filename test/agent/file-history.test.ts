// What sessions change in other ways: another agent by itself, a crash in the middle of an undo, another folder.

import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { databaseIn } from '../../src/base/home-paths.ts';
import { startApp } from '../http/start-app.ts';
import { openTestStore, usesPostgres } from '../postgres/test-store.ts';
import { startAcp } from './acp/start-acp.ts';

const outcomes = (files: readonly { path: string; outcome: string; reason?: string }[]) =>
  Object.fromEntries(files.map(({ path, outcome, reason }) => [path, reason ?? outcome]));

test('the files that another agent writes by itself are undone, and it starts a new session', async () => {
  const started = await startAcp();
  const { agent, workspace } = started;
  const at = (path: string) => join(workspace, path);
  writeFileSync(at('a.txt'), 'old');
  const first = await started.play([{ say: 'hi' }]);
  await started.play(
    [{ write: at('a.txt'), content: 'new' }, { write: at('b.txt'), content: 'b' }, { say: 'done' }],
    {},
    first.sessionId,
  );
  const { items } = await agent.files.changes(first.sessionId, { limit: 50, showsContent: true });
  expect(items.map(({ path, change, tools }) => [path, change, tools])).toEqual([
    ['a.txt', 'modified', ['agent']],
    ['b.txt', 'created', ['agent']],
  ]);
  const { files } = await agent.files.undo(first.sessionId, {});
  expect(outcomes(files)).toEqual({ 'a.txt': 'restored', 'b.txt': 'removed' });
  expect([readFileSync(at('a.txt'), 'utf8'), existsSync(at('b.txt'))]).toEqual(['old', false]);
  const opened = started.received('new').length;
  await started.play([{ say: 'again' }], {}, first.sessionId);
  expect(started.received('new')).toHaveLength(opened + 1);
});

test('after a crash in the middle of an undo, prompts are refused, and the next undo finishes it', async () => {
  const first = await startApp();
  const { client, workspace, write, home } = first;
  const at = (path: string) => join(workspace, path);
  for (const name of ['a.sh', 'b.txt', 'c.txt']) write(name, 'old');
  chmodSync(at('a.sh'), 0o755);
  const { sessionId } = await client.prompt({
    prompt: 'write a.sh: new\nwrite b.txt: new\nwrite c.txt: new',
  });
  await first.app.stop();

  // The state that a crash leaves: the undo has begun, and one file is restored but for its permission bits.
  const { store, close } = await openTestStore({ path: usesPostgres ? home : databaseIn(home) });
  const { planUndo } = await import('../../src/agent/file-history/undo-plan.ts');
  const plan = await planUndo(store, sessionId, undefined);
  const details = JSON.stringify({ plan, status: 'undoing' });
  await store.write([
    { kind: 'putUndo', undo: { id: 'und_1', sessionId, createdAt: 1, details } },
    {
      kind: 'patchSession',
      id: sessionId,
      updatedAt: 1,
      details: JSON.stringify({ memory: { undos: { isPending: true } } }),
    },
  ]);
  await close();
  writeFileSync(at('a.sh'), 'old');

  const second = await startApp({ folder: join(workspace, '..') });
  await expect(second.client.prompt({ prompt: 'list', sessionId })).rejects.toMatchObject({
    code: 'session_busy',
  });
  const finished = await second.client.sessions.undo(sessionId);
  expect(finished.undoId).toBe('und_1');
  expect(outcomes(finished.files)).toEqual({
    'a.sh': 'unchanged',
    'b.txt': 'restored',
    'c.txt': 'restored',
  });
  expect(['a.sh', 'b.txt', 'c.txt'].map((name) => readFileSync(at(name), 'utf8'))).toEqual([
    'old',
    'old',
    'old',
  ]);
  await second.client.prompt({ prompt: 'list', sessionId });
});

test('the files of another folder are listed as such, and are not touched', async () => {
  const first = await startApp();
  const { sessionId } = await first.client.prompt({ prompt: 'write a.txt: new' });
  await first.app.stop();
  const base = join(first.workspace, '..');
  // A new folder at the same path, with the same file.
  renameSync(first.workspace, join(base, 'earlier'));
  mkdirSync(first.workspace);
  first.write('a.txt', 'new');
  const second = await startApp({ folder: base });
  const { changes } = await second.client.sessions.changes(sessionId);
  expect(changes).toMatchObject([{ path: 'a.txt', noDiff: 'other_workspace', undoable: false }]);
  const { files } = await second.client.sessions.undo(sessionId);
  expect(outcomes(files)).toEqual({ 'a.txt': 'other_workspace' });
  expect(readFileSync(join(first.workspace, 'a.txt'), 'utf8')).toBe('new');
});

test('what a command changes in a workspace of more than 20 000 files is undone', async () => {
  // However slow the machine is, a command waits for the copies of all files.
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { client, workspace, write } = await startApp({ config: { watch: false } });
  const at = (path: string) => join(workspace, path);
  for (let folder = 0; folder < 21; folder++) {
    mkdirSync(at(`f${folder}`));
    writeFileSync(at(`f${folder}/0.txt`), `${folder}`);
    // Links, which are made much faster than files.
    for (let n = 1; n < 1000; n++) linkSync(at(`f${folder}/0.txt`), at(`f${folder}/${n}.txt`));
  }
  write('z/kept.txt', 'old');
  write('z/gone.txt', 'old');
  const { sessionId } = await client.prompt({
    prompt: 'run echo new > z/kept.txt; rm z/gone.txt; echo new > z/new.txt',
  });
  vi.useRealTimers();
  const { files } = await client.sessions.undo(sessionId);
  expect(outcomes(files)).toEqual({
    'z/gone.txt': 'restored',
    'z/kept.txt': 'restored',
    'z/new.txt': 'removed',
  });
  expect(['gone', 'kept'].map((name) => readFileSync(at(`z/${name}.txt`), 'utf8'))).toEqual(['old', 'old']);
});
