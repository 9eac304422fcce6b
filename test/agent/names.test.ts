// Names with pattern characters, names in other normal forms, and almost correct names.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startAgent } from './start-agent.ts';

const names = [
  'app/[id]/page.tsx',
  'app/i/page.tsx',
  'app/[...slug]/a.ts',
  'app/(group)/{x,y}.ts',
  'a*b.txt',
  'what?.txt',
  '[!a].md',
];

describe('pattern characters in names', () => {
  test.each([
    ['app/[id]/page.tsx', ['app/[id]/page.tsx', 'app/i/page.tsx']],
    ['app/[id]/**', ['app/[id]/page.tsx', 'app/i/page.tsx']],
    ['app/[...slug]/[a-c].ts', ['app/[...slug]/a.ts']],
    ['app/(group)/{x,y}.ts', ['app/(group)/{x,y}.ts']],
    ['{x,y}.ts', ['app/(group)/{x,y}.ts']],
    ['{what,how}?.txt', ['what?.txt']],
    ['[!a].md', ['[!a].md']],
    ['a*b.txt', ['a*b.txt']],
  ])('are found by glob %s, by search and by the offline agent', async (pattern, wanted) => {
    const { tool, write, prompt } = await startAgent();
    for (const name of names) write(name, 'needle');
    expect((await tool('glob', { pattern })).files).toEqual(wanted);
    const { matches } = await tool('search', { pattern: 'needle', glob: pattern });
    expect((matches as { path: string }[]).map(({ path }) => path)).toEqual(wanted);
    expect((await prompt(`list "${pattern}"`)).response.split('\n')).toEqual(wanted);
    expect((await prompt(`search needle in ${pattern}`)).response.split('\n')).toEqual(
      wanted.map((path) => `${path}:1: needle`),
    );
  });

  test('are literal in paths', async () => {
    const { prompt, write, workspace } = await startAgent();
    write('app/[id]/page.tsx', 'one');
    expect((await prompt('read app/[id]/page.tsx')).response).toBe('one');
    expect((await prompt('replace one with two in app/[id]/page.tsx')).finishReason).toBe('stop');
    expect(readFileSync(join(workspace, 'app/[id]/page.tsx'), 'utf8')).toBe('two');
  });
});

describe('paths', () => {
  test('may name a single file for search and glob', async () => {
    const { tool, write } = await startAgent();
    write('.gitignore', 'left-out\n');
    write('src/a.ts', 'one\nneedle\n');
    write('src/b.ts', 'needle');
    write('left-out', 'needle');
    const find = async (params: object): Promise<unknown> =>
      ((await tool('search', { pattern: 'needle', ...params })).matches as { path: string }[]).map(
        ({ path }) => path,
      );
    expect(await find({ path: 'src/a.ts' })).toEqual(['src/a.ts']);
    expect(await find({ path: 'src/a.ts', glob: '*.ts' })).toEqual(['src/a.ts']);
    expect(await find({ path: 'src/a.ts', glob: '*.md' })).toEqual([]);
    expect(await find({ path: 'left-out' })).toEqual(['left-out']);
    expect((await tool('glob', { pattern: '*', path: 'src/b.ts' })).files).toEqual(['src/b.ts']);
    await expect(tool('search', { pattern: 'x', path: 'src/c.ts' })).rejects.toMatchObject({
      code: 'file_not_found',
    });
  });

  test('may be absolute globs inside the workspace, which find nothing outside', async () => {
    const { tool, write, workspace } = await startAgent();
    write('src/a.ts', 'x');
    write('b.ts', 'x');
    expect((await tool('glob', { pattern: `${workspace}/src/*.ts` })).files).toEqual(['src/a.ts']);
    expect((await tool('glob', { pattern: `${workspace}/**/*.ts`, path: 'src' })).files).toEqual([
      'src/a.ts',
    ]);
    expect((await tool('glob', { pattern: `${workspace}/*.ts` })).files).toEqual(['b.ts']);
    expect((await tool('search', { pattern: 'x', glob: `${workspace}/*.ts` })).matches).toHaveLength(1);
    expect((await tool('glob', { pattern: '/etc/*' })).files).toEqual([]);
  });
});

describe('Unicode', () => {
  const composed = 'gr\u00fc\u00dfe/caf\u00e9.txt';
  const decomposed = composed.normalize('NFD');

  test.each([
    ['NFC', composed, decomposed],
    ['NFD', decomposed, composed],
  ])('a name in %s is found by the other form, and is not changed', async (_, onDisk, asked) => {
    const { tool, write, workspace } = await startAgent();
    write(onDisk, 'one');
    expect(await tool('read_file', { path: asked })).toMatchObject({ content: 'one' });
    await tool('edit_file', { path: asked, oldText: 'one', newText: 'two' });
    expect(await tool('write_file', { path: asked, content: 'three' })).toMatchObject({ created: false });
    await tool('write_file', { path: asked.replace('.txt', '.md'), content: 'beside it' });
    expect((await tool('glob', { pattern: asked })).files).toEqual([onDisk]);
    expect((await tool('list_directory', { path: asked.split('/')[0] })).entries).toHaveLength(2);
    expect((await tool('bash', { command: 'ls | wc -l', cwd: asked.split('/')[0] })).stdout).toMatch(
      /^\s*2\n/,
    );
    expect(readdirSync(workspace)).toEqual([onDisk.split('/')[0]]);
    expect(readFileSync(join(workspace, onDisk), 'utf8')).toBe('three');
  });
});

describe('the error for a missing file suggests similar names', () => {
  test.each([
    ['src/idnex.ts', '"src/index.ts"'],
    ['src/Index.ts', '"src/index.ts"'],
    ['src/index.js', '"src/index.ts"'],
    ['scr/index.ts', '"src/index.ts"'],
    ['README', '"README.md"'],
    ['src/inner/none.ts', undefined],
    ['zzzzzz', undefined],
  ])('%s', async (path, near) => {
    const { tool, write } = await startAgent();
    for (const name of ['src/index.ts', 'README.md', 'other/file.txt']) write(name, 'x');
    for (const [name, params] of [
      ['read_file', { path }],
      ['edit_file', { path, oldText: 'x', newText: 'y' }],
    ] as const) {
      const message = await tool(name, params).then(
        () => 'found',
        (error: Error) => error.message,
      );
      expect(message).toContain(`There is no ${JSON.stringify(path)} in the workspace.`);
      if (near === undefined) expect(message).not.toContain('Near');
      else expect(message).toContain(near);
    }
  });

  test('but no files of the server', async () => {
    const { workspace, write } = await startAgent();
    write('secrets.json', 'x');
    const other = await startAgent({ workspace, ownFiles: [join(workspace, 'secrets.json')] });
    await expect(other.tool('read_file', { path: 'secret.json' })).rejects.toThrow(/workspace\.$/);
    expect(existsSync(join(workspace, 'secret.json'))).toBe(false);
  });
});
