// The copies of the workspace's files that are taken before a program runs.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  createWorkspaceCopies,
  type WorkspaceCopiesOptions,
} from '../../src/agent/file-history/workspace-copies.ts';
import { waitFor } from '../wait-for.ts';

function start(options: Partial<WorkspaceCopiesOptions> = {}) {
  const base = mkdtempSync(join(tmpdir(), 'codebuddy-copies-'));
  const root = join(base, 'workspace');
  const stateFolder = join(base, 'state');
  mkdirSync(root);
  const copies = createWorkspaceCopies({
    root,
    except: [],
    environment: { PATH: process.env.PATH, HOME: base },
    stateFolder,
    maxFileBytes: 1_000_000,
    maxTotalBytes: 10_000_000,
    ...options,
  });
  onTestFinished(async () => {
    await copies.close();
    rmSync(base, { recursive: true });
  });
  const copiedBytes = (): number =>
    readdirSync(stateFolder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  return {
    copies,
    copiedBytes,
    write: (name: string, text: string) => writeFileSync(join(root, name), text),
  };
}

test('what a program does not wait for is copied while it runs, as it was before', async () => {
  const { copies, write } = start({ copyWithinMs: 0 });
  const names = Array.from({ length: 4000 }, (_, n) => `${n}.txt`);
  for (const name of names) write(name, 'old');
  const watched = await copies.watch();
  // Most likely before it is copied.
  write('3999.txt', 'new');
  const others = names.slice(0, -1);
  await waitFor('the copies of the others', () =>
    others.every((name) => watched.before.files.get(name)?.copy !== undefined),
  );
  write('3998.txt', 'new');
  const { files } = await watched.after();
  const contentOf = async (all: typeof files, name: string): Promise<string | undefined> => {
    const file = all.get(name);
    return file === undefined ? undefined : (await watched.read(file)).content?.toString();
  };
  expect(await contentOf(watched.before.files, '3998.txt')).toBe('old');
  expect(['old', undefined]).toContain(await contentOf(watched.before.files, '3999.txt'));
  for (const name of ['3998.txt', '3999.txt']) expect(await contentOf(files, name)).toBe('new');
  await watched.end();
});

test('the copies take at most twice the space of the files, however often programs change them', async () => {
  const { copies, copiedBytes, write } = start();
  const bytes = 10_000;
  const names = Array.from({ length: 20 }, (_, n) => `${n}.txt`);
  for (const name of names) write(name, 'x'.repeat(bytes));
  for (let round = 0; round < 60; round++) {
    const watched = await copies.watch();
    const name = names[(round * 7) % names.length] as string;
    const before = watched.before.files.get(name);
    write(name, String(round % 10).repeat(bytes));
    const { files } = await watched.after();
    expect(files.get(name)).not.toBe(before);
    // Each file of before has its content, wherever its copy is by now.
    for (const [path, file] of watched.before.files) {
      const { content, state } = await watched.read(file);
      expect(content?.length, path).toBe(bytes);
      expect(state).toMatchObject({ kind: 'file', bytes });
    }
    await watched.end();
  }
  await (await copies.watch()).end();
  expect(copiedBytes()).toBeLessThanOrEqual(2 * names.length * bytes);
  await copies.close();
  expect(copiedBytes()).toBe(0);
});

test('ignore rules that change between two programs apply to files that are known', async () => {
  const { copies, write } = start();
  const seen = async (): Promise<readonly string[]> => {
    const watched = await copies.watch();
    await watched.end();
    return [...watched.before.files.keys()].sort();
  };
  write('a.txt', 'a');
  write('b.log', 'b');
  expect(await seen()).toEqual(['a.txt', 'b.log']);
  expect(await seen()).toEqual(['a.txt', 'b.log']);
  write('.gitignore', '*.log\n');
  expect(await seen()).toEqual(['.gitignore', 'a.txt']);
  write('.gitignore', '*.txt\n');
  expect(await seen()).toEqual(['.gitignore', 'b.log']);
});
