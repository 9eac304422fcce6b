// Files over HTTP: concurrent edits, named errors, and changes by other programs on the stream.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../../wait-for.ts';
import { startApp } from '../start-app.ts';

test('ten concurrent edits with POST /api/tools are all applied', async () => {
  const { client, write, workspace } = await startApp();
  write('f.txt', Array.from({ length: 10 }, (_, index) => `line ${index};\n`).join(''));
  await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      client.tools.execute('edit_file', {
        path: 'f.txt',
        oldText: `line ${index};`,
        newText: `LINE ${index};`,
      }),
    ),
  );
  const lines = readFileSync(join(workspace, 'f.txt'), 'utf8').trimEnd().split('\n');
  expect(lines).toEqual(Array.from({ length: 10 }, (_, index) => `LINE ${index};`));
});

test('an operating system error is named in the answer', async () => {
  const { client, workspace } = await startApp();
  mkdirSync(join(workspace, 'folder'));
  await expect(
    client.tools.execute('write_file', { path: `${'x'.repeat(300)}`, content: '' }),
  ).rejects.toMatchObject({
    code: 'tool_failed',
    status: 422,
    message: expect.stringContaining('(ENAMETOOLONG)'),
  });
  await expect(client.tools.execute('bash', { command: `: ${'ü'.repeat(70_000)}` })).rejects.toMatchObject({
    code: 'tool_failed',
    message: expect.stringContaining('(E2BIG)'),
  });
});

test('changes by other programs in new folders are on the stream, once each', async () => {
  const { client, workspace } = await startApp({ config: { watch: true } });
  const told: string[] = [];
  const stop = new AbortController();
  const wanted = new Set<string>();
  const done = Promise.withResolvers<void>();
  const following = (async () => {
    for await (const { type, data } of client.events.stream({
      types: ['file.*'],
      after: 0,
      signal: stop.signal,
    })) {
      told.push(`${type} ${(data as { path: string }).path}`);
      wanted.delete(told.at(-1) as string);
      if (told.at(-1)?.startsWith('file.create probe')) done.resolve();
    }
  })().catch(() => undefined);
  onTestFinished(async () => {
    stop.abort();
    await following;
  });
  // The first reported change proves that the watcher has started. Each probe is another file: the watcher may have
  // learned the earlier ones at its start.
  let probes = 0;
  const probing = setInterval(() => writeFileSync(join(workspace, `probe${probes++}`), 'x'), 500);
  await done.promise;
  clearInterval(probing);
  execFileSync('sh', ['-c', 'mkdir -p a/b/c/d && sleep 0.4 && echo x > a/b/c/d/x.txt'], { cwd: workspace });
  execFileSync('sh', ['-c', 'for i in $(seq 300); do mkdir -p n/$i/deep; echo x > n/$i/deep/f; done'], {
    cwd: workspace,
  });
  const paths = ['a/b/c/d/x.txt', ...Array.from({ length: 300 }, (_, index) => `n/${index + 1}/deep/f`)];
  for (const path of paths) if (!told.includes(`file.create ${path}`)) wanted.add(`file.create ${path}`);
  await waitFor(
    'an event of each file',
    () => wanted.size === 0,
    () => [...wanted].slice(0, 5),
  );
  const others = told.filter((line) => !line.includes(' probe'));
  expect(others.length).toBe(new Set(others).size);
  expect(others).toHaveLength(paths.length);
});
