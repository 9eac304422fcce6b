// The commands of workspaces and MCP servers.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startMcpHttpServer } from '../agent/mcp-http-server.ts';
import { startApp } from '../http/start-app.ts';
import { run } from './run-cli.ts';

test('a session is created in a folder, and listed with it; MCP servers are added, restarted and removed', async () => {
  const { home, workspace } = await startApp();
  mkdirSync(join(workspace, 'site'));
  const cli = (...args: string[]) => run(home, args);
  const created = await cli('sessions', 'create', '--workspace', 'site', '--json');
  expect(JSON.parse(created.stdout)).toMatchObject({ workspace: join(workspace, 'site') });
  const prompted = await cli('prompt', '--workspace', 'site', '--json', 'write a.txt: one');
  expect(prompted.code).toBe(0);
  const listed = await cli('workspaces', 'list');
  expect(listed.stdout).toMatch(/site +2 /);
  const refused = await cli('sessions', 'create', '--workspace', '/nowhere');
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--workspace') });
  expect(await cli('sessions', 'create', '--keep', 'never')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--keep needs --worktree'),
  });

  const { url, headers } = await startMcpHttpServer();
  await cli('mcp-servers', 'add', 'tracker', url, '--header', 'X-Team: core');
  expect((await cli('mcp-servers', 'restart', 'tracker')).stdout).toContain('tracker: running, 5 tools.');
  expect(headers[0]?.['x-team']).toBe('core');
  expect((await cli('mcp-servers', 'list')).stdout).toMatch(/tracker +running +5 +api/);
  expect((await cli('mcp-servers', 'remove', 'tracker')).code).toBe(0);
  expect(await cli('mcp-servers', 'remove', 'tracker')).toMatchObject({
    stderr: expect.stringContaining('not found'),
  });
});
