import { describe, expect, test } from 'vitest';
import type { StartedRun } from '../../src/agent/run-service.ts';
import { waitFor } from '../wait-for.ts';
import { startAgent, temporaryFolder } from './start-agent.ts';

const sleep = 'run sleep 300';

describe('the offline agent', () => {
  test('says what it is, and does not imitate a language model', async () => {
    const { prompt } = await startAgent();
    for (const text of ['help', 'Write me a poem about the sea', '?']) {
      const { response, model, usage, cost } = await prompt(text);
      expect(response).toContain('not a language model');
      expect(response).toContain('--model provider/name');
      expect({ model, cost, tokens: usage?.totalTokens }).toEqual({ model: 'offline', cost: 0, tokens: 0 });
    }
  });

  test.each([
    ['read a.txt', 'alpha beta\n'],
    ['READ "a b.txt"', 'spaced'],
    ['list', 'sub/\na b.txt\na.txt'],
    ['list sub/*', 'sub/c.md'],
    ['search beta', 'a.txt:1: alpha beta'],
    ['search "alpha beta" in *.txt', 'a.txt:1: alpha beta'],
    ['search nothing-like-it', 'No line contains "nothing-like-it".'],
    ['run echo hi && exit 2', 'hi\n[exit code 2]'],
    ['write new.txt: one\\ntwo', 'Created new.txt (7 bytes).'],
    ['replace \'alpha beta\' with "gamma" in a.txt', 'Changed a.txt.'],
    ['read missing.txt', 'Failed: There is no "missing.txt" in the workspace.'],
    ['read ../x', 'Failed: The path "../x" leads out of the workspace.'],
  ])('%s', async (text, answer) => {
    const { prompt, write } = await startAgent();
    write('a.txt', 'alpha beta\n');
    write('a b.txt', 'spaced');
    write('sub/c.md', '');
    expect((await prompt(text)).response).toBe(answer);
  });

  test('runs each line as a command; write takes the lines below it', async () => {
    const { prompt } = await startAgent();
    expect((await prompt('write a.txt:\nline one\nread b')).response).toBe('Created a.txt (15 bytes).');
    expect((await prompt('read a.txt\nlist')).response).toBe('line one\nread b\n\na.txt');
    const { response, finishReason } = await prompt('list\nlist\nlist', { maxSteps: 2 });
    expect(response).toMatch(/Stopped: options.maxSteps is 2.$/);
    expect(finishReason).toBe('max_steps');
  });

  test('refuses to write or run in read-only mode', async () => {
    const { prompt, write } = await startAgent();
    write('a.txt', 'a');
    for (const text of ['run true', 'write x: y', 'replace a with b in a.txt']) {
      expect((await prompt(text, { permissionMode: 'read-only' })).response).toMatch(/^Refused/);
    }
    expect((await prompt('read a.txt', { permissionMode: 'read-only' })).response).toBe('a');
  });

  test('refuses any model but offline, naming the field', async () => {
    const { prompt } = await startAgent();
    await expect(prompt('help', { model: 'gpt' })).rejects.toMatchObject({
      code: 'validation_failed',
      errors: [{ pointer: '/options/model' }],
    });
  });
});

describe('runs', () => {
  test('log their events in order, and stream the answer', async () => {
    const { agent, log, events, write } = await startAgent();
    write('a.txt', 'alpha');
    const deltas: string[] = [];
    const controller = new AbortController();
    const following = (async () => {
      for await (const item of log.subscribe({ deltas: true, signal: controller.signal })) {
        if (item.kind === 'delta' && 'text' in item.delta.data) deltas.push(item.delta.data.text);
        if (item.kind === 'event' && item.event.type === 'run.complete') return;
      }
    })();
    const { run, afterSequence, result } = await agent.runs.start({
      prompt: 'read a.txt',
      options: {},
      requestId: 'r',
    });
    expect(run.status).toBe('queued');
    const answer = await result;
    await following;
    expect(deltas.join('')).toBe(answer.response);
    expect(
      (await events())
        .filter(({ sequence }) => sequence > afterSequence)
        .map(({ type, runId }) => [type, runId]),
    ).toEqual(
      [
        'session.start',
        'run.queued',
        'message.user',
        'tool.start',
        'tool.complete',
        'message.assistant',
        'run.complete',
      ].map((type) => [type, run.id]),
    );
    expect(await agent.runs.get(run.id)).toMatchObject({
      status: 'completed',
      response: 'alpha',
      finishReason: 'stop',
    });
    const { items } = await agent.sessions.messages(run.sessionId, { limit: 10 });
    expect(items.map(({ role }) => role)).toEqual(['user', 'tool', 'assistant']);
  });

  test('of one session run one at a time, in order', async () => {
    const { agent, events, prompt, write } = await startAgent();
    const { sessionId } = await prompt('help');
    const started: StartedRun[] = [];
    for (const text of ['run until [ -e go ]; do sleep 0.02; done', 'list', 'help'])
      started.push(await agent.runs.start({ prompt: text, sessionId, options: {}, requestId: 'r' }));
    write('go', '');
    await Promise.all(started.map(({ result }) => result));
    const ends = (await events()).filter(({ type }) => type === 'run.complete').map(({ runId }) => runId);
    expect(ends.slice(1)).toEqual(started.map(({ run }) => run.id));
  });

  test('of many sessions run concurrently up to the limit', async () => {
    const { agent } = await startAgent({ limits: { maxActive: 2 } });
    const started: StartedRun[] = [];
    for (let n = 0; n < 3; n++)
      started.push(await agent.runs.start({ prompt: sleep, options: {}, requestId: 'r' }));
    const states = async (): Promise<unknown[]> =>
      Promise.all(started.map(async ({ run }) => (await agent.runs.get(run.id))?.status));
    await waitFor(
      'two work',
      async () => (await states()).filter((status) => status === 'running').length === 2,
    );
    expect(await states()).toEqual(['running', 'running', 'queued']);
    await agent.runs.cancel(started[0]?.run.id ?? '');
    await waitFor('the third works', async () => (await states())[2] === 'running');
  });

  test('beyond the queue are refused with Retry-After', async () => {
    const { agent, prompt } = await startAgent({
      limits: { maxQueuedPerSession: 2, maxActive: 1, maxQueued: 3 },
    });
    const { sessionId } = await prompt('help');
    const start = (session?: string) =>
      agent.runs.start({
        prompt: sleep,
        options: {},
        requestId: 'r',
        ...(session === undefined ? {} : { sessionId: session }),
      });
    const first = await start(sessionId);
    await waitFor('the first works', async () => (await agent.runs.get(first.run.id))?.status === 'running');
    await start(sessionId);
    await start(sessionId);
    await expect(start(sessionId)).rejects.toMatchObject({
      code: 'too_many_runs',
      headers: { 'Retry-After': expect.any(String) },
    });
    await start();
    await expect(start()).rejects.toMatchObject({ code: 'too_many_runs' });
    expect(agent.runs.activeCount()).toBe(4);
  });

  test('are cancelled, running or queued', async () => {
    const { agent, events, prompt } = await startAgent();
    const { sessionId } = await prompt('help');
    const working = await agent.runs.start({ prompt: sleep, sessionId, options: {}, requestId: 'r' });
    const waiting = await agent.runs.start({ prompt: 'help', sessionId, options: {}, requestId: 'r' });
    await waitFor('the tool runs', async () => (await events()).some(({ type }) => type === 'tool.start'));
    expect(await agent.runs.cancel(waiting.run.id)).toMatchObject({ status: 'cancelled' });
    expect(await agent.runs.cancel(working.run.id, 'enough')).toMatchObject({ status: 'cancelled' });
    await expect(working.result).rejects.toMatchObject({ code: 'run_cancelled' });
    await expect(agent.runs.cancel(working.run.id)).rejects.toMatchObject({ code: 'run_ended' });
    await expect(agent.runs.cancel('run_nope')).rejects.toMatchObject({ code: 'run_not_found' });
    expect((await events()).filter(({ type }) => type === 'run.cancelled')).toHaveLength(2);
    expect((await prompt('help', {}, sessionId)).response).toContain('offline agent');
  });

  test('fail at their time limit', async () => {
    const { agent, prompt } = await startAgent();
    await expect(prompt(sleep, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'run_timeout' });
    const { items } = await agent.runs.list({ limit: 1 });
    expect(items[0]).toMatchObject({ status: 'failed', error: { code: 'run_timeout' } });
  });

  test('are interrupted by a stop, after which none is accepted', async () => {
    const { agent, events } = await startAgent();
    const { run, result } = await agent.runs.start({ prompt: sleep, options: {}, requestId: 'r' });
    await agent.close(50);
    await expect(result).rejects.toMatchObject({ code: 'shutting_down' });
    // The same code as after a crash.
    expect(await agent.runs.get(run.id)).toMatchObject({
      status: 'interrupted',
      error: { code: 'interrupted' },
    });
    expect((await events()).at(-1)).toMatchObject({ type: 'run.failed', data: { interrupted: true } });
    await expect(agent.runs.start({ prompt: 'help', options: {}, requestId: 'r' })).rejects.toMatchObject({
      code: 'shutting_down',
    });
  });

  test('cut off by a crash are interrupted at the next start', async () => {
    const folder = temporaryFolder();
    const before = await startAgent({ folder });
    const { run } = await before.agent.runs.start({ prompt: sleep, options: {}, requestId: 'r' });
    await waitFor('it works', async () => (await before.agent.runs.get(run.id))?.status === 'running');
    // As after a crash: the store is free again, the run's row still has the status `running`.
    const rows = await before.store.listRuns({ limit: 1 });
    await before.agent.close(0);
    await before.store.write([{ kind: 'putRun', run: rows[0] as (typeof rows)[number] }]);
    await before.store.close();
    const after = await startAgent({ folder });
    expect(await after.agent.runs.get(run.id)).toMatchObject({
      status: 'interrupted',
      error: { code: 'interrupted' },
    });
    expect((await after.events()).filter(({ type }) => type === 'run.failed').at(-1)).toMatchObject({
      runId: run.id,
      data: { interrupted: true },
    });
  });

  test('need an existing session', async () => {
    const { prompt } = await startAgent();
    await expect(prompt('help', {}, 'ses_nope')).rejects.toMatchObject({ code: 'session_not_found' });
  });
});

describe('sessions', () => {
  test('are created, listed newest first in pages, changed, shown and deleted', async () => {
    const { agent, events, prompt } = await startAgent();
    const made = await agent.sessions.create({ title: 'Mine', metadata: { a: 1 } });
    await prompt('help', {}, made.id);
    await agent.sessions.create({});
    const first = await agent.sessions.list({ limit: 1 });
    expect(first.items[0]?.title).toBe('New session');
    const second = await agent.sessions.list({ limit: 1, after: first.next ?? '' });
    expect(second.items[0]).toMatchObject({
      id: made.id,
      title: 'Mine',
      messageCount: 2,
      model: 'offline',
      status: 'idle',
    });
    expect(second.next).toBeUndefined();
    expect(await agent.sessions.update(made.id, { title: 'Yours', metadata: { b: 2 } })).toMatchObject({
      title: 'Yours',
      metadata: { a: 1, b: 2 },
    });
    await agent.sessions.delete(made.id);
    expect(await agent.sessions.get(made.id)).toBeUndefined();
    await expect(agent.sessions.messages(made.id, { limit: 1 })).rejects.toMatchObject({
      code: 'session_not_found',
    });
    expect((await agent.runs.list({ limit: 10 })).items).toEqual([]);
    expect((await events()).at(-1)).toMatchObject({ type: 'session.end', sessionId: made.id });
  });

  test('take their title from the first prompt, on one short line', async () => {
    const { agent, prompt } = await startAgent();
    const { sessionId } = await prompt(`help\n${'🐙 '.repeat(100)}`);
    const title = (await agent.sessions.get(sessionId))?.title ?? '';
    expect([...title].length).toBeLessThanOrEqual(60);
    expect(title).toMatch(/^help 🐙.*…$/u);
  });

  test('with an unfinished run cannot be deleted', async () => {
    const { agent } = await startAgent();
    const { run } = await agent.runs.start({ prompt: sleep, options: {}, requestId: 'r' });
    expect((await agent.sessions.get(run.sessionId))?.status).toBe('running');
    await expect(agent.sessions.delete(run.sessionId)).rejects.toMatchObject({ code: 'session_busy' });
  });
});
