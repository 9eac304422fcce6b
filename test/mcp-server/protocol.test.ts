// The protocol of `POST /mcp` below the clients: the gate, the tasks extension, and a server that stops.

import { expect, test } from 'vitest';
import { startModelServer } from '../agent/model-server.ts';
import { says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { type McpServer, startMcpServer } from './start-mcp-server.ts';

const tasks = 'io.modelcontextprotocol/tasks';

interface Sent {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly json: any;
}

/** Sends a message of the 2026 revision. */
async function send(
  { url }: McpServer,
  key: string,
  method: string,
  params: Record<string, unknown>,
  { extensions = {}, headers = {} }: { extensions?: object; headers?: Record<string, string> } = {},
): Promise<Sent> {
  const name = params.name ?? params.taskId;
  const answer = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method,
      params: {
        ...params,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': { extensions },
        },
      },
    }),
  });
  return { status: answer.status, json: await answer.json() };
}

const asTask = { extensions: { [tasks]: {} } };

test('a run is a task for clients that declare the extension', async () => {
  const model = await startModelServer([says('Done.'), { kind: 'silence' }]);
  const server = await startMcpServer({
    agent: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } },
  });
  const key = await server.key('prompt');
  const prompt = { name: 'prompt', arguments: { prompt: 'work' } };
  const { json: created } = await send(server, key, 'tools/call', prompt, asTask);
  expect(created.result).toMatchObject({
    resultType: 'task',
    taskId: expect.stringMatching(/^run_/),
    status: 'working',
    ttlMs: null,
    pollIntervalMs: 2000,
  });
  const { taskId } = created.result;
  const done = await waitFor('the task to be completed', async () => {
    const { json } = await send(server, key, 'tasks/get', { taskId }, asTask);
    return json.result.status === 'completed' && json.result;
  });
  expect(done).toMatchObject({ resultType: 'complete', result: { content: [{ text: 'Done.' }] } });
  // Cancelling a task that has ended changes nothing.
  const late = await send(server, key, 'tasks/cancel', { taskId }, asTask);
  expect(late.json.result).toMatchObject({ resultType: 'complete' });

  const { json: second } = await send(server, key, 'tools/call', prompt, asTask);
  const { taskId: other } = second.result;
  await send(server, key, 'tasks/cancel', { taskId: other }, asTask);
  await waitFor('the task to be cancelled', async () => {
    const { json } = await send(server, key, 'tasks/get', { taskId: other }, asTask);
    return json.result.status === 'cancelled';
  });
  const unknown = await send(server, key, 'tasks/get', { taskId: 'run_x' }, asTask);
  expect(unknown.json.error).toMatchObject({ code: -32602, message: 'Unknown task: run_x' });
});

test('a failed run is a completed task whose result is an error', async () => {
  const model = await startModelServer(() => ({ kind: 'error', status: 400, message: 'no' }));
  const server = await startMcpServer({
    agent: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } },
  });
  const key = await server.key('prompt');
  const prompt = { name: 'prompt', arguments: { prompt: 'work' } };
  const { json } = await send(server, key, 'tools/call', prompt, asTask);
  const { taskId } = json.result;
  const { result } = await waitFor('the task to end', async () => {
    const answer = await send(server, key, 'tasks/get', { taskId }, asTask);
    return answer.json.result.status === 'completed' && answer.json.result;
  });
  expect(result).toMatchObject({ isError: true });
});

test('without the extension, a call gets a result', async () => {
  const server = await startMcpServer();
  const prompt = { name: 'prompt', arguments: { prompt: 'help' } };
  const { json } = await send(server, await server.key(), 'tools/call', prompt);
  expect(json.result).toMatchObject({ resultType: 'complete', structuredContent: { status: 'completed' } });
});

test('the gate stands before the protocol', async () => {
  const server = await startMcpServer();
  const key = await server.key();
  expect(await send(server, 'wrong', 'tools/list', {})).toMatchObject({
    status: 401,
    json: { code: 'unauthorized' },
  });
  const elsewhere = { headers: { origin: 'https://example.com' } };
  expect(await send(server, key, 'tools/list', {}, elsewhere)).toMatchObject({
    status: 403,
    json: { code: 'origin_not_allowed' },
  });
  const get = await fetch(`${server.url}/mcp`, { headers: { authorization: `Bearer ${key}` } });
  expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
  const broken = await fetch(`${server.url}/mcp`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: '{"jsonrpc":',
  });
  expect([broken.status, await broken.json()]).toMatchObject([400, { code: 'invalid_body' }]);
});

test('messages that are not of the protocol get JSON-RPC errors', async () => {
  const server = await startMcpServer();
  const key = await server.key();
  expect((await send(server, key, 'nothing/here', {})).json.error.code).toBe(-32601);
  const other = await fetch(`${server.url}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: '{"hello":1}',
  });
  expect([other.status, await other.json()]).toMatchObject([400, { error: { code: -32600 } }]);
});

test('a server that stops ends the calls that wait', async () => {
  const model = await startModelServer([{ kind: 'silence' }]);
  const server = await startMcpServer({
    agent: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } },
  });
  const client = await server.connect('modern');
  const asked = client.callTool({ name: 'prompt', arguments: { prompt: 'work' } }).then(
    (result) => result,
    (error: unknown) => error,
  );
  await waitFor('the model to be asked', () => model.requests[0]);
  await server.stop();
  expect(await asked).toBeDefined();
});
