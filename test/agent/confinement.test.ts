import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAgent } from '../../src/agent/agent.ts';
import { openWorkspace } from '../../src/agent/tools/workspace.ts';
import { type RunningAgent, startAgent, temporaryFolder } from './start-agent.ts';

const secret = 'the secret outside';

async function startWithSecret(): Promise<RunningAgent> {
  const running = await startAgent();
  writeFileSync(join(running.outside, 'secret.txt'), secret);
  return running;
}

/** Every tool that takes a path, tried on one. */
const attempts: readonly (readonly [tool: string, params: (path: string) => Record<string, unknown>])[] = [
  ['read_file', (path) => ({ path })],
  ['write_file', (path) => ({ path, content: 'taken over' })],
  ['edit_file', (path) => ({ path, oldText: 'secret', newText: 'taken over' })],
  ['list_directory', (path) => ({ path })],
  ['glob', (path) => ({ pattern: '**', path })],
  ['search', (path) => ({ pattern: 'secret', path })],
  ['bash', (path) => ({ command: 'cat secret.txt', cwd: path })],
];

async function expectNoWayOut(running: RunningAgent, path: string): Promise<void> {
  for (const [tool, params] of attempts) {
    const outcome = await running.tool(tool, params(path)).then(
      (result) => JSON.stringify(result),
      (error: { code?: string }) => ({ code: error.code }),
    );
    if (typeof outcome === 'object') {
      expect(
        ['outside_workspace', 'file_not_found', 'tool_failed', 'validation_failed'],
        `${tool} on ${path}`,
      ).toContain(outcome.code);
    }
    if (typeof outcome === 'string') expect(outcome, `${tool} on ${path}`).not.toContain('the secret');
  }
  expect(readFileSync(join(running.outside, 'secret.txt'), 'utf8')).toBe(secret);
}

describe('no path leads out of the workspace', () => {
  test.each([
    '../outside/secret.txt',
    '../outside',
    '..',
    'a/../../outside/secret.txt',
    './../outside/secret.txt',
    'a/b/../../../outside',
    '/etc/passwd',
    '/',
    '/proc/self/environ',
    '/proc/self/root/etc/passwd',
    '/dev/zero',
    '//etc/passwd',
  ])('%s', async (path) => {
    await expectNoWayOut(await startWithSecret(), path);
  });

  test('the absolute path of a neighbour whose name begins like the workspace', async () => {
    const running = await startWithSecret();
    mkdirSync(`${running.workspace}-evil`);
    writeFileSync(`${running.workspace}-evil/secret.txt`, secret);
    await expectNoWayOut(running, `${running.workspace}-evil/secret.txt`);
    await expectNoWayOut(running, `${running.workspace}-evil`);
  });

  test('links: to files and folders, absolute, relative, dangling, chained and in loops', async () => {
    const running = await startWithSecret();
    const { workspace, outside } = running;
    symlinkSync(join(outside, 'secret.txt'), join(workspace, 'file-link'));
    symlinkSync('../outside/secret.txt', join(workspace, 'relative-link'));
    symlinkSync(outside, join(workspace, 'folder-link'));
    symlinkSync(join(outside, 'new.txt'), join(workspace, 'dangling'));
    symlinkSync('loop-b', join(workspace, 'loop-a'));
    symlinkSync('loop-a', join(workspace, 'loop-b'));
    mkdirSync(join(workspace, 'deep'));
    symlinkSync('../folder-link', join(workspace, 'deep', 'chain'));
    for (const path of [
      'file-link',
      'relative-link',
      'folder-link',
      'folder-link/secret.txt',
      'folder-link/made/new.txt',
      'folder-link/../outside/secret.txt',
      'dangling',
      'loop-a',
      'loop-a/secret.txt',
      'deep/chain/secret.txt',
    ]) {
      await expectNoWayOut(running, path);
    }
    expect(existsSync(join(outside, 'new.txt'))).toBe(false);
    expect(existsSync(join(outside, 'made'))).toBe(false);
  });

  test('a walk of the whole workspace does not follow links', async () => {
    const running = await startWithSecret();
    symlinkSync(running.outside, join(running.workspace, 'folder-link'));
    symlinkSync(join(running.outside, 'secret.txt'), join(running.workspace, 'file-link'));
    running.write('inside.txt', 'the secret inside');
    expect(await running.tool('glob', { pattern: '**' })).toEqual({
      files: ['inside.txt'],
      truncated: false,
    });
    expect(JSON.stringify(await running.tool('search', { pattern: 'secret' }))).not.toContain(secret);
  });

  test('a link that stays inside is followed', async () => {
    const running = await startAgent();
    running.write('real/file.txt', 'content');
    symlinkSync('real/file.txt', join(running.workspace, 'link.txt'));
    expect((await running.tool('read_file', { path: 'link.txt' })).content).toBe('content');
    await running.tool('write_file', { path: 'link.txt', content: 'changed' });
    expect(readFileSync(join(running.workspace, 'real/file.txt'), 'utf8')).toBe('changed');
  });

  test('a workspace that is itself a link works, by its own name and by the real one', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'real'));
    symlinkSync('real', join(folder, 'link'));
    const workspace = await openWorkspace(join(folder, 'link'));
    await workspace.writeFile('a.txt', 'a');
    expect(workspace.relative(join(folder, 'link', 'a.txt'))).toBe('a.txt');
    expect(workspace.relative(join(folder, 'real', 'a.txt'))).toBe('a.txt');
    expect(() => workspace.relative(join(folder, 'other'))).toThrowError(/leads out/);
  });

  test('NUL characters, very long names, backslashes, unusual Unicode', async () => {
    const running = await startWithSecret();
    for (const path of [
      'a\0b',
      '../outside/secret.txt\0.txt',
      `${'a'.repeat(300)}/x`,
      'x/'.repeat(3000),
      '..\\outside\\secret.txt',
      '．．/outside/secret.txt',
      '%2e%2e/outside/secret.txt',
      '‥/outside',
      '~/secret.txt',
      '\ud800',
    ]) {
      await expectNoWayOut(running, path);
    }
  });

  test('any mix of dots, slashes, links and names', async () => {
    const running = await startWithSecret();
    mkdirSync(join(running.workspace, 'a'));
    symlinkSync('..', join(running.workspace, 'a', 'up'));
    symlinkSync('../..', join(running.workspace, 'a', 'out'));
    symlinkSync(running.outside, join(running.workspace, 'away'));
    const part = fc.constantFrom(
      '..',
      '.',
      'a',
      'up',
      'out',
      'away',
      'outside',
      'secret.txt',
      '',
      'workspace',
      running.workspace,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 7 }), async (parts) => {
        const path = parts.join('/') || '.';
        await Promise.all(
          attempts.slice(0, 4).map(async ([tool, params]) => {
            const text = await running.tool(tool, params(path)).then(
              (result) => String(result.content ?? ''),
              () => '',
            );
            expect(text, `${tool} on ${path}`).not.toContain('the secret');
          }),
        );
        expect(readFileSync(join(running.outside, 'secret.txt'), 'utf8')).toBe(secret);
      }),
      { numRuns: 300 },
    );
  });

  test('a folder that is swapped for a link while tools run', async () => {
    const running = await startWithSecret();
    const { workspace, outside } = running;
    writeFileSync(join(outside, 'file.txt'), secret);
    const real = join(workspace, 'real');
    const link = join(workspace, 'evil');
    const name = join(workspace, 'swapped');
    mkdirSync(name);
    writeFileSync(join(name, 'file.txt'), 'inside');
    symlinkSync(outside, link);

    /** Puts the link or the real folder under the name, and keeps the other one aside. */
    function swap(current: string, next: string): void {
      renameSync(name, current);
      for (;;) {
        try {
          // The name is free now, and a tool may create a folder there, and files in it.
          rmSync(name, { recursive: true, force: true });
          renameSync(next, name);
          return;
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code !== 'EISDIR' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
        }
      }
    }
    let swaps = 0;
    const swapper = setInterval(() => {
      if (swaps++ % 2 === 0) swap(real, link);
      else swap(link, real);
    }, 0);
    onTestFinished(() => clearInterval(swapper));

    let worked = 0;
    for (let round = 0; round < 400 || swaps < 50 || worked === 0; round++) {
      const results = await Promise.allSettled([
        running.tool('read_file', { path: 'swapped/file.txt' }),
        running.tool('write_file', { path: 'swapped/written.txt', content: 'x' }),
        running.tool('list_directory', { path: 'swapped' }),
      ]);
      for (const result of results) {
        if (result.status === 'fulfilled') worked++;
        expect(JSON.stringify(result)).not.toContain(secret);
      }
      expect(existsSync(join(outside, 'written.txt'))).toBe(false);
    }
  });
});

/** Bytes that this process has read from files so far; 0 where the system does not count them. */
function bytesRead(): number {
  try {
    return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}

describe('special files', () => {
  test('a FIFO, a device behind a link and a folder are refused without waiting', async () => {
    const running = await startAgent();
    execFileSync('mkfifo', [join(running.workspace, 'fifo')]);
    running.write('folder/file.txt', 'x');
    symlinkSync('/dev/zero', join(running.workspace, 'zero'));
    await expect(running.tool('read_file', { path: 'fifo' })).rejects.toMatchObject({ code: 'tool_failed' });
    await expect(running.tool('write_file', { path: 'fifo', content: 'x' })).rejects.toMatchObject({
      code: 'tool_failed',
    });
    await expect(running.tool('read_file', { path: 'zero' })).rejects.toMatchObject({
      code: 'outside_workspace',
    });
    await expect(running.tool('read_file', { path: 'folder' })).rejects.toMatchObject({
      code: 'tool_failed',
    });
    await expect(running.tool('write_file', { path: 'folder', content: 'x' })).rejects.toMatchObject({
      code: 'tool_failed',
    });
    expect(await running.tool('search', { pattern: 'x' })).toMatchObject({ filesSearched: 1 });
  });

  test('a binary of 100 MB is refused without being read', async () => {
    const running = await startAgent();
    const path = running.write('big.bin', Buffer.alloc(0));
    execFileSync('truncate', ['-s', '100M', path]);
    const before = bytesRead();
    await expect(running.tool('read_file', { path: 'big.bin' })).rejects.toMatchObject({
      code: 'tool_failed',
      message: expect.stringContaining('binary'),
    });
    await expect(
      running.tool('edit_file', { path: 'big.bin', oldText: 'a', newText: 'b' }),
    ).rejects.toMatchObject({ code: 'tool_failed' });
    expect(await running.tool('search', { pattern: 'x' })).toMatchObject({ matches: [] });
    expect(bytesRead() - before).toBeLessThan(50e6);
  });

  test('100 MB of text are returned as head and tail', async () => {
    const running = await startAgent();
    const line = `${'x'.repeat(99)}\n`;
    running.write('big.txt', `first\n${line.repeat(1_000_000)}last\n`);
    const { content, truncated } = await running.tool('read_file', { path: 'big.txt' });
    expect(truncated).toBe(true);
    expect(content).toMatch(/^first\n/);
    expect(content).toMatch(/last\n$/);
    expect(content).toMatch(/\[… \d+ bytes left out/);
    expect(String(content).length).toBeLessThan(300_000);
    const part = await running.tool('read_file', { path: 'big.txt', offset: 1_000_001, limit: 5 });
    expect(part.content).toBe(`${line}last\n`);
  });

  test('hard links still lead to the same file after its content is replaced', async () => {
    const running = await startAgent();
    const path = running.write('a.txt', 'a');
    linkSync(path, join(running.workspace, 'b.txt'));
    await running.tool('write_file', { path: 'b.txt', content: 'b' });
    expect(readFileSync(path, 'utf8')).toBe('b');
  });

  test('a workspace that was removed is reported as not found', async () => {
    const running = await startAgent();
    rmSync(running.workspace, { recursive: true });
    await expect(running.tool('write_file', { path: 'a', content: 'x' })).rejects.toMatchObject({
      code: 'file_not_found',
    });
    await expect(running.tool('list_directory', {})).rejects.toMatchObject({ code: 'file_not_found' });
  });

  test('a workspace that is not a folder is refused at the start', async () => {
    const running = await startAgent();
    const file = running.write('file', 'x');
    const { store, log } = running;
    await expect(createAgent({ store, log, workspace: file })).rejects.toThrowError(/not a folder/);
  });
});
