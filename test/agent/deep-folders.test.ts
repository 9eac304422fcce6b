// Deep, large and unusual folders. The server answers other requests meanwhile, and reports what it left out.

import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { WalkBounds } from '../../src/agent/tools/walk-bounds.ts';
import { walkFiles } from '../../src/agent/tools/walk-files.ts';
import { openWorkspace } from '../../src/agent/tools/workspace.ts';
import { startAgent, temporaryFolder } from './start-agent.ts';
import { watchTurns } from './watch-turns.ts';

/** Nested folders: `name/name/…`. */
function makeDeep(workspace: string, levels: number, name = 'd'): void {
  const path = Array.from({ length: levels }, () => name).join('/');
  execFileSync('mkdir', ['-p', path], { cwd: workspace });
  writeFileSync(join(workspace, path, 'deepest.txt'), 'needle');
  // `rm` handles the depth better than fs.rmSync.
  onTestFinished(() => void execFileSync('rm', ['-rf', join(workspace, name)]));
}

it('glob and search of 1900 nested folders end, and report the depth limit', async () => {
  const { tool, write, workspace } = await startAgent();
  write('top.txt', 'needle');
  makeDeep(workspace, 1900);
  const { result: globbed, turns } = await watchTurns(1, () => tool('glob', { pattern: '*.txt' }));
  expect(globbed).toEqual({ files: ['top.txt'], truncated: true, truncatedBy: ['depth'] });
  expect(turns).toBeGreaterThan(100);
  const searched = await tool('search', { pattern: 'needle' });
  expect(searched).toMatchObject({
    matches: [{ path: 'top.txt' }],
    truncated: true,
    truncatedBy: ['depth'],
  });
});

it('the offline agent reports an incomplete search', async () => {
  const { prompt, write, workspace } = await startAgent();
  write('top.txt', 'needle');
  makeDeep(workspace, 400);
  expect((await prompt('list *.txt')).response).toBe('top.txt\n[… the search is incomplete: depth …]');
  expect((await prompt('search nothing-like-this')).response).toContain('the search is incomplete: depth');
});

it('every file tool refuses a path of 2000 folders, naming the limit', async () => {
  const { tool } = await startAgent();
  const path = `${'d/'.repeat(2000)}file.txt`;
  for (const [name, params] of [
    ['read_file', { path }],
    ['write_file', { path, content: 'x' }],
    ['edit_file', { path, oldText: 'a', newText: 'b' }],
    ['list_directory', { path }],
    ['glob', { path, pattern: '*' }],
    ['search', { path, pattern: 'x' }],
    ['bash', { cwd: path, command: 'true' }],
  ] as const) {
    await expect(tool(name, params), name).rejects.toThrow('is more than 256 folders deep');
  }
});

it('an abort ends a walk', async () => {
  const { tool, workspace } = await startAgent();
  for (let i = 0; i < 50; i++) {
    mkdirSync(join(workspace, `${i}`));
    writeFileSync(join(workspace, `${i}`, 'file.txt'), 'text');
  }
  const controller = new AbortController();
  const work = tool('search', { pattern: 'x' }, controller.signal);
  controller.abort();
  await expect(work).rejects.toMatchObject({ name: 'AbortError' });
});

it('a walk ends at its time limit, and reports it', async () => {
  const folder = temporaryFolder();
  for (const name of ['a', 'b', 'c', 'd']) writeFileSync(join(folder, name), '');
  let now = 0;
  const bounds = new WalkBounds({ timeMs: 30_000, now: () => now });
  const seen: string[] = [];
  const workspace = await openWorkspace(folder);
  for await (const file of walkFiles(workspace, '.', new AbortController().signal, bounds)) {
    seen.push(file);
    now += 15_000;
  }
  expect(seen).toEqual(['a', 'b']);
  expect(bounds.told).toEqual({ truncated: true, truncatedBy: ['time'] });
});

it('a walk ends at its entry limit, and reports it', async () => {
  const folder = temporaryFolder();
  for (const name of ['a', 'b', 'c', 'd']) {
    mkdirSync(join(folder, name));
    for (let i = 0; i < 10; i++) writeFileSync(join(folder, name, `${i}`), '');
  }
  const workspace = await openWorkspace(folder);
  const read = async (bounds: WalkBounds): Promise<number> => {
    let count = 0;
    for await (const _file of walkFiles(workspace, '.', new AbortController().signal, bounds)) count++;
    return count;
  };
  const few = new WalkBounds({ maxEntries: 25 });
  expect(await read(few)).toBe(20);
  expect(few.told).toEqual({ truncated: true, truncatedBy: ['entries'] });
  const narrow = new WalkBounds({ maxEntriesOfFolder: 5 });
  expect(await read(narrow)).toBe(20);
  expect(narrow.told).toEqual({ truncated: true, truncatedBy: ['entries'] });
  const whole = new WalkBounds();
  expect(await read(whole)).toBe(40);
  expect(whole.told).toEqual({ truncated: false });
});

it('glob and list_directory of 5 000 files let others have their turn', async () => {
  const { tool, workspace } = await startAgent();
  execFileSync('sh', ['-c', 'seq 5000 | xargs touch'], { cwd: workspace });
  const globbed = await watchTurns(1, () => tool('glob', { pattern: '4999' }));
  expect(globbed.result).toEqual({ files: ['4999'], truncated: false });
  expect(globbed.turns).toBeGreaterThan(100);
  const listed = (await tool('list_directory', {})) as { entries: unknown[]; truncated: boolean };
  expect(listed.entries).toHaveLength(1000);
  expect(listed.truncated).toBe(true);
});

it('a walk survives loops of links, pipes, devices and files over 10 MiB', async () => {
  const { tool, write, workspace } = await startAgent();
  write('a/found.txt', 'needle');
  symlinkSync('..', join(workspace, 'a', 'loop'));
  symlinkSync('self', join(workspace, 'self'));
  symlinkSync('/dev/zero', join(workspace, 'zero'));
  execFileSync('mkfifo', [join(workspace, 'pipe'), join(workspace, 'a', '.gitignore')]);
  execFileSync('truncate', ['-s', '100M', join(workspace, 'one-line.txt')]);
  expect(await tool('glob', { pattern: '*' })).toEqual({
    files: ['a/found.txt', 'one-line.txt'],
    truncated: false,
  });
  expect(await tool('search', { pattern: 'needle' })).toMatchObject({
    matches: [{ path: 'a/found.txt' }],
    filesSearched: 1,
    filesSkipped: 1,
    truncated: false,
  });
  await expect(tool('read_file', { path: 'pipe' })).rejects.toThrow('not a regular file');
});

it('search reports how many lines it read only in part', async () => {
  const { tool, write } = await startAgent();
  write('long.txt', `${'x'.repeat(20_000)}needle\nneedle\n`);
  expect(await tool('search', { pattern: 'needle', literal: true })).toMatchObject({
    matches: [{ line: 2 }],
    linesCut: 1,
  });
});

it('the results of glob are limited in size', async () => {
  const { tool, workspace } = await startAgent();
  const folders = Array.from({ length: 12 }, (_, i) => `${i}`.repeat(250).slice(0, 250)).join('/');
  mkdirSync(join(workspace, folders), { recursive: true });
  execFileSync('sh', ['-c', 'seq 1000 | xargs touch'], { cwd: join(workspace, folders) });
  const { files, ...rest } = (await tool('glob', { pattern: '*', maxResults: 10_000 })) as {
    files: string[];
  };
  expect(files.join('').length).toBeLessThanOrEqual(1_048_576);
  expect(rest).toEqual({ truncated: true, truncatedBy: ['size'] });
});

it('a .gitignore with many `**` works on a deep path', async () => {
  const { tool, write, workspace } = await startAgent();
  write('.gitignore', `a/${'**/b/'.repeat(12)}**/c\n*.log\n`);
  write('x.log', '');
  mkdirSync(join(workspace, 'a'));
  makeDeep(join(workspace, 'a'), 200, 'b');
  expect(await tool('glob', { pattern: 'deepest.txt' })).toMatchObject({
    files: [expect.stringContaining('b/deepest.txt')],
  });
  expect(await tool('glob', { pattern: '*.log' })).toMatchObject({ files: [] });
});
