// A session and the agent that answers it, over the API.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { script } from '../../agent/acp/script.ts';
import { acpConfig } from '../../agent/acp/start-acp.ts';
import { temporaryFolder } from '../../agent/start-agent.ts';
import { startApp } from '../start-app.ts';
import { byScripted, hello, startScripted } from './start-scripted.ts';

describe('the agent of a session', () => {
  test('is that of its first prompt, and answers all others', async () => {
    const { client } = await startScripted();
    const first = await client.prompt(byScripted);
    expect(first.response).toBe('Hello.');
    expect(await client.sessions.get(first.sessionId)).toMatchObject({ agent: 'scripted' });
    const { sessionId } = first;
    const second = await client.prompt({ prompt: script({ sayPrompts: true }), sessionId });
    // It has the first prompt, so it is the same session of the same agent.
    expect(second.response).toContain('Hello.');
    const same = await client.prompt({ prompt: hello, sessionId, options: { agent: 'scripted' } });
    expect(same.response).toBe('Hello.');
  });

  test('can be chosen when the session is created', async () => {
    const { client } = await startScripted();
    const { id, agent } = await client.sessions.create({ agent: 'scripted', title: 'x' });
    expect(agent).toBe('scripted');
    expect((await client.prompt({ prompt: hello, sessionId: id })).response).toBe('Hello.');
  });

  test('never changes', async () => {
    const { client, url, home } = await startScripted();
    const { sessionId } = await client.prompt('help');
    const before = await client.runs.list();
    await expect(client.prompt({ ...byScripted, sessionId })).rejects.toMatchObject({
      status: 409,
      code: 'session_agent_mismatch',
      message: expect.stringContaining(`session ${sessionId} belongs to that agent`),
      errors: [expect.objectContaining({ pointer: '/options/agent' })],
    });
    expect(await client.runs.list()).toEqual(before);
    expect(await client.sessions.get(sessionId)).toMatchObject({ agent: 'builtin', messageCount: 2 });
    const patched = await fetch(`${url}/api/sessions/${sessionId}`, {
      method: 'PATCH',
      headers: {
        'content-type': 'application/json',
        'x-api-key': readFileSync(join(home, 'api', 'api-key'), 'utf8').trim(),
      },
      body: '{"agent":"scripted"}',
    });
    expect(patched.status).toBe(422);
    expect(await patched.json()).toMatchObject({ errors: [{ pointer: '/agent' }] });
  });

  test('an unknown one is refused with the names of all', async () => {
    const { client } = await startScripted();
    const expected = {
      status: 422,
      code: 'validation_failed',
      errors: [
        expect.objectContaining({ message: expect.stringMatching(/builtin, scripted, claude, .*"nobody"/) }),
      ],
    };
    await expect(client.prompt({ prompt: 'x', options: { agent: 'nobody' } })).rejects.toMatchObject(
      expected,
    );
    await expect(client.sessions.create({ agent: 'nobody' })).rejects.toMatchObject({
      ...expected,
      errors: [expect.objectContaining({ pointer: '/agent' })],
    });
    expect((await client.sessions.list()).sessions).toEqual([]);
  });

  test('filters the list; sessions of earlier releases belong to the built-in agent', async () => {
    const { client } = await startScripted();
    const { sessionId: own } = await client.prompt('help');
    const { sessionId: other } = await client.prompt(byScripted);
    const idsOf = async (agent: string): Promise<readonly string[]> =>
      (await client.sessions.list({ agent })).sessions.map(({ id }) => id);
    expect(await idsOf('builtin')).toEqual([own]);
    expect(await idsOf('scripted')).toEqual([other]);
    expect(await idsOf('claude')).toEqual([]);
  });

  test('stays in forks, which get the conversation as text, and in exports', async () => {
    const { client } = await startScripted();
    const { sessionId } = await client.prompt(byScripted);
    const fork = await client.sessions.fork(sessionId);
    expect(fork).toMatchObject({ agent: 'scripted', forkedFrom: { sessionId } });
    const { response } = await client.prompt({ prompt: script({ sayPrompts: true }), sessionId: fork.id });
    expect(response).toContain('The earlier conversation:');
    expect(response).toContain('Hello.');
    expect(await client.sessions.export(sessionId, { format: 'json' })).toMatchObject({
      session: { agent: 'scripted' },
    });
    expect(await client.sessions.export(sessionId, { format: 'markdown' })).toContain('`scripted`');
  });

  test('survives a restart, and is missed by a server that does not have it', async () => {
    const folder = temporaryFolder();
    const agents = acpConfig(folder, { resumes: true });
    const first = await startApp({ folder, config: { watch: false, agents } });
    const { sessionId } = await first.client.prompt(byScripted);
    await first.app.stop();
    const second = await startApp({ folder, config: { watch: false, agents } });
    const { response } = await second.client.prompt({ prompt: script({ sayPrompts: true }), sessionId });
    expect(response).toContain('Hello.');
    await second.app.stop();
    const third = await startApp({ folder, config: { watch: false } });
    expect(await third.client.sessions.get(sessionId)).toMatchObject({ agent: 'scripted' });
    await expect(third.client.prompt({ prompt: 'x', sessionId })).rejects.toMatchObject({
      status: 502,
      code: 'agent_unavailable',
      message: expect.stringContaining('agents in config.json'),
    });
    const { runs } = await third.client.runs.list({ sessionId });
    expect(runs).toHaveLength(2);
  });
});
