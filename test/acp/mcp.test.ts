// The MCP servers that an editor passes with a session.

import type { McpServer } from '@agentclientprotocol/sdk/unstable';
import { methods } from '@agentclientprotocol/sdk/unstable';
import { expect, onTestFinished, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { everything, everythingEntry } from '../agent/mcp-start.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { serveModel } from '../cli/model-home.ts';
import { serve } from '../cli/run-cli.ts';
import { waitFor } from '../wait-for.ts';
import { newSession, prompt, startEditor } from './start-acp.ts';

const program: McpServer = {
  name: 'My tools',
  command: process.execPath,
  args: [everythingEntry, 'stdio'],
  env: [],
};
const echo = calls('My-tools__echo', { message: 'through MCP' });
const allow = async () => ({ outcome: { outcome: 'selected' as const, optionId: 'allow' } });

test('a session has the tools of the MCP servers of its editor, and no other session has', async () => {
  const { home, workspace, model } = await serveModel([echo, says('done'), says('none')]);
  const editor = await startEditor(home, { onPermission: allow });
  const sessionId = await newSession(editor, workspace, [program]);
  expect(await prompt(editor, sessionId, 'go')).toMatchObject({ stopReason: 'end_turn' });
  expect(editor.of('tool_call')[0]).toMatchObject({
    title: 'My-tools: echo',
    kind: 'other',
    rawInput: { message: 'through MCP' },
  });
  expect(JSON.stringify(editor.of('tool_call_update').at(-1))).toContain('Echo: through MCP');
  expect(model.requests[0]?.toolNames).toContain('My-tools__echo');
  const other = await newSession(editor, workspace);
  await prompt(editor, other, 'go');
  expect(model.requests[2]?.toolNames).not.toContain('My-tools__echo');
  // Opened again without them.
  await editor.agent.request(methods.agent.session.resume, { sessionId, cwd: workspace });
  await prompt(editor, sessionId, 'go');
  expect(model.requests[3]?.toolNames).not.toContain('My-tools__echo');
});

test('a restart of the server in the middle of a turn keeps the MCP servers', async () => {
  const { home, workspace, model, server } = await serveModel({ kind: 'silence' });
  const editor = await startEditor(home, { onPermission: allow });
  const sessionId = await newSession(editor, workspace, [program]);
  const answer = prompt(editor, sessionId, 'go');
  await waitFor('the request to the model', () => model.requests.length === 1);
  model.reply([echo, says('done')]);
  server.child.kill('SIGKILL');
  await server.finished;
  await serve(home, [], { CODEBUDDY_MODEL: '', CODEBUDDY_WORKSPACE: workspace });
  expect(await answer).toMatchObject({ stopReason: 'end_turn' });
  expect(JSON.stringify(editor.of('tool_call_update').at(-1))).toContain('Echo: through MCP');
});

test('MCP servers that cannot be used are an error, and leave no session behind', async () => {
  const { home, workspace } = await serveModel(says('hi'), { mcpServers: { taken: everything } });
  const editor = await startEditor(home);
  const refused = async (server: McpServer, message: string): Promise<void> => {
    await expect(newSession(editor, workspace, [server])).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining(message),
    });
  };
  await refused({ type: 'sse', name: 'old', url: 'http://x', headers: [] }, 'sse is not supported');
  await refused({ type: 'http', name: 'bad', url: 'ftp://x', headers: [] }, 'mcpServers.bad.url must be');
  await refused({ ...program, name: 'taken' }, 'the name of an MCP server in config.json');
  await expect(newSession(editor, workspace, [program, program])).rejects.toMatchObject({
    message: 'mcpServers[1].name is "My-tools" twice.',
  });
  const client = new CodeBuddyClient({ home });
  onTestFinished(() => client.close());
  expect((await client.sessions.list()).sessions).toEqual([]);
});

test('a key that was created may set servers with a URL, and no programs that the settings do not name', async () => {
  const { home, workspace, server } = await serveModel(says('hi'));
  const client = new CodeBuddyClient({ home });
  onTestFinished(() => client.close());
  const { key } = await client.keys.create({ name: 'ci', scopes: ['admin', 'read', 'prompt'] });
  const editor = await startEditor(home, { env: { CODEBUDDY_API_KEY: key, CODEBUDDY_URL: server.url } });
  await expect(newSession(editor, workspace, [program])).rejects.toMatchObject({
    message: expect.stringContaining(
      'is a program that the setting mcpPrograms of this server does not allow',
    ),
    data: { code: 'insufficient_scope' },
  });
  const url: McpServer = { type: 'http', name: 'web', url: 'http://127.0.0.1:1/mcp', headers: [] };
  expect(await newSession(editor, workspace, [url])).toMatch(/^ses_/);
});
