// The agent over HTTP: a model that works with tools, permissions decided in every way, MCP tools, and resumed runs.

import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { PermissionRequiredError, StreamEvent } from '../../../src/client/index.ts';
import { type Replies, startModelServer } from '../../agent/model-server.ts';
import { calls, says } from '../../agent/start-model-agent.ts';
import { run } from '../../cli/run-cli.ts';
import { waitFor } from '../../wait-for.ts';
import { type StartAppOptions, startApp } from '../start-app.ts';

async function startWithModel(replies: Replies, options: StartAppOptions = {}) {
  const model = await startModelServer(replies);
  const started = await startApp({
    ...options,
    config: {
      models: ['local/test-model'],
      providers: { local: { baseURL: `${model.url}/v1` } },
      ...options.config,
    },
  });
  return { ...started, model };
}

async function startHook(): Promise<{
  url: string;
  events: { type: string; data: Record<string, unknown> }[];
}> {
  const events: { type: string; data: Record<string, unknown> }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      events.push(JSON.parse(body));
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}/`, events };
}

const command = { command: 'echo hi > made.txt' };

describe('a permission', () => {
  test('is requested on streams and webhooks, and decided over HTTP', async () => {
    const { client, workspace } = await startWithModel([calls('bash', command), says('Made it.')]);
    const hook = await startHook();
    await client.webhooks.create({ url: hook.url, events: ['permission.*', 'tool.*'], ordered: true });
    const seen: StreamEvent[] = [];
    for await (const event of client.promptStream({ prompt: 'Make a file.' })) {
      seen.push(event);
      if (event.type === 'permission.request') {
        expect(existsSync(join(workspace, 'made.txt'))).toBe(false);
        const { permissions } = await client.permissions.list();
        expect(permissions).toMatchObject([{ id: event.data.permissionId, tool: 'bash', params: command }]);
        expect((await client.runs.get(permissions[0]?.runId ?? '')).status).toBe('waiting');
        await client.permissions.decide(String(event.data.permissionId), { decision: 'allow' });
      }
    }
    const types = seen
      .map(({ type }) => type)
      .filter((type) => type !== 'message.delta' && !type.startsWith('file.'));
    expect(types).toEqual([
      'session.start',
      'run.queued',
      'message.user',
      'permission.request',
      'permission.resolved',
      'tool.start',
      'tool.complete',
      'message.assistant',
      'run.complete',
    ]);
    expect(readFileSync(join(workspace, 'made.txt'), 'utf8')).toBe('hi\n');
    await waitFor('the webhook has heard', () => hook.events.length === 4);
    expect(hook.events.map(({ type }) => type)).toEqual([
      'permission.request',
      'permission.resolved',
      'tool.start',
      'tool.complete',
    ]);
  });

  test('makes a plain request answer 202, and the run continues after the decision', async () => {
    const { client, url, home } = await startWithModel([calls('bash', command), says('Made it.')]);
    const key = readFileSync(join(home, 'api', 'api-key'), 'utf8').trim();
    const headers = { 'x-api-key': key, 'content-type': 'application/json' };
    const response = await fetch(`${url}/api/prompt`, { method: 'POST', headers, body: '{"prompt":"go"}' });
    expect(response.status).toBe(202);
    const body = (await response.json()) as { runId: string; permission: { id: string } };
    expect(body).toEqual({
      runId: expect.stringMatching(/^run_/),
      sessionId: expect.stringMatching(/^ses_/),
      status: 'waiting',
      permission: expect.objectContaining({
        tool: 'bash',
        rule: 'bash(echo hi > made.txt)',
        status: 'pending',
      }),
    });
    expect(response.headers.get('location')).toBe(`/api/runs/${body.runId}`);
    const decided = await fetch(`${url}/api/permissions/${body.permission.id}`, {
      method: 'POST',
      headers,
      body: '{"decision":"allow"}',
    });
    expect(await decided.json()).toMatchObject({ status: 'allowed' });
    await waitFor('it ends', async () => (await client.runs.get(body.runId)).status === 'completed');
    expect((await client.runs.get(body.runId)).response).toBe('Made it.');
  });

  test('is passed by the typed client to its caller, as often as needed', async () => {
    const replies = [calls('bash', command), calls('bash', { command: 'rm made.txt' }), says('Both.')];
    const { client, workspace } = await startWithModel(replies);
    const asked: string[] = [];
    const result = await client.prompt(
      { prompt: 'go' },
      {
        async onPermission({ rule }) {
          asked.push(rule);
          return { decision: asked.length === 1 ? 'allow' : 'deny', reason: 'keep it' };
        },
      },
    );
    expect(result).toMatchObject({ response: 'Both.', finishReason: 'stop', model: 'local/test-model' });
    expect(asked).toEqual(['bash(echo hi > made.txt)', 'bash(rm made.txt)']);
    expect(existsSync(join(workspace, 'made.txt'))).toBe(true);
  });

  test('makes the client throw if there is no caller to ask, and the run keeps waiting', async () => {
    const { client } = await startWithModel([calls('bash', command), says('ok')]);
    const error = (await client
      .prompt({ prompt: 'go' })
      .catch((reason: unknown) => reason)) as PermissionRequiredError;
    expect(error.name).toBe('PermissionRequiredError');
    expect((await client.runs.get(error.permission.runId)).status).toBe('waiting');
  });

  test('can be listed, allowed and denied on the command line', async () => {
    const { client, home } = await startWithModel([calls('bash', command), says('ok')]);
    const started = await client.runs.start({ prompt: 'go' });
    await waitFor('it waits', async () => (await client.permissions.list()).permissions.length === 1);
    const listed = await run(home, ['permissions', 'list', '--json']);
    const { id } = JSON.parse(listed.stdout).permissions[0];
    expect((await run(home, ['permissions', 'allow', id, '--always'])).stdout).toContain(
      'allowed: bash(echo hi',
    );
    await waitFor('it ends', async () => (await client.runs.get(started.id)).status === 'completed');
    expect((await run(home, ['permissions', 'list'])).stdout).toContain('No pending permissions.');
    const late = await run(home, ['permissions', 'deny', id]);
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('permission_resolved')]);
    expect((await run(home, ['runs', 'list'])).stdout).toContain('completed');
    expect((await run(home, ['runs', 'show', started.id])).stdout).toContain('"totalTokens":30');
  });

  test('cannot be decided with bad input, or without the scope "tools"', async () => {
    const { client, url } = await startWithModel([calls('bash', command), says('ok')]);
    await client.runs.start({ prompt: 'go' });
    await waitFor('it waits', async () => (await client.permissions.list()).permissions.length === 1);
    const [permission] = (await client.permissions.list()).permissions;
    const id = permission?.id ?? '';
    await expect(client.permissions.decide(id, { decision: 'maybe' as 'allow' })).rejects.toMatchObject({
      status: 422,
      errors: [{ pointer: '/decision' }],
    });
    await expect(client.permissions.decide('prm_x', { decision: 'allow' })).rejects.toMatchObject({
      status: 404,
    });
    const { key } = await client.keys.create({ name: 'asker', scopes: ['read', 'prompt'] });
    const headers = { 'x-api-key': key, 'content-type': 'application/json' };
    const post = (path: string, body: unknown) =>
      fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    expect((await post(`/api/permissions/${id}`, { decision: 'allow' })).status).toBe(403);
    const lax = await post('/api/prompt', { prompt: 'x', options: { permissionMode: 'full' } });
    expect([lax.status, ((await lax.json()) as { code: string }).code]).toEqual([403, 'insufficient_scope']);
    const offline = await post('/api/prompt', { prompt: 'run ls', options: { model: 'offline' } });
    expect(offline.status).toBe(403);
  });
});

describe('provider errors', () => {
  test.each([
    [401, 502, 'model_auth_failed'],
    [429, 429, 'model_rate_limited'],
  ])('with status %i are answered %i %s', async (status, wanted, code) => {
    const { url, home } = await startWithModel({ kind: 'error', status, headers: { 'retry-after': '33' } });
    const key = readFileSync(join(home, 'api', 'api-key'), 'utf8').trim();
    const response = await fetch(`${url}/api/prompt`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: '{"prompt":"go"}',
    });
    const problem = (await response.json()) as { code: string };
    expect([response.status, problem.code]).toEqual([wanted, code]);
    if (status === 429) expect(response.headers.get('retry-after')).toBe('33');
  });
});

test('an interrupted run is resumed over HTTP and by the CLI', async () => {
  const { client, home, model } = await startWithModel([{ kind: 'error', status: 401 }, says('now')]);
  const { id } = await client.runs.start({ prompt: 'go' });
  await waitFor('it fails', async () => (await client.runs.get(id)).status === 'failed');
  expect((await run(home, ['runs', 'resume', id])).stdout).toContain(`${id} queued`);
  await waitFor('it ends', async () => (await client.runs.get(id)).status === 'completed');
  expect(model.requests).toHaveLength(2);
  const types: string[] = [];
  for await (const { type } of client.runs.events(id)) types.push(type);
  expect(types.filter((type) => type.startsWith('run.'))).toEqual([
    'run.queued',
    'run.failed',
    'run.queued',
    'run.complete',
  ]);
  await expect(client.runs.resume(id)).rejects.toMatchObject({ code: 'run_not_resumable' });
});

test('MCP tools are listed, run through the API, and used by the model after a permission', async () => {
  const entry = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'));
  const { client, model } = await startWithModel(
    [calls('every__echo', { message: 'hello mcp' }), says('It said it.')],
    { config: { mcpServers: { every: { command: process.execPath, args: [entry, 'stdio'] } } } },
  );
  const names = (await client.tools.list()).tools.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['read_file', 'every__echo']));
  expect((await client.tools.execute('every__echo', { message: 'hi' })).result).toMatchObject({
    content: expect.stringContaining('hi'),
  });
  await expect(client.tools.execute('every__nothing')).rejects.toMatchObject({ code: 'tool_not_found' });
  const result = await client.prompt(
    { prompt: 'echo' },
    { onPermission: async () => ({ decision: 'allow' }) },
  );
  expect(result.response).toBe('It said it.');
  expect(model.requests[1]?.messages.at(-1)?.toolResults[0]?.text).toContain('hello mcp');
});

test('any change of a file is an event', async () => {
  const { client, write } = await startApp();
  const seen: string[] = [];
  const stop = new AbortController();
  const following = (async () => {
    for await (const event of client.events.stream({ types: ['file.*'], signal: stop.signal }))
      if ('path' in event.data) seen.push(String(event.data.path));
  })().catch(() => undefined);
  await waitFor('the report', () => {
    write('by-hand.txt', String(performance.now()));
    return seen.includes('by-hand.txt');
  });
  stop.abort();
  await following;
});

test('invalid settings are refused at startup by name', async () => {
  for (const [config, named] of [
    [{ models: ['nowhere/x'] }, 'nowhere/x'],
    [{ providers: { a: {} } }, 'providers.a.baseURL'],
    [{ mcpServers: { a: {} } }, 'mcpServers.a'],
    [{ agents: { mine: {} } }, 'agents.mine.command'],
    [
      { agents: [] },
      'config.json agents must be an object such as {"claude": {"command": "claude-agent-acp"}}, not an array',
    ],
    [{ agent: 'nobody' }, 'the agent (config.json agent) must be one of builtin, claude'],
    [{ agent: 'Two Words' }, 'config.json agent must be the name of an agent'],
    [{ permissions: { allow: ['bash('] } }, 'bash('],
    [{ permissions: { maybe: [] } }, 'permissions'],
    [{ costLimits: { week: 3 } }, 'costLimits'],
    [{ permissionMode: 'yolo' }, 'yolo'],
  ] as const) {
    await expect(startApp({ config }), JSON.stringify(config)).rejects.toThrow(named);
  }
});
