// The history of files: contents are stored once, undone messages disappear and come back, old rows are pruned.

import { describe, expect, test } from 'vitest';
import type { FileChangeRow } from '../../src/store/file-history.ts';
import type { Write } from '../../src/store/store.ts';
import { stores } from './stores.ts';
import { newSession } from './temporary-store.ts';

function change(id: string, createdAt = 1): FileChangeRow {
  return { id, sessionId: 's', runId: null, path: 'a\0b', createdAt, details: '{}', after: null };
}

const addChange = (row: FileChangeRow): Write => ({ kind: 'addFileChange', change: row });
const image = (hash: string, content: string, usedAt: number): Write => ({
  kind: 'putFileImage',
  image: { hash, content, usedAt },
});
const message = (id: string, sessionId = 's'): Write => ({
  kind: 'addMessage',
  message: { id, sessionId, runId: 'r', role: 'user', createdAt: 5, content: `"${id}"` },
});
const turn = (id: string): Write => ({
  kind: 'addTurn',
  turn: { id, sessionId: 's', runId: null, content: '{}' },
});
const undo = (id: string, ifIdle = false): Write => ({
  kind: 'putUndo',
  undo: { id, sessionId: 's', createdAt: 1, details: '{"a":1}' },
  ifIdle,
});

describe.each(stores)('$name', ({ open }) => {
  test('changes are listed by session; their end is kept; they are deleted with the session', async () => {
    const store = await open();
    await store.write([newSession('s'), newSession('t'), addChange(change('c1')), addChange(change('c2'))]);
    await store.write([{ kind: 'endFileChange', id: 'c1', after: '{"kind":"missing"}' }]);
    const history = store.fileHistory;
    expect(await history.listChanges('s', { limit: 9 })).toEqual([
      { ...change('c1'), after: '{"kind":"missing"}' },
      change('c2'),
    ]);
    expect(await history.listChanges('s', { limit: 1, afterId: 'c1' })).toEqual([change('c2')]);
    expect(await history.listChanges('t', { limit: 9 })).toEqual([]);
    await expect(store.write([addChange({ ...change('c3'), sessionId: 'none' })])).rejects.toMatchObject({
      code: 'session_not_found',
    });
    await store.write([{ kind: 'deleteSession', id: 's' }]);
    expect(await history.listChanges('s', { limit: 9 })).toEqual([]);
  });

  test('an undo hides messages, turns and changes; a restore brings them back, and a drop removes them', async () => {
    const store = await open();
    await store.write([
      newSession('s'),
      ...[message('m1'), message('m2'), turn('t1'), turn('t2')],
      addChange(change('c1')),
      addChange(change('c2')),
    ]);
    const all = async () => ({
      messages: (await store.listMessages('s', { limit: 9 })).map(({ id }) => id),
      turns: (await store.listTurns('s', { limit: 9 })).map(({ id }) => id),
      changes: (await store.fileHistory.listChanges('s', { limit: 9 })).map(({ id }) => id),
      undos: (await store.fileHistory.listUndos('s')).map(({ id }) => id),
    });
    const before = await all();
    const rows = await store.listMessages('s', { limit: 9 });
    const hide: Write = { kind: 'hideUndone', sessionId: 's', undoId: 'u1', ids: ['m2', 't2', 'c2', 'none'] };
    await store.write([undo('u1', true), hide]);
    expect(await all()).toEqual({ messages: ['m1'], turns: ['t1'], changes: ['c1'], undos: ['u1'] });
    expect((await store.countMessages(['s'])).get('s')).toBe(1);
    await store.write([{ kind: 'restoreUndo', id: 'u1' }]);
    expect(await all()).toEqual(before);
    expect(await store.listMessages('s', { limit: 9 })).toEqual(rows);

    await store.write([undo('u1'), hide, undo('u2')]);
    await store.write([{ kind: 'dropUndos', sessionId: 's' }]);
    await store.write([{ kind: 'restoreUndo', id: 'u1' }]);
    expect(await all()).toEqual({ messages: ['m1'], turns: ['t1'], changes: ['c1'], undos: [] });
  });

  test('an undo is refused while the session has an unfinished run', async () => {
    const store = await open();
    const run = { id: 'r', sessionId: 's', status: 'running', createdAt: 1, updatedAt: 1, details: '{}' };
    await store.write([newSession('s'), { kind: 'putRun', run }]);
    await expect(store.write([undo('u1', true)])).rejects.toMatchObject({ code: 'session_busy' });
    expect(await store.fileHistory.listUndos('s')).toEqual([]);
  });

  test('contents are stored once, and pruned by their last use and by their size', async () => {
    const store = await open();
    const { prune, getImage, knownImages } = store.fileHistory;
    await store.write([newSession('s'), image('a', 'xxxx', 1), image('b', 'yyyy', 2), image('c', 'zz', 3)]);
    await store.write([image('a', 'ignored', 9), addChange(change('c1', 1)), addChange(change('c2', 9))]);
    expect(await getImage('a')).toEqual({ hash: 'a', content: 'xxxx', usedAt: 9 });
    expect(await prune({ before: 3, maxBytes: 100, max: 10 })).toBe(2);
    expect([...(await knownImages(['a', 'b', 'c']))].sort()).toEqual(['a', 'c']);
    expect((await store.fileHistory.listChanges('s', { limit: 9 })).map(({ id }) => id)).toEqual(['c2']);
    expect(await prune({ before: 0, maxBytes: 5, max: 10 })).toBe(1);
    expect(await getImage('c')).toBeUndefined();
    expect(await getImage('a')).toBeDefined();
  });
});
