// Sessions, messages, runs, keys and answers: they are listed as stored, and deleted together.

import { describe, expect, test } from 'vitest';
import type { SessionOrigin } from '../../src/contract/session.ts';
import type { MessageRow, RunRow, Write } from '../../src/store/store.ts';
import { stores } from './stores.ts';
import { newEvent, newSession } from './temporary-store.ts';

function message(id: string, sessionId: string): MessageRow {
  return { id, sessionId, runId: null, role: 'user', createdAt: 1, content: '"text"' };
}

function run(id: string, sessionId: string, status = 'queued'): RunRow {
  return { id, sessionId, status, createdAt: 1, updatedAt: 1, details: '{}' };
}

const addMessage = (row: MessageRow): Write => ({ kind: 'addMessage', message: row });
const putRun = (row: RunRow): Write => ({ kind: 'putRun', run: row });

describe.each(stores)('$name', ({ open }) => {
  test('sessions are listed newest first in pages; a second put changes all but the creation time', async () => {
    const store = await open();
    await store.write(['a', 'b', 'c', 'd'].map((id) => newSession(id)));
    const first = await store.listSessions({ limit: 3 });
    expect(first.map(({ id }) => id)).toEqual(['d', 'c', 'b']);
    const second = await store.listSessions({ limit: 3, beforeId: 'b' });
    expect(second.map(({ id }) => id)).toEqual(['a']);

    const changed = { id: 'a', title: 'new', createdAt: 99, updatedAt: 2, details: '{"x":1}' };
    await store.write([{ kind: 'putSession', session: changed }]);
    expect(await store.getSession('a')).toEqual({ ...changed, createdAt: 1 });
    expect(await store.getSession('none')).toBeUndefined();
  });

  test('sessions are found by their origin; those without one are `rest`', async () => {
    const store = await open();
    const details = [
      '{"metadata":{"a":"\\u0000"}}',
      '{"origin":"openai"}',
      '{"metadata":{"origin":"openai"}}',
    ];
    await store.write(
      details.map((text, index): Write => {
        const row = { id: `s${index}`, title: 't', createdAt: 1, updatedAt: 1, details: text };
        return { kind: 'putSession', session: row };
      }),
    );
    const ids = async (origin: SessionOrigin) =>
      (await store.listSessions({ limit: 9, origin })).map(({ id }) => id);
    expect(await ids('openai')).toEqual(['s1']);
    expect(await ids('rest')).toEqual(['s2', 's0']);
    expect(await ids('mcp')).toEqual([]);
  });

  test('a session is found by its names, by the newest owner of each, until it is deleted', async () => {
    const store = await open();
    const found = async (name: string) => (await store.getNamedSession(name))?.id;
    const named = (name: string, sessionId: string): Write => ({ kind: 'nameSession', name, sessionId });
    await store.write([newSession('a'), named('x', 'a'), named('y', 'a'), newSession('b')]);
    expect([await found('x'), await found('y'), await found('z')]).toEqual(['a', 'a', undefined]);
    await store.write([named('x', 'a'), named('x', 'b')]);
    expect(await found('x')).toBe('b');
    await store.write([{ kind: 'deleteSession', id: 'a' }]);
    expect([await found('x'), await found('y')]).toEqual(['b', undefined]);
    await expect(store.write([named('z', 'none')])).rejects.toMatchObject({ code: 'session_not_found' });
  });

  test('of two sessions that claim a name, one gets it; a deleted session leaves it free', async () => {
    const store = await open();
    const claimed = (name: string, sessionId: string): Write => ({
      kind: 'claimSessionName',
      name,
      sessionId,
    });
    const name = 'a (name)=(of) "a" chat';
    const claims = await Promise.allSettled(
      ['a', 'b', 'c'].map((id) => store.write([newSession(id), claimed(name, id), claimed(`of ${id}`, id)])),
    );
    const won = claims.findIndex(({ status }) => status === 'fulfilled');
    const winner = ['a', 'b', 'c'][won] ?? '';
    for (const [index, claim] of claims.entries())
      if (index !== won)
        expect(claim).toMatchObject({
          reason: { code: 'session_exists', message: expect.stringContaining(JSON.stringify(name)) },
        });
    expect((await store.listSessions({ limit: 9 })).map(({ id }) => id)).toEqual([winner]);
    expect((await store.getNamedSession(name))?.id).toBe(winner);
    await store.write([{ kind: 'deleteSession', id: winner }]);
    await store.write([newSession('d'), claimed(name, 'd')]);
    expect((await store.getNamedSession(name))?.id).toBe('d');
    await expect(store.write([claimed('z', 'none')])).rejects.toMatchObject({ code: 'session_not_found' });
  });

  test('sessions are filtered by their agent; those without one belong to the built-in agent', async () => {
    const store = await open();
    const details = {
      a: {},
      b: { agent: 'claude' },
      c: { agent: 'builtin' },
      d: { agent: 'codex', metadata: { agent: 'claude' } },
      e: { metadata: { agent: 'claude', text: 'a\0b' } },
    };
    await store.write(
      Object.entries(details).map(([id, value]): Write => {
        const { session } = newSession(id);
        return { kind: 'putSession', session: { ...session, details: JSON.stringify(value) } };
      }),
    );
    const idsOf = async (agent: string): Promise<readonly string[]> =>
      (await store.listSessions({ limit: 9, agent })).map(({ id }) => id);
    expect(await idsOf('builtin')).toEqual(['e', 'c', 'a']);
    expect(await idsOf('claude')).toEqual(['b']);
    expect(await idsOf('codex')).toEqual(['d']);
    expect(
      (await store.listSessions({ limit: 1, agent: 'builtin', beforeId: 'e' })).map(({ id }) => id),
    ).toEqual(['c']);
  });

  test('sessions are filtered by their workspace, and workspaces are counted', async () => {
    const store = await open();
    const details = {
      a: { workspace: '/w/one' },
      b: { metadata: { workspace: '/w/one', text: 'a\0b' } },
      c: { workspace: '/w/two', metadata: { text: 'a\0b' } },
      d: { workspace: '/w/one' },
    };
    await store.write(
      Object.entries(details).map(([id, value]): Write => {
        const { session } = newSession(id);
        return { kind: 'putSession', session: { ...session, details: JSON.stringify(value) } };
      }),
    );
    const idsOf = async (workspace: string): Promise<readonly string[]> =>
      (await store.listSessions({ limit: 9, workspace, maxText: 1000 })).map(({ id }) => id);
    expect(await idsOf('/w/one')).toEqual(['d', 'a']);
    expect(await idsOf('/w/two')).toEqual(['c']);
    expect(await idsOf('/w')).toEqual([]);
    expect(await store.sessionWorkspaces(9)).toEqual(
      expect.arrayContaining([
        { workspace: '/w/one', sessions: 2, latest: 'd' },
        { workspace: null, sessions: 1, latest: 'b' },
        { workspace: '/w/two', sessions: 1, latest: 'c' },
      ]),
    );
  });

  test('messages are listed oldest first in pages and counted by session', async () => {
    const store = await open();
    const messages = ['m1', 'm2', 'm3'].map((id) => addMessage(message(id, 's')));
    await store.write([newSession('s'), newSession('t'), ...messages]);
    expect((await store.listMessages('s', { limit: 2 })).map(({ id }) => id)).toEqual(['m1', 'm2']);
    expect(await store.listMessages('s', { limit: 2, afterId: 'm2' })).toEqual([message('m3', 's')]);
    const newest = await store.listMessages('s', { limit: 2, order: 'desc' });
    expect(newest.map(({ id }) => id)).toEqual(['m3', 'm2']);
    expect(await store.listMessages('s', { limit: 2, afterId: 'm2', order: 'desc' })).toEqual([
      message('m1', 's'),
    ]);
    const counts = await store.countMessages(['s', 't', 'none']);
    expect(Object.fromEntries(counts)).toEqual({ s: 3, t: 0, none: 0 });
    expect(await store.countMessages([])).toEqual(new Map());
  });

  test('runs are listed newest first in pages, by session and status', async () => {
    const store = await open();
    const runs = [run('r1', 's', 'completed'), run('r2', 's', 'running'), run('r3', 't', 'queued')];
    await store.write([newSession('s'), newSession('t'), ...runs.map(putRun)]);
    const ids = async (page: Parameters<typeof store.listRuns>[0]) =>
      (await store.listRuns(page)).map(({ id }) => id);
    expect(await ids({ limit: 9 })).toEqual(['r3', 'r2', 'r1']);
    expect(await ids({ limit: 1, beforeId: 'r3' })).toEqual(['r2']);
    expect(await ids({ limit: 9, sessionId: 's' })).toEqual(['r2', 'r1']);
    expect(await ids({ limit: 9, statuses: ['queued', 'running'] })).toEqual(['r3', 'r2']);
    expect(await ids({ limit: 1, statuses: ['queued', 'running'], beforeId: 'r3' })).toEqual(['r2']);
    expect(await ids({ limit: 9, statuses: ['queued', 'running'], sessionId: 's' })).toEqual(['r2']);
    expect(await ids({ limit: 9, statuses: [] })).toEqual([]);

    const ended: RunRow = { ...run('r2', 's', 'completed'), updatedAt: 5, details: '{"response":"ok"}' };
    await store.write([putRun(ended)]);
    expect(await store.getRun('r2')).toEqual(ended);
    expect(await store.getRun('none')).toBeUndefined();
    await expect(store.write([putRun(run('r4', 'none'))])).rejects.toMatchObject({
      code: 'session_not_found',
    });
  });

  test('a deleted session takes its runs and messages with it; its events stay in the log', async () => {
    const store = await open();
    await store.write([
      ...['s', 'other'].flatMap((id) => [
        newSession(id),
        putRun(run(`r ${id}`, id)),
        addMessage(message(`m ${id}`, id)),
      ]),
      newEvent({ sessionId: 's' }),
    ]);
    await store.write([{ kind: 'deleteSession', id: 's' }]);
    expect(await store.getSession('s')).toBeUndefined();
    expect((await store.listRuns({ limit: 9 })).map(({ id }) => id)).toEqual(['r other']);
    expect(await store.listMessages('s', { limit: 9 })).toEqual([]);
    expect(await store.listMessages('other', { limit: 9 })).toHaveLength(1);
    expect(await store.readEvents({ sessionId: 's', limit: 9 })).toHaveLength(1);
  });

  test('a session with an unfinished run is deleted only without `ifIdle`', async () => {
    const store = await open();
    await store.write([
      newSession('s'),
      newSession('t'),
      putRun(run('r', 's')),
      putRun(run('e', 't', 'failed')),
    ]);
    const unfinished = ['queued', 'running', 'waiting'];
    expect(await store.sessionsWithRuns(['s', 't', 'none'], unfinished)).toEqual(new Set(['s']));
    expect(await store.sessionsWithRuns(['s', 't'], ['failed', 'queued'])).toEqual(new Set(['s', 't']));
    expect(await store.sessionsWithRuns([], unfinished)).toEqual(new Set());
    const outcomes = await Promise.allSettled([
      store.write([newEvent(), { kind: 'deleteSession', id: 's', ifIdle: true }]),
      store.write([{ kind: 'deleteSession', id: 't', ifIdle: true }]),
    ]);
    expect(outcomes).toMatchObject([
      {
        status: 'rejected',
        reason: { code: 'session_busy', message: expect.stringContaining('Session s ') },
      },
      { status: 'fulfilled' },
    ]);
    expect(await store.readEvents({ limit: 9 })).toEqual([]);
    expect((await store.listSessions({ limit: 9 })).map(({ id }) => id)).toEqual(['s']);
    await store.write([{ kind: 'deleteSession', id: 's' }]);
    expect(await store.listRuns({ limit: 9 })).toEqual([]);
  });

  test('keys are listed and deleted; the same hash under another id is refused', async () => {
    const store = await open();
    const key = { id: 'key_1', name: 'ci', hash: 'ab', scopes: 'read', createdAt: 1 };
    await store.write([{ kind: 'putKey', key }]);
    await expect(store.write([{ kind: 'putKey', key: { ...key, id: 'key_2' } }])).rejects.toThrow(/unique/i);
    expect(await store.listKeys()).toEqual([key]);
    const limits = '{"promptsPerMinute":1}';
    await store.write(['key_1', 'key_2'].map((id) => ({ kind: 'setKeyLimits', id, limits })));
    expect(await store.listKeys()).toEqual([{ ...key, limits }]);
    await store.write([{ kind: 'setKeyLimits', id: 'key_1', limits: null }]);
    expect(await store.listKeys()).toEqual([key]);
    await store.write([{ kind: 'deleteKey', id: 'key_1' }]);
    expect(await store.listKeys()).toEqual([]);
    const server = { name: 'a', config: '{"url":"http://a"}', createdAt: 1 };
    await store.write([
      { kind: 'putMcpServer', server: { ...server, config: '{}' } },
      { kind: 'putMcpServer', server },
      { kind: 'putMcpServer', server: { ...server, name: 'b' } },
    ]);
    await store.write([{ kind: 'deleteMcpServer', name: 'b' }]);
    expect(await store.listMcpServers()).toEqual([server]);
  });

  test('answers are stored by key, replaced, and pruned oldest first in steps', async () => {
    const store = await open();
    const fixed = { fingerprint: 'f', status: 200, headers: '{}', body: 'é\u0000z' };
    const answer = (key: string, createdAt: number) => ({ ...fixed, key, createdAt });
    await store.write([1, 2, 3].map((n) => ({ kind: 'putAnswer', answer: answer(`k${n}`, n) })));
    await store.write([{ kind: 'putAnswer', answer: answer('k1', 10) }]);
    expect(await store.getAnswer('k1')).toEqual(answer('k1', 10));
    expect(await store.pruneAnswers(4, 1)).toBe(1);
    expect(await store.getAnswer('k2')).toBeUndefined();
    expect(await store.pruneAnswers(4, 5)).toBe(1);
    expect(await store.getAnswer('k1')).toBeDefined();
  });

  test('a message or run of a deleted session is refused alone with a clear error', async () => {
    const store = await open();
    await store.write([newSession('s')]);
    const [, late, lateRun, other] = await Promise.allSettled([
      store.write([{ kind: 'deleteSession', id: 's' }]),
      store.write([newEvent(), addMessage(message('m1', 's'))]),
      store.write([putRun(run('r1', 's'))]),
      store.write([newEvent()]),
    ]);
    for (const refused of [late, lateRun])
      expect(refused).toMatchObject({ reason: { code: 'session_not_found', status: 404 } });
    expect(other.status).toBe('fulfilled');
    expect(await store.readEvents({ limit: 10 })).toHaveLength(1);
  });
});
