// Concurrent edits by sessions, callers and other programs: no successful edit is undone, and no content is lost.

import {
  appendFileSync,
  chmodSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { queuedFiles } from '../../src/agent/tools/file-queue.ts';
import { openWorkspace } from '../../src/agent/tools/workspace.ts';
import { waitFor } from '../wait-for.ts';
import { type RunningAgent, startAgent } from './start-agent.ts';

const lines = (count: number): string =>
  Array.from({ length: count }, (_, index) => `line ${index};\n`).join('');

function edit(running: RunningAgent, path: string, index: number, by = 'done'): Promise<unknown> {
  const params = { path, oldText: `line ${index};`, newText: `line ${index} ${by};` };
  return running.tool('edit_file', params);
}

describe('concurrent edits', () => {
  test('of ten lines of one file are all applied', async () => {
    const running = await startAgent();
    const path = running.write('f.txt', lines(10));
    await Promise.all(Array.from({ length: 10 }, (_, index) => edit(running, 'f.txt', index)));
    expect(readFileSync(path, 'utf8')).toBe(lines(10).replaceAll(';', ' done;'));
    expect(readdirSync(running.workspace)).toEqual(['f.txt']);
    expect(queuedFiles()).toBe(0);
  });

  test('of three sessions and of POST /api/tools are all applied', async () => {
    const running = await startAgent();
    const path = running.write('f.txt', lines(20));
    const prompt = (from: number): string =>
      Array.from(
        { length: 5 },
        (_, i) => `replace "line ${from + i};" with "line ${from + i} done;" in f.txt`,
      ).join('\n');
    const results = await Promise.all([
      running.prompt(prompt(0)),
      running.prompt(prompt(5)),
      running.prompt(prompt(10)),
      ...Array.from({ length: 5 }, (_, index) => edit(running, 'f.txt', 15 + index)),
    ]);
    for (const result of results.slice(0, 3)) expect(result).toMatchObject({ finishReason: 'stop' });
    expect(readFileSync(path, 'utf8')).toBe(lines(20).replaceAll(';', ' done;'));
  });

  test('through links, hard links and other spellings of the path are all applied', async () => {
    const running = await startAgent();
    const path = running.write('dir/f.txt', lines(12));
    linkSync(path, join(running.workspace, 'hard.txt'));
    symlinkSync('dir/f.txt', join(running.workspace, 'soft.txt'));
    symlinkSync('dir', join(running.workspace, 'folder'));
    const names = ['dir/f.txt', 'hard.txt', 'soft.txt', 'folder/f.txt', './dir/../dir/f.txt', path];
    await Promise.all(
      Array.from({ length: 12 }, (_, index) => edit(running, names[index % names.length] as string, index)),
    );
    expect(readFileSync(path, 'utf8')).toBe(lines(12).replaceAll(';', ' done;'));
    expect(readFileSync(join(running.workspace, 'hard.txt'), 'utf8')).toBe(readFileSync(path, 'utf8'));
    expect(lstatSync(join(running.workspace, 'soft.txt')).isSymbolicLink()).toBe(true);
    expect(queuedFiles()).toBe(0);
  });

  test('of two agents in one process and one workspace are all applied', async () => {
    const first = await startAgent();
    const path = first.write('f.txt', lines(10));
    const workspace = await openWorkspace(first.workspace);
    const append = (text: string): Promise<unknown> =>
      workspace.changeFile('f.txt', async (handle) => {
        const before = await handle.readFile();
        return { before, after: Buffer.concat([before, Buffer.from(text)]) };
      });
    await Promise.all([
      ...Array.from({ length: 10 }, (_, index) => edit(first, 'f.txt', index)),
      ...Array.from({ length: 10 }, (_, index) => append(`more ${index}\n`)),
    ]);
    const after = readFileSync(path, 'utf8');
    for (let index = 0; index < 10; index++) {
      expect(after).toContain(`line ${index} done;`);
      expect(after).toContain(`more ${index}\n`);
    }
  });

  test('and write_file take turns, and a new file is reported as created once', async () => {
    const running = await startAgent();
    const path = running.write('f.txt', lines(5));
    await Promise.allSettled([
      ...Array.from({ length: 5 }, (_, index) => edit(running, 'f.txt', index)),
      running.tool('write_file', { path: 'f.txt', content: lines(6) }),
      ...Array.from({ length: 5 }, (_, index) => edit(running, 'f.txt', index, 'again')),
    ]);
    expect(readFileSync(path, 'utf8')).toContain('line 5;\n');
    const created = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        running.tool('write_file', { path: 'new/deep/n.txt', content: String(index) }),
      ),
    );
    expect(created.filter((result) => result.created)).toHaveLength(1);
    expect(queuedFiles()).toBe(0);
  });

  test('continue if one is cancelled while it waits, which changes nothing', async () => {
    const running = await startAgent();
    const path = running.write('f.txt', lines(3));
    const workspace = await openWorkspace(running.workspace);
    const gate = Promise.withResolvers<void>();
    const slow = workspace.changeFile('f.txt', async (handle) => {
      const before = await handle.readFile();
      await gate.promise;
      return { before, after: Buffer.from(before.toString().replace('line 0;', 'line 0 done;')) };
    });
    await waitFor('the file is taken', () => queuedFiles() === 1);
    const controller = new AbortController();
    const cancelled = running.tool(
      'edit_file',
      { path: 'f.txt', oldText: 'line 1;', newText: 'never' },
      controller.signal,
    );
    const behind = edit(running, 'f.txt', 2);
    const refused = expect(cancelled).rejects.toMatchObject({ name: 'AbortError' });
    await waitFor(
      'both have begun',
      async () => (await running.events()).filter(({ type }) => type === 'tool.start').length === 2,
    );
    controller.abort();
    await refused;
    gate.resolve();
    await Promise.all([slow, behind]);
    expect(readFileSync(path, 'utf8')).toBe('line 0 done;\nline 1;\nline 2 done;\n');
    expect(queuedFiles()).toBe(0);
  });
});

describe('a file that another program changes', () => {
  const rewrites: readonly (readonly [how: string, rewrite: (path: string) => void])[] = [
    ['written over', (path) => writeFileSync(path, 'by another program')],
    ['written over with the same length', (path) => writeFileSync(path, lines(3).replaceAll('line', 'LINE'))],
    ['appended to', (path) => appendFileSync(path, 'by another program')],
    [
      'replaced by a rename',
      (path) => {
        writeFileSync(`${path}.new`, 'by another program');
        renameSync(`${path}.new`, path);
      },
    ],
    ['deleted', (path) => rmSync(path)],
  ];

  test.each(rewrites)('and that is %s between read and write is not edited', async (_, rewrite) => {
    const running = await startAgent();
    const path = running.write('f.txt', lines(3));
    const workspace = await openWorkspace(running.workspace);
    let left: string | undefined;
    const changing = workspace.changeFile('f.txt', async (handle) => {
      const before = await handle.readFile();
      rewrite(path);
      left = readdirSync(running.workspace).includes('f.txt') ? readFileSync(path, 'utf8') : undefined;
      return { before, after: Buffer.from('by the tool') };
    });
    await expect(changing).rejects.toMatchObject({ code: 'file_changed', status: 409 });
    if (left === undefined) expect(readdirSync(running.workspace)).toEqual([]);
    else expect(readFileSync(path, 'utf8')).toBe(left);
    expect(queuedFiles()).toBe(0);
  });

  test('while its successor is written keeps the content of that program', async () => {
    const running = await startAgent();
    const path = running.write('f.txt', lines(3));
    const editing = { hasEnded: false };
    const refused = expect(edit(running, 'f.txt', 0))
      .rejects.toMatchObject({ code: 'file_changed' })
      .finally(() => {
        editing.hasEnded = true;
      });
    // The edit waits for the disk several times while this file exists.
    const isBeingWritten = () => readdirSync(running.workspace).some((name) => name.endsWith('.tmp'));
    while (!isBeingWritten() && !editing.hasEnded) await nextTurn();
    appendFileSync(path, 'by another program');
    await refused;
    expect(readFileSync(path, 'utf8')).toBe(`${lines(3)}by another program`);
    expect(readdirSync(running.workspace)).toEqual(['f.txt']);
  });

  test('after a session has read it is not overwritten by that session', async () => {
    const running = await startAgent();
    const path = running.write('f.txt', 'one');
    const sessionId = (await running.prompt('read f.txt')).sessionId as string;
    writeFileSync(path, 'two, by another');
    const refused = await running.prompt('write f.txt: from one', {}, sessionId);
    expect(refused.response).toMatch(/changed by someone else since this session last read it/);
    expect(readFileSync(path, 'utf8')).toBe('two, by another');
    await running.prompt('read f.txt', {}, sessionId);
    const written = await running.prompt('write f.txt: from two\nwrite f.txt: again', {}, sessionId);
    expect(written.finishReason).toBe('stop');
    expect(readFileSync(path, 'utf8')).toBe('again');
  });

  test('may be overwritten if the session never read it, or if it is gone', async () => {
    const running = await startAgent();
    const path = running.write('f.txt', 'one');
    const { sessionId } = await running.prompt('write f.txt: two');
    expect(readFileSync(path, 'utf8')).toBe('two');
    rmSync(path);
    await running.prompt('write f.txt: three', {}, sessionId as string);
    expect(readFileSync(path, 'utf8')).toBe('three');
  });
});

test('an edit keeps the mode and the hard links of a file', async () => {
  const running = await startAgent();
  const path = running.write('run.sh', 'echo one\n');
  chmodSync(path, 0o751);
  await running.tool('edit_file', { path: 'run.sh', oldText: 'one', newText: 'two' });
  expect(statSync(path).mode & 0o7777).toBe(0o751);
  linkSync(path, join(running.workspace, 'other.sh'));
  const before = statSync(path).ino;
  await running.tool('edit_file', { path: 'other.sh', oldText: 'two', newText: 'three, longer' });
  await running.tool('edit_file', { path: 'other.sh', oldText: 'three, longer', newText: '3' });
  expect(readFileSync(path, 'utf8')).toBe('echo 3\n');
  expect(statSync(path)).toMatchObject({ ino: before, nlink: 2 });
});
