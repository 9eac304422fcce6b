// Rules for tools of MCP servers compare parameters only as JSON, regardless of their names.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  allows,
  exactRule,
  forbids,
  isExactly,
  parseRule,
  type ToolUse,
} from '../../../src/agent/permissions/permission-rule.ts';
import { filesystemEntry } from '../mcp-start.ts';
import { temporaryFolder } from '../start-agent.ts';
import { calls, says, startModelAgent } from '../start-model-agent.ts';

function call(params: Record<string, unknown>, tool = 'files__write'): ToolUse {
  return { tool, params, target: { kind: 'parameters' } };
}

describe('a rule for a tool of an MCP server', () => {
  it.each([
    ['files__write({"path":"docs/*"})', { path: 'docs/a' }, true],
    ['files__write({ "text": "x", "path": "docs/*" })', { path: 'docs/a', text: 'x' }, true],
    ['files__write({"path":"docs/*"})', { path: 'docs/a', text: 'x' }, false],
    ['files__write({"a":1})', { a: 1, path: 'x' }, false],
    ['files__write({"a":"*"})', { a: '","b":"x' }, true],
    ['files__write({"a":"*"})', { a: 'x', b: 'y' }, false],
    ['files__write({"a":"*"})', { a: { b: 'y' } }, false],
    ['files__write(*"a"*)', { a: 'x' }, false],
    ['files__write(docs/**)', { path: 'docs/a' }, false],
    ['files__write', { path: 'docs/a' }, true],
    ['files__*', { path: 'docs/a' }, true],
    ['files__write(*)', { path: 'docs/a' }, true],
    ['files__write({"n":1})', { n: 1 }, true],
    ['files__write({"n":1})', { n: '1' }, false],
    ['files__write({"l":["*",2]})', { l: ['x', 2] }, true],
  ])('allow %s for %j: %s', (rule, params, wanted) => {
    expect(allows(parseRule(rule), call(params))).toBe(wanted);
  });

  it.each([
    ['files__write({"path":"*.env"})', { path: '/x/.env' }, true],
    ['files__write({"path":"*.env"})', { path: '/x/.env', extra: 1 }, true],
    ['files__write({"path":"*.env"})', { path: '/x/a' }, false],
    ['files__write(*DROP*)', { sql: 'DROP TABLE x', path: 'a' }, true],
    ['files__write(*DROP*)', { sql: 'SELECT', path: 'a' }, false],
    ['files__write(*"sql"*)', { nested: { sql: '' } }, true],
    ['files__write(*C:\\temp*)', { at: 'C:\\temp\\x' }, true],
    ['files__*({"to":{"name":"x"}})', { to: { name: 'x', more: true } }, true],
    // Not decidable: these are paths, or not JSON.
    ['files__write(.env*)', { path: 'a' }, true],
    ['files__write(src/**)', { query: 'a' }, true],
    ['files__write({"path": ".env*)', { path: 'a' }, true],
    ['files__write({"path":"*.env"})', { path: '\ud800' }, true],
    ['other__write(.env*)', { path: '.env' }, false],
  ])('deny %s for %j: %s', (rule, params, wanted) => {
    expect(forbids(parseRule(rule), call(params))).toBe(wanted);
  });

  it('that is remembered covers these parameters in any order, and no others', () => {
    const rule = exactRule(call({ b: 1, a: { d: 'x', c: 2 } }));
    expect(rule.pattern).toBe('{"a":{"c":2,"d":"x"},"b":1}');
    expect(isExactly(rule, call({ a: { c: 2, d: 'x' }, b: 1 }))).toBe(true);
    expect(isExactly(rule, call({ a: { c: 2, d: 'x' }, b: 1, path: 'x' }))).toBe(false);
    const withPath = exactRule(call({ path: 'a.txt', content: 'one' }));
    expect(isExactly(withPath, call({ path: 'a.txt', content: 'two' }))).toBe(false);
  });
});

describe('with a real MCP server', () => {
  async function start(
    permissions: { allow: readonly string[]; deny: readonly string[] },
    contents: readonly string[],
  ) {
    const data = temporaryFolder();
    const path = join(data, 'a.txt');
    const running = await startModelAgent(
      [...contents.map((content) => calls('files__write_file', { path, content })), says('done')],
      {
        permissionMode: 'ask',
        permissions,
        mcpServers: { files: { command: process.execPath, args: [filesystemEntry, data] } },
      },
    );
    const started = await running.agent.runs.start({ prompt: 'go', options: {}, requestId: 'r' });
    started.result.catch(() => undefined);
    return { ...running, ...started, path };
  }

  it('a deny rule applies to a path outside the workspace', async () => {
    const { result, server, path } = await start(
      { allow: ['files__*'], deny: ['files__write_file({"path":"*.txt"})'] },
      ['x'],
    );
    await result;
    expect(server.requests[1]?.messages.at(-1)?.toolResults[0]?.text).toContain('was not run: the rule deny');
    expect(existsSync(path)).toBe(false);
  });

  it('allow_always does not cover other content', async () => {
    const { agent, asked, run, path } = await start({ allow: [], deny: [] }, ['one', 'two']);
    const permission = await asked;
    expect(permission.alwaysCovers).toContain('exactly these parameters');
    expect(permission).not.toHaveProperty('realPath');
    await agent.permissions.decide(permission.id, 'allow_always');
    await expect
      .poll(() => agent.permissions.list({ runId: run.id }))
      .toMatchObject([{ params: { path, content: 'two' } }]);
    await agent.runs.cancel(run.id);
  });
});
