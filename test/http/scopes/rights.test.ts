// A request has the rights of its own key at that moment, never those of an earlier key.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Scope } from '../../../src/contract/api-key.ts';
import type { KeyService } from '../../../src/http/services.ts';
import { waitFor } from '../../wait-for.ts';
import { startServer } from '../start-server.ts';
import { startWorld, type World } from './world.ts';

const statusOf = async ({ client }: World, id: string) => (await client.runs.get(id)).status;

describe('a resumed run', () => {
  test('in mode "full" runs no tool for a key with only the scope "prompt"', async () => {
    const world = await startWorld();
    const id = await world.failedRun({ permissionMode: 'full' }, 'use bash, then fail');
    const refused = await world.send('prompt', 'POST', `/api/runs/${id}/resume`);
    expect([refused.status, refused.json.code]).toEqual([403, 'insufficient_scope']);
    expect(refused.json.detail).toContain('"full"');
    expect(await statusOf(world, id)).toBe('failed');
    expect(existsSync(join(world.workspace, 'made.txt'))).toBe(false);
    expect((await world.send('prompt+tools', 'POST', `/api/runs/${id}/resume`)).status).toBe(202);
    await waitFor('it ends', async () => (await statusOf(world, id)) === 'completed');
    expect(existsSync(join(world.workspace, 'made.txt'))).toBe(true);
  });

  test('runs the commands of the offline agent only for a key with the scope "tools"', async () => {
    const world = await startWorld();
    const options = { model: 'offline', timeoutMs: 1 };
    const id = await world.failedRun(options, 'run sleep 30');
    expect((await world.send('prompt', 'POST', `/api/runs/${id}/resume`)).status).toBe(403);
    expect(await statusOf(world, id)).toBe('failed');
    expect((await world.send('prompt+tools', 'POST', `/api/runs/${id}/resume`)).status).toBe(202);
  });

  test('has only the permissions of the key that resumed it', async () => {
    const world = await startWorld();
    const sessionId = await world.session();
    const { id, permissionId } = await world.waitingRun('prompt+tools', sessionId);
    await world.send('tools', 'POST', `/api/permissions/${permissionId}`, { decision: 'allow_always' });
    await waitFor('it ends', async () => (await statusOf(world, id)) === 'completed');
    const prompt = { prompt: 'use bash, then fail', sessionId };
    const asked = await world.send('prompt+tools', 'POST', '/api/prompt', prompt);
    expect(asked.status).toBe(502);
    const { runs } = await world.client.runs.list({ sessionId });
    const failed = runs[0]?.id ?? '';
    expect((await world.send('prompt', 'POST', `/api/runs/${failed}/resume`)).status).toBe(202);
    await waitFor('it waits for a person', async () => (await statusOf(world, failed)) === 'waiting');
  });
});

describe('an "allow_always" in a session', () => {
  async function allowedFor(caller: 'prompt' | 'prompt+tools') {
    const world = await startWorld();
    const sessionId = await world.session();
    const { id, permissionId } = await world.waitingRun(caller, sessionId);
    await world.send('tools', 'POST', `/api/permissions/${permissionId}`, { decision: 'allow_always' });
    await waitFor('it ends', async () => (await statusOf(world, id)) === 'completed');
    return { world, sessionId };
  }
  const lines = ({ workspace }: World) => readFileSync(join(workspace, 'made.txt'), 'utf8').length / 3;

  test('for a key with the scope "tools" does not hold for a key with only the scope "prompt"', async () => {
    const { world, sessionId } = await allowedFor('prompt+tools');
    // Throws if it does not wait.
    await world.waitingRun('prompt', sessionId);
    expect(lines(world)).toBe(1);
  });

  test('for a key holds for that key again, and for keys with the scope "tools"', async () => {
    const { world, sessionId } = await allowedFor('prompt');
    for (const caller of ['prompt', 'prompt+tools'] as const) {
      const again = await world.send(caller, 'POST', '/api/prompt', { prompt: 'use bash', sessionId });
      expect([again.status, again.json.response]).toEqual([200, 'Done.']);
    }
    expect(lines(world)).toBe(3);
  });

  test('is not copied to a fork', async () => {
    const { world, sessionId } = await allowedFor('prompt+tools');
    const fork = await world.send('prompt', 'POST', `/api/sessions/${sessionId}/fork`, {});
    await world.waitingRun('prompt+tools', fork.json.id);
    expect(lines(world)).toBe(1);
  });
});

describe('an Idempotency-Key', () => {
  const key = { 'idempotency-key': 'once' };

  test('returns no stored answer to another API key', async () => {
    const world = await startWorld();
    const body = { prompt: 'hi', options: { permissionMode: 'full' } };
    const first = await world.send('prompt+tools', 'POST', '/api/prompt', body, key);
    expect(first.status).toBe(200);
    const other = await world.send('prompt', 'POST', '/api/prompt', body, key);
    expect([other.status, other.json.code]).toEqual([403, 'insufficient_scope']);
    const again = await world.send('prompt+tools', 'POST', '/api/prompt', body, key);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.json).toEqual(first.json);
  });

  test('returns no stored answer to another of several configured keys', async () => {
    const { request } = await startServer({
      config: { apiKey: ['first-key', 'second-key'] },
      handlers: { onPrompt: (_prompt, _options, { runId }) => runId },
    });
    const ask = (apiKey: string) =>
      request('POST', '/api/prompt', { key: apiKey, headers: key, body: { prompt: 'x' } });
    const first = await ask('first-key');
    const second = await ask('second-key');
    expect(second.headers.get('idempotency-replayed')).toBeNull();
    expect(second.json.response).not.toBe(first.json.response);
    expect((await ask('first-key')).json.response).toBe(first.json.response);
  });

  /** One key whose scopes change. */
  async function startWithScopes(initial: readonly Scope[]) {
    let held = initial;
    const keys: KeyService = {
      verify: (given) => (given === 'the-key' ? { id: 'key_1', scopes: held } : undefined),
      list: async () => [],
      create: async () => {
        throw new Error('not here');
      },
      update: async () => {
        throw new Error('not here');
      },
      revoke: async () => undefined,
    };
    let answered = 0;
    const { request } = await startServer({
      config: { apiKey: undefined },
      services: { keys },
      handlers: { onPrompt: () => `answer ${++answered}` },
    });
    return {
      ask: (options: object) =>
        request('POST', '/api/prompt', { key: 'the-key', headers: key, body: { prompt: 'x', options } }),
      give(scopes: readonly Scope[]) {
        held = scopes;
      },
    };
  }

  test('returns no stored answer to a key that has lost a scope, and does nothing twice', async () => {
    const { ask, give } = await startWithScopes(['prompt', 'tools']);
    expect((await ask({ permissionMode: 'full' })).json.response).toBe('answer 1');
    give(['prompt']);
    expect(await ask({ permissionMode: 'full' })).toMatchObject({
      status: 403,
      json: { code: 'insufficient_scope', detail: expect.stringContaining('"tools"') },
    });
    give(['prompt', 'tools', 'read']);
    expect((await ask({ permissionMode: 'full' })).json.response).toBe('answer 1');
  });

  test('does not store a refusal for a missing scope', async () => {
    const { ask, give } = await startWithScopes(['prompt']);
    expect((await ask({ permissionMode: 'full' })).status).toBe(403);
    give(['prompt', 'tools']);
    expect((await ask({ permissionMode: 'full' })).json.response).toBe('answer 1');
  });
});

test('a host that answers prompts itself receives the key', async () => {
  const { request } = await startServer({
    handlers: { onPrompt: (_prompt, _options, { keyId, scopes }) => `${keyId}: ${scopes.join(' ')}` },
  });
  const { json } = await request('POST', '/api/prompt', { body: { prompt: 'x' } });
  expect(json.response).toBe('configured: read prompt tools admin');
});
