// Runs that wait for approval or in the queue: their limits and their memory.

import { describe, expect, it } from 'vitest';
import type { CodeBuddyError } from '../../src/base/errors.ts';
import { usedBytes } from '../live-heap.ts';
import { waitFor } from '../wait-for.ts';
import { calls, says, startModelAgent } from './start-model-agent.ts';

/** An agent whose model runs a command, and then answers "Done.". */
async function startAsking(limits: Parameters<typeof startModelAgent>[1]) {
  const running = await startModelAgent(
    ({ messages }) => (messages.at(-1)?.role === 'user' ? calls('bash', { command: 'true' }) : says('Done.')),
    { permissionMode: 'ask', ...limits },
  );
  const { agent } = running;
  const start = (keyId: string | null = null, sessionId?: string, prompt = 'go') =>
    agent.runs.start({
      prompt,
      options: {},
      requestId: 'r',
      keyId,
      ...(sessionId === undefined ? {} : { sessionId }),
    });
  return {
    ...running,
    start,
    refused: (keyId: string | null = null, sessionId?: string) =>
      start(keyId, sessionId).then(
        () => undefined,
        (error: CodeBuddyError) => error,
      ),
    async startWaiting(keyId: string | null = null) {
      const started = await start(keyId);
      return { ...started, permission: await started.asked };
    },
    statusOf: async (id: string) => (await agent.runs.get(id))?.status,
  };
}

describe('runs waiting for approval', () => {
  it('are limited in total; the next one is refused until one is decided', async () => {
    const limits = { maxActive: 1, maxWaiting: 2 };
    const { agent, startWaiting, refused, start } = await startAsking({ limits });
    const first = await startWaiting();
    const second = await startWaiting();
    const error = await refused();
    expect(error).toMatchObject({
      code: 'too_many_waiting_runs',
      status: 429,
      headers: { 'Retry-After': '30' },
    });
    expect(error?.message).toContain('2 runs wait for approval');
    await agent.permissions.decide(first.permission.id, 'allow');
    expect((await first.result).response).toBe('Done.');
    await startWaiting();
    expect((await refused())?.code).toBe('too_many_waiting_runs');
    await agent.runs.cancel(second.run.id);
    await start();
  });

  it('are limited by key, and another key still has room', async () => {
    const limits = { maxActive: 1, maxWaitingPerKey: 1 };
    const { startWaiting, refused } = await startAsking({ limits });
    await startWaiting('key_a');
    const error = await refused('key_a');
    expect([error?.code, error?.message]).toEqual([
      'too_many_waiting_runs',
      expect.stringContaining('1 runs of this API key'),
    ]);
    await startWaiting('key_b');
  });

  it('are not resumed beyond the limit either', async () => {
    const { agent, startWaiting, server, start } = await startAsking({
      limits: { maxActive: 1, maxWaiting: 1 },
    });
    server.reply({ kind: 'error', status: 401 });
    const failed = await start();
    await failed.result.catch(() => undefined);
    server.reply(calls('bash', { command: 'true' }));
    await startWaiting();
    await expect(agent.runs.resume(failed.run.id)).rejects.toMatchObject({ code: 'too_many_waiting_runs' });
  });

  it('hold back queued runs, so that no more than the limit wait', async () => {
    const limits = { maxActive: 1, maxWaiting: 1 };
    const { agent, server, start, statusOf } = await startAsking({ limits });
    const areQueued = Promise.withResolvers<void>();
    server.reply(() => areQueued.promise.then(() => calls('bash', { command: 'true' })));
    const [first, second, third] = [await start(), await start(), await start()];
    areQueued.resolve();
    await first.asked;
    expect(await statusOf(second.run.id)).toBe('queued');
    await agent.runs.cancel(first.run.id);
    await second.asked;
    expect(await statusOf(third.run.id)).toBe('queued');
    await agent.runs.cancel(second.run.id);
    await third.asked;
  });
});

describe('queued runs', () => {
  it('are limited by session, by key and in total', async () => {
    const limits = { maxActive: 1, maxQueuedPerSession: 1, maxQueuedPerKey: 2, maxQueued: 3 };
    const { agent, server, start, refused } = await startAsking({ limits });
    server.reply({ kind: 'silence' });
    const { id } = await agent.sessions.create({});
    await start('key_a', id);
    await waitFor('the model is asked', () => server.requests.length === 1);
    await start('key_a', id);
    expect((await refused('key_a', id))?.message).toMatch(
      /^The session has reached its limit of 1 queued runs/,
    );
    await start('key_a');
    expect((await refused('key_a'))?.message).toMatch(/^The API key has reached its limit of 2 queued runs/);
    await start('key_b');
    const error = await refused('key_b');
    expect(error?.message).toMatch(/^The server has reached its limit of 3 queued runs/);
    expect(error).toMatchObject({ code: 'too_many_runs', headers: { 'Retry-After': '5' } });
  });

  it('of several keys take turns; those of one key start in order', async () => {
    const { agent, server, start } = await startAsking({ limits: { maxActive: 1 }, permissionMode: 'full' });
    server.reply({ kind: 'silence' });
    const blocking = await start('key_a');
    await waitFor('the model is asked', () => server.requests.length === 1);
    const begun: string[] = [];
    const all: Promise<unknown>[] = [];
    for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) {
      const { result } = await start(`key_${name[0]}`, undefined, name);
      all.push(result.then(() => begun.push(name)));
    }
    await waitFor('all are queued', () => agent.runs.activeCount() === 7);
    server.reply(says('Done.'));
    await agent.runs.cancel(blocking.run.id);
    await Promise.all(all);
    expect(begun).toEqual(['b1', 'c1', 'a1', 'b2', 'a2', 'a3']);
  });
});

describe('the memory of a run', () => {
  const count = 60;
  const characters = 120_000;

  it.each(['waiting', 'queued'] as const)(
    'that is %s is small, however long its prompt is',
    async (status) => {
      const limits = { maxActive: status === 'queued' ? 1 : 8 };
      const { agent, server, start, statusOf } = await startAsking({ limits });
      const startMany = async (): Promise<readonly string[]> => {
        const ids: string[] = [];
        for (let i = 0; i < count; i++) {
          const { run, asked } = await start(null, undefined, `go ${i} `.padEnd(characters, 'x'));
          if (status === 'waiting') await asked;
          ids.push(run.id);
          // The stand-in for the model keeps its requests.
          (server.requests as unknown[]).length = 0;
        }
        return ids;
      };
      if (status === 'queued') {
        server.reply({ kind: 'silence' });
        await start();
        await waitFor('the model is asked', () => server.requests.length === 1);
      }
      const before = usedBytes();
      const ids = await startMany();
      for (const id of ids) expect(await statusOf(id)).toBe(status);
      // Half of one copy of each prompt.
      await waitFor('it holds little', () => usedBytes() - before < (count * characters) / 2);

      const [first = ''] = ids;
      expect((await agent.runs.get(first))?.prompt).toHaveLength(characters);
      expect((await agent.runs.cancel(first)).prompt).toHaveLength(characters);
    },
  );

  it('that waited is restored: the model gets the whole conversation afterwards', async () => {
    const { agent, server, startWaiting } = await startAsking({});
    const { permission, result } = await startWaiting();
    await agent.permissions.decide(permission.id, 'allow');
    await result;
    const [before, after] = server.requests.map(({ messages }) => messages);
    expect(after?.slice(0, before?.length)).toEqual(before);
    expect(after?.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
  });
});
