import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { waitFor } from '../wait-for.ts';
import { startAgent } from './start-agent.ts';

// The server compiles these schemas without validating them first.
test('the schemas of the tools are valid', async () => {
  const { agent } = await startAgent();
  const ajv = new Ajv2020();
  const tools = await agent.tools.list();
  expect(tools.length).toBeGreaterThan(5);
  for (const { name, inputSchema } of tools) {
    ajv.validateSchema(inputSchema);
    expect(ajv.errors ?? [], name).toEqual([]);
  }
});

describe('files', () => {
  test('write_file creates folders, replaces atomically, keeps the mode and leaves no temporary file', async () => {
    const { tool, workspace } = await startAgent();
    expect(await tool('write_file', { path: 'a/b/c.sh', content: '#!/bin/sh\n' })).toEqual({
      path: 'a/b/c.sh',
      bytes: 10,
      created: true,
    });
    chmodSync(join(workspace, 'a/b/c.sh'), 0o755);
    expect(await tool('write_file', { path: 'a/b/c.sh', content: 'grüße' })).toEqual({
      path: 'a/b/c.sh',
      bytes: 7,
      created: false,
    });
    expect(statSync(join(workspace, 'a/b/c.sh')).mode & 0o777).toBe(0o755);
    expect(readdirSync(join(workspace, 'a/b'))).toEqual(['c.sh']);
  });

  test('edit_file replaces a unique text, or all on request, literally', async () => {
    const { tool, write, workspace } = await startAgent();
    write('f.txt', 'one $& two one');
    await expect(tool('edit_file', { path: 'f.txt', oldText: 'one', newText: '1' })).rejects.toMatchObject({
      message: expect.stringContaining('2 times'),
    });
    await expect(tool('edit_file', { path: 'f.txt', oldText: 'three', newText: '1' })).rejects.toMatchObject({
      message: expect.stringContaining('does not occur'),
    });
    await tool('edit_file', { path: 'f.txt', oldText: 'one', newText: '$1$&', replaceAll: true });
    expect(readFileSync(join(workspace, 'f.txt'), 'utf8')).toBe('$1$& $& two $1$&');
  });

  test('read_file returns the requested lines', async () => {
    const { tool, write } = await startAgent();
    write('f.txt', 'one\ntwo\nthree\n');
    expect(await tool('read_file', { path: 'f.txt', offset: 2, limit: 1 })).toMatchObject({
      content: 'two\n',
      startLine: 2,
      endLine: 2,
    });
    expect(await tool('read_file', { path: 'f.txt', offset: 2 })).toMatchObject({
      content: 'two\nthree\n',
      endLine: 3,
    });
    await expect(tool('read_file', { path: 'f.txt', offset: 9 })).rejects.toMatchObject({
      code: 'tool_failed',
    });
    write('empty.txt', '');
    expect(await tool('read_file', { path: 'empty.txt' })).toMatchObject({ content: '', bytes: 0 });
  });

  test('list_directory shows folders first', async () => {
    const { tool, write } = await startAgent();
    write('z/file', '');
    write('a', '');
    expect(await tool('list_directory', {})).toEqual({
      path: '.',
      entries: [
        { name: 'z', kind: 'directory' },
        { name: 'a', kind: 'file' },
      ],
      truncated: false,
    });
  });
});

describe('glob and search', () => {
  test('respect .gitignore, including nested ones and exceptions', async () => {
    const { tool, write } = await startAgent();
    write('.gitignore', '*.log\n/build/\n');
    write('a.log', 'needle');
    write('build/out.js', 'needle');
    write('src/.gitignore', '!keep.log\nsecret.ts\n');
    write('src/keep.log', 'needle');
    write('src/secret.ts', 'needle');
    write('src/deep/main.ts', 'needle');
    write('.git/config', 'needle');
    expect((await tool('glob', { pattern: '**' })).files).toEqual([
      '.gitignore',
      'src/.gitignore',
      'src/deep/main.ts',
      'src/keep.log',
    ]);
    expect(
      ((await tool('search', { pattern: 'needle' })).matches as { path: string }[]).map(({ path }) => path),
    ).toEqual(['src/deep/main.ts', 'src/keep.log']);
    expect((await tool('glob', { pattern: '*.log', path: 'src' })).files).toEqual(['src/keep.log']);
  });

  test.each([
    ['*.ts', ['a.ts', 'src/b.ts', 'src/deep/c.ts']],
    ['src/*.ts', ['src/b.ts']],
    ['src/**/*.ts', ['src/b.ts', 'src/deep/c.ts']],
    ['**/deep/*', ['src/deep/c.ts']],
    ['./a.ts', ['a.ts']],
    ['{a,b}.ts', ['a.ts', 'src/b.ts']],
    ['src/[!b]*', ['src/d.js']],
    ['src/?.js', ['src/d.js']],
    ['nothing*', []],
  ])('glob %s', async (pattern, files) => {
    const { tool, write } = await startAgent();
    for (const path of ['a.ts', 'src/b.ts', 'src/deep/c.ts', 'src/d.js']) write(path, '');
    expect((await tool('glob', { pattern })).files).toEqual(files);
  });

  test('search finds by expression and literal text, with or without case, in the chosen files', async () => {
    const { tool, write } = await startAgent();
    write('a.ts', 'alpha\nBeta (x)\n');
    write('b.md', 'beta\n');
    const find = async (params: Record<string, unknown>): Promise<unknown> =>
      ((await tool('search', params)).matches as { path: string; line: number }[]).map(
        ({ path, line }) => `${path}:${line}`,
      );
    expect(await find({ pattern: '^[Bb]eta' })).toEqual(['a.ts:2', 'b.md:1']);
    expect(await find({ pattern: 'BETA', caseSensitive: false, glob: '*.md' })).toEqual(['b.md:1']);
    expect(await find({ pattern: '(x)', literal: true })).toEqual(['a.ts:2']);
    expect(await tool('search', { pattern: '.', maxResults: 1 })).toMatchObject({ truncated: true });
    await expect(tool('search', { pattern: '(' })).rejects.toMatchObject({
      code: 'validation_failed',
      errors: [{ pointer: '/pattern' }],
    });
  });

  test('survive hostile patterns', async () => {
    const { tool, write } = await startAgent();
    write(`${'a'.repeat(200)}`, `${'a'.repeat(9000)}!\n`.repeat(20));
    // A backtracking engine would take practically forever for each of them.
    expect(await tool('search', { pattern: '(a+)+$' })).toMatchObject({ matches: [] });
    expect(await tool('search', { pattern: '(a|aa)+b' })).toMatchObject({ matches: [] });
    expect(await tool('glob', { pattern: `${'*a'.repeat(50)}*b` })).toMatchObject({ files: [] });
    const braces = `{${'a,'.repeat(200)}}${'**/'.repeat(100)}b`;
    expect(await tool('glob', { pattern: braces })).toMatchObject({ files: [] });
  });
});

describe('bash', () => {
  test('returns exit code and both outputs; a failure is a result', async () => {
    const { tool } = await startAgent();
    expect(await tool('bash', { command: 'echo out; echo err >&2; exit 3' })).toMatchObject({
      exitCode: 3,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
      timedOut: false,
      truncated: false,
    });
  });

  test('runs in the workspace, with no input', async () => {
    const { tool, workspace, write } = await startAgent();
    write('sub/file', '');
    expect((await tool('bash', { command: 'pwd; cat' })).stdout).toBe(`${workspace}\n`);
    expect((await tool('bash', { command: 'ls', cwd: 'sub' })).stdout).toBe('file\n');
  });

  test('does not get the server’s secrets', async () => {
    const { tool } = await startAgent({
      environment: {
        PATH: process.env.PATH,
        LC_ALL: 'C',
        CODEBUDDY_API_KEY: 'k',
        ANTHROPIC_API_KEY: 'k',
        DATABASE_URL: 'd',
        NODE_OPTIONS: '--inspect',
        LD_PRELOAD: 'x',
      },
    });
    const names = String((await tool('bash', { command: 'env' })).stdout)
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(
      names.filter(
        (name) =>
          !['PATH', 'LC_ALL', 'TERM', 'PWD', 'OLDPWD', 'SHLVL', '_', 'CODEBUDDY_CALL', ''].includes(
            String(name),
          ),
      ),
    ).toEqual([]);
  });

  test('keeps head and tail of long output, and splits no character', async () => {
    const { tool } = await startAgent();
    const { stdout, truncated } = await tool('bash', {
      command: 'echo first; yes "grüße 🐙" | head -n 3000000; echo last',
    });
    expect(truncated).toBe(true);
    expect(stdout).toMatch(/^first\n/);
    expect(stdout).toMatch(/last\n$/);
    expect(stdout).toMatch(/\[… \d+ bytes left out …\]/);
    expect(stdout).not.toContain('\ufffd');
    expect(Buffer.byteLength(String(stdout))).toBeLessThan(66_000);
  });

  test('is killed at its time limit with its process group, even if it ignores SIGTERM', async () => {
    const { tool } = await startAgent();
    const marker = `codebuddy-${process.pid}-${Date.now()}`;
    const result = await tool('bash', {
      command: `trap '' TERM; (trap '' TERM; exec -a ${marker} sleep 300) & (exec -a ${marker} sleep 300) & wait`,
      timeoutMs: 300,
    });
    expect(result).toMatchObject({ timedOut: true });
    await waitFor('no process is left', () => !isRunning(marker));
  });

  test('is killed by an abort with its process group', async () => {
    const { tool } = await startAgent();
    const marker = `codebuddy-abort-${process.pid}-${Date.now()}`;
    const controller = new AbortController();
    const running = tool('bash', { command: `trap '' TERM; exec -a ${marker} sleep 300` }, controller.signal);
    await waitFor('the command runs', () => isRunning(marker));
    controller.abort();
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect(isRunning(marker)).toBe(false);
  });

  test('is not held up by a background process, which is ended', async () => {
    const { tool } = await startAgent();
    const marker = `codebuddy-background-${process.pid}-${Date.now()}`;
    expect(await tool('bash', { command: `(exec -a ${marker} sleep 300) & echo done` })).toMatchObject({
      stdout: 'done\n',
      exitCode: 0,
    });
    await waitFor('no process is left', () => !isRunning(marker));
  });
});

describe('the tools', () => {
  test('refuse unknown names and name every invalid field', async () => {
    const { tool, events } = await startAgent();
    await expect(tool('nope', {})).rejects.toMatchObject({ code: 'tool_not_found' });
    await expect(tool('bash', { timeoutMs: 0, 'a/b': 1 })).rejects.toMatchObject({
      code: 'validation_failed',
      errors: expect.arrayContaining([
        { in: 'body', pointer: '/command', message: 'is required' },
        { in: 'body', pointer: '/a~1b', message: 'is not a known field' },
        expect.objectContaining({ pointer: '/timeoutMs' }),
      ]),
    });
    expect(await events()).toEqual([]);
  });

  test('log start, file changes and end; a failure as tool.error', async () => {
    const { tool, events } = await startAgent();
    await tool('write_file', { path: 'a.txt', content: 'a' });
    await tool('edit_file', { path: 'a.txt', oldText: 'a', newText: 'b' });
    await tool('read_file', { path: 'missing' }).catch(() => undefined);
    expect((await events()).map(({ type }) => type)).toEqual([
      'tool.start',
      'file.create',
      'tool.complete',
      'tool.start',
      'file.modify',
      'tool.complete',
      'tool.start',
      'tool.error',
    ]);
  });

  test('have a description, an object schema and a read-only mark', async () => {
    const { agent } = await startAgent();
    const tools = await agent.tools.list();
    expect(
      tools
        .filter(({ readOnly }) => readOnly)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['glob', 'list_directory', 'read_file', 'search']);
    for (const { description, inputSchema } of tools) {
      expect(description.length).toBeGreaterThan(20);
      expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
    }
  });
});

function isRunning(marker: string): boolean {
  return execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .some((line) => line.startsWith(marker));
}
