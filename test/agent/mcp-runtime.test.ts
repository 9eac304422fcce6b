// MCP servers that are added over the API while the server runs.

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { startApp } from '../http/start-app.ts';
import { waitFor } from '../wait-for.ts';
import { startMcpHttpServer } from './mcp-http-server.ts';

const misbehaving = fileURLToPath(new URL('./mcp-misbehaving-server.ts', import.meta.url));
const secret = 'a-secret-of-the-tracker';

test('a server is added, used, restarted, kept over a restart and removed; its secrets are never shown', async () => {
  const tracker = await startMcpHttpServer();
  const first = await startApp({ config: { mcpServers: { fixed: { url: tracker.url, disabled: true } } } });
  const { client, workspace } = first;
  const server = { url: `${tracker.url}?token=${secret}`, headers: { Authorization: `Bearer ${secret}` } };
  const added = await client.mcpServers.add({ name: 'tracker', server });
  expect(added).toEqual({
    ...{ name: 'tracker', kind: 'http', origin: 'api', command: null, env: [], headers: ['Authorization'] },
    ...{ url: new URL(tracker.url).origin, state: 'not started', tools: 0, lastError: null, stderr: null },
  });
  const { tools } = await client.tools.list();
  expect(tools.map(({ name }) => name)).toContain('tracker__echo');
  expect(tracker.headers[0]?.authorization).toBe(`Bearer ${secret}`);
  expect(await client.tools.run('tracker__echo')).toMatchObject({ result: { content: 'session-1' } });
  expect(await client.mcpServers.restart('tracker')).toMatchObject({ state: 'running', tools: 5 });
  expect(await client.tools.run('tracker__echo')).toMatchObject({ result: { content: 'session-2' } });
  const events = await waitFor('both events', async () => {
    const page = await client.events.list({ type: 'mcp.connect' });
    return page.events.length > 1 && page.events;
  });
  expect(events.map(({ data }) => data)).toEqual([
    { name: 'tracker', tools: 5 },
    { name: 'tracker', tools: 5 },
  ]);

  await expect(client.mcpServers.add({ name: 'tracker', server })).rejects.toMatchObject({
    code: 'mcp_server_exists',
  });
  await expect(client.mcpServers.remove('fixed')).rejects.toMatchObject({ code: 'mcp_server_exists' });
  await expect(client.mcpServers.restart('none')).rejects.toMatchObject({ code: 'mcp_server_not_found' });
  await expect(client.mcpServers.add({ name: 'bad', server: { url: 'ftp://a' } })).rejects.toMatchObject({
    status: 422,
    message: expect.stringMatching(/^server\.url must be/),
    errors: [{ pointer: '/server/url', message: expect.stringMatching(/^must be an http/) }],
  });
  await expect(client.mcpServers.add({ name: 'a b', server })).rejects.toMatchObject({
    status: 422,
    errors: [{ pointer: '/name' }],
  });

  await first.app.stop();
  const again = await startApp({ folder: fileURLToPath(new URL('..', `file://${workspace}/`)) });
  expect(await again.client.tools.run('tracker__echo')).toMatchObject({ result: { content: 'session-3' } });
  await again.client.mcpServers.remove('tracker');
  await expect(again.client.tools.run('tracker__echo')).rejects.toMatchObject({ code: 'tool_not_found' });
  expect((await again.client.mcpServers.list()).mcpServers).toEqual([]);
  const all = [added, await again.client.mcpServers.list(), await again.client.events.list({ limit: 200 })];
  expect(JSON.stringify(all)).not.toContain(secret);
});

test('only programs of the setting are started; the end of their stderr and the failure are shown', async () => {
  const program = { command: process.execPath, args: [misbehaving, 'exit'] };
  const { client, url } = await startApp({ config: { mcpPrograms: [`${process.execPath} ${misbehaving}`] } });
  for (const server of [
    { command: 'node', args: [misbehaving] },
    { command: process.execPath, args: ['-e', '1', misbehaving] },
    { ...program, env: { NODE_OPTIONS: '--require=/tmp/a.js' } },
    { ...program, cwd: '.' },
  ])
    await expect(client.mcpServers.add({ name: 'bad', server })).rejects.toMatchObject({
      status: 422,
      errors: [{ pointer: '/server' }],
    });

  await client.mcpServers.add({ name: 'late', server: { ...program, env: { MY_TOKEN: secret } } });
  const failed = await client.mcpServers.restart('late');
  expect(failed).toMatchObject({ state: 'failed', env: ['MY_TOKEN'], lastError: expect.any(String) });
  expect(failed.stderr).toBe('cannot find my database');
  const [told] = await waitFor('the event', async () => {
    const { events } = await client.events.list({ type: 'mcp.fail' });
    return events.length > 0 && events;
  });
  expect(told?.data).toEqual({ name: 'late', error: failed.lastError });

  // A key with the scope admin may use the same programs for a session, and no others.
  const { key } = await client.keys.create({ name: 'admin', scopes: ['admin', 'prompt', 'read'] });
  const other = new CodeBuddyClient({ url, apiKey: key });
  const { id } = await other.sessions.create();
  await expect(other.sessions.setMcpServers(id, { own: { command: 'true' } })).rejects.toMatchObject({
    code: 'insufficient_scope',
  });
  const mine = { command: process.execPath, args: [misbehaving, 'chatty', '--token', secret] };
  await other.sessions.setMcpServers(id, { own: mine });
  const [shown] = (await other.sessions.mcpServers(id)).mcpServers;
  expect(shown).toMatchObject({ name: 'own', origin: 'session', kind: 'stdio' });
  expect(shown?.command).toContain('--token [redacted]');
  other.close();
});
