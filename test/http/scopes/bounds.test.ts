// Deny rules and the mode "read-only" apply to every caller: direct calls, the offline agent and models, even with a
// key that has every scope.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startWorld } from './world.ts';

const write = { path: 'new.txt', content: 'x' };

describe('a deny rule', () => {
  const config = {
    permissionMode: 'full',
    permissions: { deny: ['write_file(new*)', 'bash(rm *)', 'read_file(.env*)'] },
  };

  test('holds for POST /api/tools/:tool and is named in the answer', async () => {
    const { send, workspace } = await startWorld({ config });
    const denied = await send('tools', 'POST', '/api/tools/write_file', write);
    expect([denied.status, denied.json.code]).toEqual([403, 'permission_denied']);
    expect(denied.json.detail).toContain('deny write_file(new*)');
    expect(existsSync(join(workspace, 'new.txt'))).toBe(false);
    const other = { path: 'other.txt', content: 'x' };
    expect((await send('tools', 'POST', '/api/tools/write_file', other)).status).toBe(200);
    expect((await send('tools', 'POST', '/api/tools/bash', { command: 'true; rm -rf x' })).status).toBe(403);
    expect((await send('tools', 'POST', '/api/tools/read_file', { path: '.env' })).status).toBe(403);
  });

  test('is checked after the parameters of a call', async () => {
    const { send } = await startWorld({ config });
    expect((await send('tools', 'POST', '/api/tools/write_file', { path: 'new.txt' })).status).toBe(422);
    expect((await send('tools', 'POST', '/api/tools/none', {})).status).toBe(404);
  });

  test('holds for commands of the offline agent; others are run', async () => {
    const { client, workspace, write: put } = await startWorld({ config });
    put('.env', 'SECRET=1');
    const { response, finishReason, runId } = await client.prompt({
      prompt: 'write new.txt: x\nread .env\nwrite other.txt: x',
      options: { model: 'offline' },
    });
    expect(response).toContain('Refused: write_file was not run: the rule deny write_file(new*) forbids it.');
    expect(response).toContain('Refused: read_file was not run: the rule deny read_file(.env*) forbids it.');
    expect(response).not.toContain('SECRET');
    expect(finishReason).toBe('error');
    expect(existsSync(join(workspace, 'new.txt'))).toBe(false);
    expect(existsSync(join(workspace, 'other.txt'))).toBe(true);
    const { events } = await client.events.list({ runId, type: 'tool.error' });
    expect(events.map((event) => event.type === 'tool.error' && event.data.code)).toEqual([
      'permission_denied',
      'permission_denied',
    ]);
  });
});

describe('the mode "read-only"', () => {
  const config = { permissionMode: 'read-only' };

  test('of the server holds for POST /api/tools/:tool', async () => {
    const { send, workspace } = await startWorld({ config });
    const denied = await send('tools', 'POST', '/api/tools/write_file', write);
    expect([denied.status, denied.json.code]).toEqual([403, 'permission_denied']);
    expect(denied.json.detail).toContain('read-only');
    expect((await send('tools', 'POST', '/api/tools/bash', { command: 'touch new.txt' })).status).toBe(403);
    expect((await send('tools', 'POST', '/api/tools/list_directory', {})).status).toBe(200);
    expect(existsSync(join(workspace, 'new.txt'))).toBe(false);
  });

  test.each([
    ['of the server', config, {}],
    ['of a run', {}, { permissionMode: 'read-only' }],
  ] as const)('%s holds for the offline agent', async (_whose, settings, options) => {
    const { client, workspace, write: put } = await startWorld({ config: settings });
    put('a.txt', 'alpha');
    const prompt = 'write new.txt: x\nrun touch new.txt\nreplace alpha with beta in a.txt\nread a.txt';
    const { response } = await client.prompt({ prompt, options: { model: 'offline', ...options } });
    expect(response.match(/Refused: .*read-only/g)).toHaveLength(3);
    expect(response).toMatch(/alpha$/);
    expect(existsSync(join(workspace, 'new.txt'))).toBe(false);
  });

  test('of the server holds for models, and only the scope "tools" may override it', async () => {
    const { send, workspace } = await startWorld({ config });
    const ask = (caller: 'prompt' | 'prompt+tools', permissionMode?: string) =>
      send(caller, 'POST', '/api/prompt', {
        prompt: 'use bash',
        ...(permissionMode === undefined ? {} : { options: { permissionMode } }),
      });
    expect((await ask('prompt+tools')).status).toBe(200);
    expect(existsSync(join(workspace, 'made.txt'))).toBe(false);
    expect((await ask('prompt', 'ask')).status).toBe(403);
    expect((await ask('prompt+tools', 'full')).status).toBe(200);
    expect(existsSync(join(workspace, 'made.txt'))).toBe(true);
  });
});
