// The tools of the MCP server, over a real socket, with clients of both eras of the protocol.

import type { Client } from '@modelcontextprotocol/client';
import { describe, expect, test } from 'vitest';
import { startModelServer } from '../agent/model-server.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { eras, type McpServer, startMcpServer } from './start-mcp-server.ts';

const agentTools = [
  'prompt',
  'run_status',
  'run_result',
  'run_cancel',
  'permission_decide',
  'question_answer',
  'sessions_list',
];

// biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape.
type Result = any;

function call(client: Client, name: string, args: Record<string, unknown> = {}): Promise<Result> {
  return client.callTool({ name, arguments: args });
}

async function namesOf(client: Client): Promise<readonly string[]> {
  return (await client.listTools()).tools.map(({ name }) => name);
}

const sessionsOf = async ({ agent }: McpServer) => (await agent.sessions.list({ limit: 50 })).items;

describe.each(eras)('a %s client', (era) => {
  test('sees the tools that its key may call', async () => {
    const server = await startMcpServer();
    expect(await namesOf(await server.connect(era))).toEqual(
      expect.arrayContaining([...agentTools, 'read_file', 'bash']),
    );
    expect(await namesOf(await server.connect(era, await server.key('prompt')))).toEqual([
      'prompt',
      'run_status',
      'run_result',
      'run_cancel',
      'question_answer',
    ]);
    expect(await namesOf(await server.connect(era, await server.key('read')))).toEqual(['sessions_list']);
    const tools = await namesOf(await server.connect(era, await server.key('tools')));
    expect(tools).toEqual(expect.arrayContaining(['permission_decide', 'read_file']));
    expect(tools).not.toContain('prompt');
  });

  test('gets the answer of a prompt, and continues its session', async () => {
    const server = await startMcpServer();
    server.write('a.md', 'alpha');
    const client = await server.connect(era);
    const first = await call(client, 'prompt', { prompt: 'list *.md' });
    expect(first.content).toEqual([{ type: 'text', text: expect.stringContaining('a.md') }]);
    expect(first.structuredContent).toMatchObject({ status: 'completed', model: 'offline' });
    const { sessionId } = first.structuredContent;
    const second = await call(client, 'prompt', { prompt: 'read a.md', sessionId });
    expect(second.structuredContent.sessionId).toBe(sessionId);
    expect(await sessionsOf(server)).toMatchObject([{ id: sessionId, origin: 'mcp' }]);
    const list = await call(client, 'sessions_list', { limit: 1 });
    expect(list.structuredContent).toMatchObject({ sessions: [{ id: sessionId }], nextCursor: null });
  });

  test('gets progress while a run works', async () => {
    const seen: string[] = [];
    // The model answers only when the client has the progress.
    const model = await startModelServer(async () => {
      await waitFor('progress', () => seen.includes('message.user'));
      return says('Done.');
    });
    const server = await startMcpServer({
      agent: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } },
    });
    const client = await server.connect(era);
    const result = await client.callTool(
      { name: 'prompt', arguments: { prompt: 'work' } },
      { onprogress: ({ message }) => seen.push(message ?? '') },
    );
    expect(result.content).toEqual([{ type: 'text', text: 'Done.' }]);
    expect(seen.slice(0, 3)).toEqual(['session.start', 'run.queued', 'message.user']);
  });

  test('runs tools of the workspace directly, and reads their errors', async () => {
    const server = await startMcpServer();
    server.write('a.md', 'alpha');
    const client = await server.connect(era);
    expect((await call(client, 'read_file', { path: 'a.md' })).structuredContent).toMatchObject({
      content: 'alpha',
    });
    expect(await call(client, 'read_file', { path: '../b' })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('outside_workspace') }],
    });
    expect(await call(client, 'prompt', { promt: 'x' })).toMatchObject({
      isError: true,
      content: [{ text: 'prompt is required; promt is not a known field. (validation_failed)' }],
    });
    expect(await call(client, 'prompt', { prompt: ' ' })).toMatchObject({ isError: true });
    expect(await call(client, 'run_status', { runId: 'run_x' })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('run_not_found') }],
    });
    await expect(call(client, 'nothing')).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining('Unknown tool: nothing'),
    });
    const reader = await server.connect(era, await server.key('read'));
    expect(await call(reader, 'read_file', { path: 'a.md' })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('requires an API key with the scope "tools"') }],
    });
    expect(await call(reader, 'prompt', { prompt: 'list *' })).toMatchObject({ isError: true });
  });

  test('leaves a run that takes long, and gets its result later', async () => {
    const model = await startModelServer([{ kind: 'silence' }, says('Done.')]);
    const server = await startMcpServer({
      patienceMs: 200,
      agent: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } },
    });
    const client = await server.connect(era);
    const { structuredContent: left, content } = await call(client, 'prompt', { prompt: 'work' });
    // A busy machine may not have started it yet.
    expect(left.status).toMatch(/^(queued|running)$/);
    expect(content[0].text).toContain('has not ended yet');
    await waitFor('the model to be asked', () => model.requests[0]);
    expect(await call(client, 'run_status', { runId: left.runId })).toMatchObject({
      structuredContent: { id: left.runId, status: 'running' },
    });
    expect((await call(client, 'run_result', { runId: left.runId })).structuredContent.status).toBe(
      'running',
    );
    expect((await call(client, 'run_cancel', { runId: left.runId })).structuredContent.status).toBe(
      'cancelled',
    );
    expect(await call(client, 'run_result', { runId: left.runId })).toMatchObject({
      isError: true,
      structuredContent: { status: 'cancelled' },
    });
  });

  test('is told of a permission, and decides it', async () => {
    const model = await startModelServer([
      calls('write_file', { path: 'b.md', content: 'beta' }),
      says('Done.'),
    ]);
    const server = await startMcpServer({
      agent: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } },
    });
    const client = await server.connect(era);
    const { structuredContent: waiting, content } = await call(client, 'prompt', { prompt: 'write' });
    expect(waiting).toMatchObject({ status: 'waiting', permissions: [{ tool: 'write_file' }] });
    const [{ id: permissionId }] = waiting.permissions;
    expect(content[0].text).toContain(permissionId);
    expect(await call(client, 'permission_decide', { permissionId, decision: 'maybe' })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('decision must be one of') }],
    });
    await call(client, 'permission_decide', { permissionId, decision: 'allow' });
    expect(await call(client, 'run_result', { runId: waiting.runId })).toMatchObject({
      content: [{ text: 'Done.' }],
      structuredContent: { status: 'completed' },
    });
  });

  test('cancels the run when it leaves before the answer', async () => {
    const model = await startModelServer([{ kind: 'silence' }]);
    const server = await startMcpServer({
      agent: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } },
    });
    const client = await server.connect(era);
    const asked = call(client, 'prompt', { prompt: 'work' });
    asked.catch(() => undefined);
    await waitFor('the model to be asked', () => model.requests[0]);
    await client.close();
    await waitFor('the run to be cancelled', async () => {
      const { items } = await server.agent.runs.list({ limit: 1 });
      return items[0]?.status === 'cancelled';
    });
  });

  test('reads sessions and files as resources', async () => {
    const server = await startMcpServer();
    server.write('a b.md', 'alpha');
    const client = await server.connect(era);
    await call(client, 'prompt', { prompt: 'list *.md' });
    const { resources } = await client.listResources();
    expect(resources).toMatchObject([{ uri: expect.stringMatching(/^codebuddy:\/\/sessions\/ses_/) }]);
    const [{ uri } = { uri: '' }] = resources;
    expect((await client.readResource({ uri })).contents).toMatchObject([
      { mimeType: expect.stringContaining('text/markdown'), text: expect.stringContaining('a b.md') },
    ]);
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'codebuddy://sessions/{id}',
      'codebuddy://files/{+path}',
    ]);
    expect((await client.readResource({ uri: 'codebuddy://files/a%20b.md' })).contents).toMatchObject([
      { text: 'alpha' },
    ]);
    for (const missing of ['codebuddy://files/none', 'codebuddy://sessions/ses_0', 'other://x'])
      await expect(client.readResource({ uri: missing })).rejects.toThrow(/not found/i);
    await expect(client.readResource({ uri: 'codebuddy://files/%' })).rejects.toThrow('percent-encoded');
    await expect(client.readResource({ uri: 'codebuddy://files/../x' })).rejects.toThrow(
      'out of the workspace',
    );
    const prompter = await server.connect(era, await server.key('prompt'));
    expect((await prompter.listResources()).resources).toEqual([]);
    await expect(prompter.readResource({ uri })).rejects.toThrow('scope "read"');
    await expect(prompter.readResource({ uri: 'codebuddy://files/a%20b.md' })).rejects.toThrow(
      'scope "tools"',
    );
  });
});
